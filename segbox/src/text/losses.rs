//! What a Status tells of lost packets, as text: the kernel's counters, and ICMP errors that hosts got or did not get.

use segbox_linux::snmp;
use segbox_plan::icmp_errors::Counts;
use segbox_router::status::Status;

use super::output::{BAD, HEAD, styled, table};

/// Empty if nothing is lost and there is no policy.
pub(crate) fn text(status: &Status) -> String {
    let mut text = String::new();
    let lost: Vec<Vec<String>> = snmp::LOSSES.iter().filter_map(|counter| lost(status, counter)).collect();
    if !lost.is_empty() {
        text += &format!("{}\n{}", styled(HEAD, "lost IPv6 packets (the kernel's counters)"), table("  ", &lost));
    }
    let heading = styled(HEAD, "ICMP errors about encapsulated packets");
    match &status.icmp_errors {
        Some(counts) => {
            let rows = rows(counts);
            if !(rows.is_empty() && status.policies.is_empty()) {
                let none = vec![vec!["0".to_owned(), "none yet".to_owned()]];
                text += &format!("{heading}\n{}", table("  ", if rows.is_empty() { &none } else { &rows }));
            }
        }
        None if status.policies.is_empty() => {}
        None => {
            text += &format!(
                "{heading}\n  {} hosts do not learn that a packet is too long for a policy: `segbox keep` does not run here\n",
                styled(BAD, "none handed back:")
            );
        }
    }
    text
}

fn lost(status: &Status, counter: &snmp::Counter) -> Option<Vec<String>> {
    let value = status.losses.get(counter.name).filter(|value| **value > 0)?;
    Some(vec![counter.name.to_owned(), value.to_string(), counter.counts.to_owned()])
}

/// A row for each number that is not 0.
fn rows(counts: &Counts) -> Vec<Vec<String>> {
    let Counts {
        too_big,
        time_exceeded,
        unreachable,
        refused,
        unanswered,
        ipv4_without_df,
        path_too_narrow,
        rate_limited,
        not_sent,
    } = counts;
    let rows = [
        (too_big, "Packet Too Big handed back to hosts"),
        (time_exceeded, "Time Exceeded handed back to hosts"),
        (unreachable, "Destination Unreachable handed back to hosts"),
        (refused, "refused: no policy here makes such a packet"),
        (unanswered, "about frames, multicasts, fragments and errors: nobody is told"),
        (ipv4_without_df, "lost: IPv4 packets without DF, too long for a policy; the core needs a larger MTU"),
        (path_too_narrow, "lost: a packet of 1280 bytes does not fit; the core needs a larger MTU"),
        (rate_limited, "not handed back: too many"),
        (not_sent, "not handed back: the kernel did not send them"),
    ];
    let shown = rows.into_iter().filter(|(value, _)| **value > 0);
    shown.map(|(value, what)| vec![value.to_string(), what.to_owned()]).collect()
}
