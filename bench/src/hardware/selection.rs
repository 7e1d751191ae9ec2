//! Selects the cases of a lab.toml and checks that one box can have all of them. Lists what the box needs in addition to its
//! file.

use super::{HardwareError, LabFile};
use crate::case::{self, Case, RouterKind};

/// The cases, in the file's order.
///
/// # Errors
/// [`HardwareError::NoCase`], [`HardwareError::Apart`].
pub(crate) fn cases(file: &LabFile) -> Result<Vec<Case>, HardwareError> {
    let all = case::all();
    let mut cases: Vec<Case> = Vec::new();
    for id in &file.cases {
        let case = all.iter().find(|case| case.id == *id).ok_or_else(|| HardwareError::NoCase(id.clone()))?;
        for before in &cases {
            if let Some(why) = apart(before, case).or_else(|| apart(case, before)) {
                return Err(HardwareError::Apart { one: before.id.clone(), other: case.id.clone(), why });
            }
        }
        cases.push(case.clone());
    }
    Ok(cases)
}

/// Why a box that is configured for the first case cannot have the second one.
fn apart(one: &Case, other: &Case) -> Option<&'static str> {
    use RouterKind::{Edge, FastPath, Filters, NoJit, Policies, Sids, Signed, Vrf};
    match (one.router, other.router) {
        (one, other) if one == other => None,
        (Signed, _) => Some("the first needs a box that drops packets that are not signed"),
        (Vrf, _) => Some("the first needs the box's second port in a VRF"),
        (Edge, _) => Some("the first needs a box with the filters of a file without policies"),
        (Filters, _) => Some("the first needs a box with all filters that a file has by default"),
        (FastPath, _) => Some("the first needs a box with fast-path = \"xdp\""),
        (NoJit, _) if has_program(other) => Some("the first needs a box whose BPF JIT is off"),
        (Sids(_), Sids(_)) | (Policies(_), Policies(_)) => {
            Some("the larger number of entries includes the smaller one")
        }
        _ => None,
    }
}

fn has_program(case: &Case) -> bool {
    case.toml.contains("[program.")
}

/// The owner's steps in addition to `segbox apply`, as comments of the box's file.
pub(crate) fn remarks(cases: &[Case]) -> String {
    let mut text = String::new();
    let mut seen: Vec<&str> = Vec::new();
    for object in cases.iter().flat_map(|case| objects(&case.toml)) {
        if !seen.contains(&object) {
            seen.push(object);
            text += &format!(
                "# put {object} in the folder of this file; a build of segbench leaves it in target/bpf/bench\n"
            );
        }
    }
    if cases.iter().any(|case| case.router == RouterKind::Signed) {
        let (file, secret) = (case::SECRET_FILE, String::from_utf8_lossy(case::KEY.secret));
        text += &format!("# in the folder of this file: printf '%s' '{secret}' > {file} && chmod 600 {file}\n");
    }
    if cases.iter().any(|case| case.router == RouterKind::NoJit) {
        text += "# before `segbox apply`, switch the BPF JIT off: [bpf] jit = \"off\" in the box's hardware profile\n";
    }
    text
}

/// Objects that are not built into segbox: those that are named by a file name.
fn objects(toml: &str) -> impl Iterator<Item = &str> {
    let named = toml.lines().filter_map(|line| line.strip_prefix("object = \"")?.strip_suffix('"'));
    named.filter(|object| !object.starts_with("builtin:"))
}

#[cfg(test)]
mod tests {
    use super::super::file::tests::file;
    use super::*;

    fn select(ids: &[&str]) -> Result<Vec<Case>, String> {
        let mut file = file();
        file.cases = ids.iter().map(|id| (*id).to_owned()).collect();
        cases(&file).map_err(|error| error.to_string())
    }

    #[test]
    fn one_box_has_what_its_file_can_hold_at_once() {
        for ids in [
            &["ipv6-forward", "end", "end-bpf-add-tlv20"][..],
            &["ipv6-forward", "end", "end-bpf-noop-nojit"],
            &["ipv6-forward", "end-sids-1000", "headend-policies-1000"],
            &["end-dt46", "end-t-vrf"],
            &["end-hmac"],
        ] {
            assert_eq!(select(ids).map(|cases| cases.len()), Ok(ids.len()));
        }
        for (ids, told) in [
            (["end-bpf-noop", "end-bpf-noop-nojit"], "JIT is off"),
            (["end-bpf-noop-nojit", "end-bpf-count"], "JIT is off"),
            (["end", "end-hmac"], "not signed"),
            (["end-dt46", "end"], "VRF"),
            (["end-sids-1", "end-sids-2"], "includes"),
        ] {
            let error = select(&ids).err().unwrap_or_else(|| panic!("{ids:?} on one box"));
            assert!(error.contains(told) && error.contains("separate lab.toml"), "{error}");
        }
        assert!(select(&["ned"]).err().is_some_and(|error| error.contains("no case ned")));
    }

    /// segbox accepts the file of every case.
    #[test]
    fn every_case_has_a_file_for_a_box() {
        let parse = |case: Case| {
            let ports = ["p1", "p2"].map(str::to_owned);
            let cases = [case];
            let text = remarks(&cases) + &case::toml_of_box(&cases, "02:00:00:00:00:01", &ports, [None; 2]);
            let file = segbox_config::read(text.clone(), "segbox.toml");
            let key = segbox_config::surroundings::SecretFile {
                mode: 0o100600,
                exposed: None,
                secret: case::KEY.secret.to_vec(),
            };
            let secrets = [(case::SECRET_FILE.to_owned(), Ok(key))].into();
            let surroundings = segbox_config::Surroundings { secrets, ..Default::default() };
            // The objects do not exist here, which is not a fault of the file.
            if !has_program(&cases[0]) {
                file.resolve(&surroundings).unwrap_or_else(|_| panic!("{text}"));
            }
            text
        };
        let of = |id: &str| parse(select(&[id]).expect("a case").remove(0));
        assert!(of("end-hmac").contains("hmac = \"require\"") && of("end-hmac").contains("> hmac-7.key"));
        assert!(of("end-dt46").contains("interfaces = [\"p2\"]"));
        assert!(of("end-bpf-tag-increment").starts_with("# put bench_tag_increment.o in the folder"));
        assert!(of("end-bpf-add-tlv8-nojit").contains("jit = \"off\""));
        assert!(of("end").starts_with("\n[system]"), "it needs nothing else");
        assert_eq!(of("end-sids-2").matches("[[srv6.sid]]").count(), 2);
    }
}
