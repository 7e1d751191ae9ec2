//! The box's tuning as text, wanted and found: one line per knob, or one line for all queues of a NIC.

use segbox_router::status::tuning::{KnobFound, KnobState, Tuning};

use super::output::{BAD, CHANGED, FAINT, GOOD, HEAD, styled, table};

pub(crate) fn text(tuning: &Tuning) -> String {
    let (Some(profile), Some(description)) = (&tuning.profile, &tuning.description) else { return String::new() };
    let head = styled(HEAD, format!("tuning ({profile}: {description})"));
    let mut rows = vec![["knob", "wanted", "found", ""].map(str::to_owned).to_vec()];
    rows.extend(tuning.knobs.chunk_by(|one, next| one.share == next.share).map(row));
    format!("{head}\n{}", table("  ", &rows))
}

/// Knobs that share a line: the values of all of them, or one value if they are equal.
fn row(knobs: &[KnobFound]) -> Vec<String> {
    let name = match knobs {
        [only] => only.knob.clone(),
        [first, ..] => first.share.clone(),
        [] => String::new(),
    };
    let worst = knobs.iter().max_by_key(|knob| knob.state).expect("a share has a knob");
    let mark = match worst.state {
        KnobState::AsWanted => styled(GOOD, "as wanted"),
        KnobState::Instead => styled(CHANGED, "instead"),
        KnobState::Differs => styled(BAD, "differs"),
    };
    let note = worst.note.as_ref().map(|note| format!(": {}", styled(FAINT, note))).unwrap_or_default();
    let values = |of: &dyn Fn(&KnobFound) -> String| {
        let all: Vec<String> = knobs.iter().map(of).collect();
        if all.iter().all(|one| *one == all[0]) { all[0].clone() } else { all.join(" ") }
    };
    let shown = |value: &str| if value.is_empty() { "none".to_owned() } else { value.to_owned() };
    let wanted = values(&|knob| shown(&knob.wanted));
    let found = values(&|knob| knob.found.as_deref().map_or("-".to_owned(), shown));
    vec![name, wanted, found, mark + &note]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knob(name: &str, wanted: &str, found: Option<&str>, state: KnobState) -> KnobFound {
        KnobFound {
            knob: format!("eth0 irq of queue {name}"),
            share: "eth0 irq".into(),
            wanted: wanted.into(),
            found: found.map(str::to_owned),
            state,
            note: None,
        }
    }

    #[test]
    fn queues_share_a_line_with_the_worst_state() {
        let knobs = [knob("0", "1", Some("1"), KnobState::AsWanted), knob("1", "2", Some("0-3"), KnobState::Differs)];
        let cells = row(&knobs);
        assert_eq!(cells[..3], ["eth0 irq", "1 2", "1 0-3"]);
        assert!(cells[3].contains("differs"), "{}", cells[3]);
        assert_eq!(row(&knobs[..1])[..3], ["eth0 irq of queue 0", "1", "1"]);
        assert_eq!(row(&[knob("0", "", None, KnobState::Instead)])[1..3], ["none", "-"]);
    }
}
