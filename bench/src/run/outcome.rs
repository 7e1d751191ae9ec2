//! What the turns come to: whole rounds, what the routers counted, figures and ratios.

use std::collections::BTreeMap;

use super::bed::BedError;
use super::check;
use super::rounds::Opened;
use super::turn::Running;
use crate::case::{HARNESS, RouterKind};
use crate::result::{Checked, Measured, Ratios, Times, ratio_by_round};
use crate::statistics::Rounds;
use crate::units::{Kpps, Ns, Ratio};

const PLAIN: &str = "ipv6-forward";
const END: &str = "end";

/// Drops the rounds that not every case has: a signal came between, or cut the last measurement of a round short.
pub(super) fn keep_whole_rounds(running: &mut [Running]) {
    let whole = running.iter().map(|one| one.rates.len()).min().unwrap_or_default();
    running.iter_mut().for_each(|one| one.rates.truncate(whole));
}

/// What the routers have counted against what was sent.
///
/// # Errors
/// [`BedError`]: a router does not tell.
pub(super) fn reconcile(running: &mut [Running], beds: &BTreeMap<RouterKind, Opened>) -> Result<(), BedError> {
    for (kind, opened) in beds {
        let (Some(before), Some(after)) = (&opened.before, opened.bed.counters()?) else { continue };
        let mut by_sid: BTreeMap<String, u64> = BTreeMap::new();
        for one in running.iter().filter(|one| one.case.router == *kind) {
            if let Some(sid) = &one.case.sid {
                *by_sid.entry(sid.clone()).or_default() += one.sent;
            }
        }
        let arrived = opened.sent + opened.strays;
        let links: Vec<String> =
            check::links(opened.sent, arrived, before, &after).iter().map(ToString::to_string).collect();
        for one in running.iter_mut().filter(|one| one.case.router == *kind) {
            if let Some(sid) = &one.case.sid
                && let Some(fault) = check::sid(sid, by_sid[sid], before, &after)
            {
                one.faults.push(fault.to_string());
            }
            // Lost packets are told by the case that lost them; links know no cases.
            if !has_loss(&one.faults) {
                one.faults.extend(links.iter().cloned());
            }
        }
    }
    Ok(())
}

fn has_loss(faults: &[String]) -> bool {
    faults.iter().any(|fault| fault.starts_with("loss"))
}

/// The results: figures of each case, and ratios to others of the same rounds.
pub(super) fn measured(running: Vec<Running>) -> Vec<Measured> {
    let of = |id: &str| running.iter().find(|one| one.case.id == id).map(|one| one.rates.clone()).unwrap_or_default();
    let (harness, plain, end) = (of(HARNESS), of(PLAIN), of(END));
    let own = |rates: &[Kpps]| -> Vec<Kpps> {
        // The router's own time as a rate, so that ratios read alike.
        rates.iter().zip(&harness).map(|(rate, share)| Ns(rate.per_packet().0 - share.per_packet().0).rate()).collect()
    };
    let results = running.into_iter().filter_map(|one| {
        let kpps = Rounds::new(one.rates.clone())?;
        let is_harness = one.case.id == HARNESS;
        let compared = |base: &[Kpps]| if is_harness { None } else { ratio_by_round(&one.rates, base) };
        let compared_own = |base: &[Kpps]| -> Option<Ratio> {
            if is_harness { None } else { ratio_by_round(&own(&one.rates), &own(base)) }
        };
        let total = kpps.median.per_packet();
        let share = Rounds::new(harness.clone()).map(|rounds| rounds.median.per_packet());
        let mut faults = one.faults;
        faults.dedup();
        Some(Measured {
            case: one.case.id,
            what: one.case.what,
            valid: faults.is_empty(),
            faults,
            ns: Times { total, harness: share, own: share.filter(|_| !is_harness).map(|share| Ns(total.0 - share.0)) },
            ratio: Ratios {
                ipv6_forward: compared(&plain),
                end: compared(&end),
                ipv6_forward_own: compared_own(&plain),
                end_own: compared_own(&end),
            },
            kpps,
            frame_bytes: one.frame_bytes,
            checked: Checked { packets: one.sent, samples: one.samples },
            search: None,
            latency: one.latency,
        })
    });
    results.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::harness;

    #[test]
    fn a_round_that_one_case_lacks_is_no_round() {
        let with = |rounds: usize| Running { rates: vec![Kpps(1.0); rounds], ..Running::new(harness()) };
        let mut running = [with(3), with(2), with(3)];
        keep_whole_rounds(&mut running);
        assert!(running.iter().all(|one| one.rates.len() == 2));
        keep_whole_rounds(&mut []);
    }
}
