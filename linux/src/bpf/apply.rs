//! Applies the steps of programs and rows, in the plan's order. Not here: all other steps.

use segbox_plan::fast_path::{COUNTED, ROUTES, is_program, slot_of};
use segbox_plan::state::{Bytes, RowKey};
use segbox_plan::{Delta, Materials, Step};

use super::maps::Map;
use super::pins::{PinError, Programs};

/// Why a step was not applied.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The plan has the program, and the materials lack its object.
    #[error("the object of program `{0}` is missing")]
    NoMaterial(String),
    /// A step of another kind.
    #[error("this step is neither of a program nor of a row")]
    Elsewhere,
    /// The kernel.
    #[error(transparent)]
    Pin(#[from] PinError),
}

/// Applies the steps in turn; one that fails does not keep the next from being tried. Successive rows of one map share its descriptor:
/// opening a pin takes ten times as long as writing a row.
pub fn apply<'a>(
    programs: &mut Programs,
    steps: impl IntoIterator<Item = &'a Step>,
    materials: &Materials,
) -> Vec<Result<(), StepError>> {
    let mut open = None;
    let apply_one = |step: &'a Step| match step {
        Step::Program(Delta { key, after, .. }) => {
            // The program's maps change with it.
            open = None;
            if after.is_none() {
                return Ok(programs.remove(key)?);
            }
            let program = materials.programs.get(key).ok_or_else(|| StepError::NoMaterial(key.clone()))?;
            Ok(programs.put(key, program)?)
        }
        Step::Row(delta) => apply_row(programs, &mut open, delta),
        Step::Attachment(Delta { key, after: Some(()), .. }) => Ok(programs.attach(key)?),
        Step::Attachment(Delta { key, after: None, .. }) => Ok(programs.detach(key)?),
        Step::Xdp(Delta { key, after: Some(at), .. }) => Ok(programs.put_xdp(*key, at)?),
        Step::Xdp(Delta { key, after: None, .. }) => Ok(programs.remove_xdp(*key)?),
        Step::Setting(_)
        | Step::Link(_)
        | Step::Address(_)
        | Step::Neighbor(_)
        | Step::HmacKey(_)
        | Step::Filter(_)
        | Step::Rule(_)
        | Step::Nexthop(_)
        | Step::Route(_) => Err(StepError::Elsewhere),
    };
    steps.into_iter().map(apply_one).collect()
}

/// The map of the last row, and the counters of its rows, where it has some.
struct Open<'a> {
    of: &'a RowKey,
    map: Map,
    counters: Option<Map>,
}

fn apply_row<'a>(
    programs: &mut Programs,
    open: &mut Option<Open<'a>>,
    Delta { key, before, after }: &'a Delta<RowKey, Bytes>,
) -> Result<(), StepError> {
    let open = match open {
        Some(last) if (&last.of.program, &last.of.map) == (&key.program, &key.map) => last,
        _ => match programs.filled(key) {
            Ok(map) => {
                let has_counters = is_program(&key.program) && key.map == ROUTES;
                let counters = has_counters.then(|| programs.open_map(&key.program, COUNTED)).transpose()?;
                open.insert(Open { of: key, map, counters })
            }
            // The program was removed, and its rows with it.
            Err(PinError::NoProgram(_)) if after.is_none() => return Ok(()),
            Err(error) => return Err(error.into()),
        },
    };
    let fail = |source| PinError::of_map(&key.program, &key.map, source);
    // What counts from now on at a place may not begin with what another has counted there.
    if let (Some(counters), Some(slot)) = (&open.counters, after.as_ref().and_then(slot_of))
        && before.as_ref().and_then(slot_of) != Some(slot)
    {
        counters.zero(&slot.to_ne_bytes()).map_err(fail)?;
    }
    let applied = match after {
        Some(value) => open.map.put(&key.key.0, &value.0),
        None => open.map.remove(&key.key.0),
    };
    Ok(applied.map_err(fail)?)
}
