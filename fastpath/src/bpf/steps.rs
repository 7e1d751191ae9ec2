//! Takes a plan's steps of programs and rows. Decides nothing: the plan has the order. Not here: the other steps.

use segbox_plan::{Delta, Materials, Step};

use super::pins::{PinError, Programs};

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The program is in the plan and its object is not at hand.
    #[error("there is no object for program `{0}`")]
    NoMaterial(String),
    /// A step of another part of the router.
    #[error("this step is neither a program's nor a row's")]
    Elsewhere,
    /// The kernel.
    #[error(transparent)]
    Pin(#[from] PinError),
}

/// Takes the steps in turn; one that fails does not keep the next from being tried.
pub fn take<'a>(
    programs: &mut Programs,
    steps: impl IntoIterator<Item = &'a Step>,
    materials: &Materials,
) -> Vec<Result<(), StepError>> {
    steps.into_iter().map(|step| take_one(programs, step, materials)).collect()
}

fn take_one(programs: &mut Programs, step: &Step, materials: &Materials) -> Result<(), StepError> {
    match step {
        Step::Program(Delta { key, after: Some(_), .. }) => {
            let program = materials.programs.get(key).ok_or_else(|| StepError::NoMaterial(key.clone()))?;
            programs.put(key, program)?;
        }
        Step::Program(Delta { key, after: None, .. }) => programs.remove(key)?,
        Step::Row(Delta { key, after: Some(value), .. }) => programs.put_row(key, value)?,
        Step::Row(Delta { key, after: None, .. }) => programs.remove_row(key)?,
        Step::Setting(_) | Step::Link(_) | Step::Address(_) | Step::Neighbor(_) | Step::HmacKey(_) | Step::Route(_) => {
            return Err(StepError::Elsewhere);
        }
    }
    Ok(())
}
