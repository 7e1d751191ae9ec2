//! Checks in the box's status whether its programs run as machine code, as the cases need it. The packets do not show it, and
//! the figure of a program that is interpreted by mistake would be wrong by half.

use serde::Deserialize;

use super::HardwareError;
use crate::case::{Case, RouterKind};

/// The part of `segbox status --json` that is needed.
#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    programs: Vec<Program>,
}

#[derive(Deserialize)]
struct Program {
    /// Bytes of machine code; 0 if the program is interpreted, None if the box does not know.
    jited: Option<u32>,
}

/// Refuses cases whose programs must be machine code and are interpreted, or the other way round.
///
/// # Errors
/// [`HardwareError::Jit`].
pub(super) fn check(cases: &[Case], status: &str) -> Result<(), HardwareError> {
    // Reading the counters has reported any other fault of the status.
    let programs = serde_json::from_str(status).map_or_else(|_| Vec::new(), |status: Status| status.programs);
    let runs: Vec<bool> = programs.iter().filter_map(|program| Some(program.jited? > 0)).collect();
    for case in cases.iter().filter(|case| case.toml.contains("[program.")) {
        let wants_jit = case.router != RouterKind::NoJit;
        if runs.iter().any(|is_jited| *is_jited != wants_jit) {
            let (wanted, found) = if wants_jit { ("on", "interpreted") } else { ("off", "machine code") };
            return Err(HardwareError::Jit { case: case.id.clone(), wanted, found });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(id: &str, jited: &str) -> Option<String> {
        let case = crate::case::all().into_iter().find(|case| case.id == id).expect("a case");
        let status = format!(r#"{{"sids": [], "links": [], "programs": [{{"name": "stamp", "jited": {jited}}}]}}"#);
        check(&[case], &status).err().map(|error| error.to_string())
    }

    #[test]
    fn a_program_is_measured_as_its_case_says() {
        assert_eq!(told("end-bpf-noop", "120"), None);
        assert_eq!(told("end-bpf-noop-nojit", "0"), None);
        assert_eq!(told("end", "0"), None, "no program of this case");
        assert_eq!(told("end-bpf-noop-nojit", "null"), None, "not known");
        let error = told("end-bpf-noop-nojit", "120").expect("JIT");
        assert!(error.contains("JIT is off") && error.contains("are machine code"), "{error}");
        let error = told("end-bpf-noop", "0").expect("no JIT");
        assert!(error.contains("JIT is on") && error.contains("are interpreted"), "{error}");
        assert!(check(&[], "no status").is_ok());
    }
}
