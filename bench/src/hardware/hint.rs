//! The next step for the user if the screen loses packets. Pure: the tester knows what has answered.

use super::longest::Longest;

/// The text. `received` is the number of packets that came back, `silent` has the tester's ports without an answer to ARP, and
/// `longest` are the lengths that the box's ports must carry.
pub(super) fn text(received: u64, silent: &[&str], longest: Longest) -> String {
    match (received, silent) {
        (1.., _) => "The box, a cable or the tester loses packets even at this rate: if the box is that slow, write a lower `low` \
                     in [trial]; otherwise check the error counters of the ports"
            .to_owned(),
        (0, []) => {
            let lengths = match longest.mtus() {
                [None, None] => "",
                _ => " (the file also sets the mtu of its ports)",
            };
            format!(
                "Both ports of the box answer, so it probably does not run the file that `segbench lab --box-file` prints for \
                 these cases{lengths}: apply that file with `segbox apply`, and check `segbox status`"
            )
        }
        (0, silent) => format!(
            "There is no answer on {}: check that the box is on, that the cables are in the right ports, and that the box runs \
             the file that `segbench lab --box-file` prints",
            silent.join(" and ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_a_next_step() {
        let short = Longest { sent: 152, received: 152 };
        assert!(text(7, &["t0"], short).contains("even at this rate"), "a port that carries packets is no cause");
        assert!(text(0, &["t0", "t1"], short).contains("no answer on t0 and t1"));
        assert!(!text(0, &[], short).contains("mtu") && text(0, &[], short).contains("segbox apply"));
        assert!(text(0, &[], Longest { received: 1580, ..short }).contains("mtu"));
    }
}
