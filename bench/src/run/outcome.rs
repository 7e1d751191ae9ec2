//! The results of the turns: keeps whole rounds, checks the routers' counters, and computes figures and ratios.

use std::collections::{BTreeMap, BTreeSet};

use super::open::OpenTestbed;
use super::testbed::TestbedError;
use super::turn::Running;
use crate::case::{HARNESS, HARNESS_XDP, RouterKind, is_harness};
use crate::counters::Counters;
use crate::faults::{self, Fault};
use crate::result::{Checked, Measured, Ratios, Times, ratio_by_round};
use crate::statistics::Rounds;
use crate::units::{Kpps, Ns, Ratio};

const PLAIN: &str = "ipv6-forward";
const END: &str = "end";

/// Removes the rounds that not every case has, because a signal came before or during the case's measurement.
pub(super) fn keep_whole_rounds(running: &mut [Running]) {
    let whole = running.iter().map(|one| one.rates.len()).min().unwrap_or_default();
    running.iter_mut().for_each(|one| one.rates.truncate(whole));
}

/// Compares the routers' counters with the packets of their cases.
///
/// # Errors
/// [`TestbedError`]: the counters of a router cannot be read.
pub(super) fn reconcile(
    running: &mut [Running],
    testbeds: &BTreeMap<RouterKind, OpenTestbed>,
) -> Result<(), TestbedError> {
    for (kind, opened) in testbeds {
        let (Some(before), Some(after)) = (&opened.before, opened.testbed.counters()?) else { continue };
        let mut ours: Vec<&mut Running> = running.iter_mut().filter(|one| one.case.router == *kind).collect();
        check_counters(&mut ours, (opened.sent, opened.arrived), before, &after);
    }
    Ok(())
}

/// Compares a router's counters with the packets of its cases, which `sent` packets to it, of which `arrived` came back. A SID's
/// counters belong to the cases that send to it, a link's to all of them.
fn check_counters(cases: &mut [&mut Running], (sent, arrived): (u64, u64), before: &Counters, after: &Counters) {
    let sids: BTreeSet<String> = cases.iter().filter_map(|one| one.case.sid.clone()).collect();
    for sid in sids {
        let mut ours: Vec<&mut Running> =
            cases.iter_mut().map(|one| &mut **one).filter(|one| one.case.sid.as_ref() == Some(&sid)).collect();
        let sent = ours.iter().map(|one| one.sent).sum();
        if let Some(fault) = faults::sid(&sid, sent, before, after) {
            blame(&mut ours, &fault);
        }
    }
    for fault in faults::links(sent, arrived, before, after) {
        blame(cases, &fault);
    }
}

/// Adds a counter's fault to cases. If the counter lacks no more packets than were lost, the fault shows where they were lost, and
/// is added to the cases that lost them. Otherwise it is added to every case, because a counter does not distinguish cases.
fn blame(cases: &mut [&mut Running], fault: &Fault) {
    let lost = |one: &Running| -> u64 { one.faults.iter().map(Fault::lost).sum() };
    let explained = fault.off_by() <= cases.iter().map(|one| lost(one)).sum();
    for one in cases.iter_mut().filter(|one| !explained || lost(one) > 0) {
        one.faults.push(fault.clone());
    }
}

/// The results: the figures of each case, and its ratios to other cases, round by round.
pub(super) fn measured(running: Vec<Running>) -> Vec<Measured> {
    let of = |id: &str| running.iter().find(|one| one.case.id == id).map(|one| one.rates.clone()).unwrap_or_default();
    let (harness, harness_xdp, plain, end) = (of(HARNESS), of(HARNESS_XDP), of(PLAIN), of(END));
    let own = |rates: &[Kpps], harness: &[Kpps]| -> Vec<Kpps> {
        // The router's time as a rate, so that its ratios mean the same as the others.
        rates.iter().zip(harness).map(|(rate, share)| Ns(rate.per_packet().0 - share.per_packet().0).rate()).collect()
    };
    let results = running.into_iter().filter_map(|one| {
        let kpps = Rounds::new(one.rates.clone())?;
        let is_harness = is_harness(&one.case.id);
        let its_harness = if one.case.router == RouterKind::FastPath { &harness_xdp } else { &harness };
        let compared = |base: &[Kpps]| if is_harness { None } else { ratio_by_round(&one.rates, base) };
        let compared_own = |base: &[Kpps]| -> Option<Ratio> {
            if is_harness { None } else { ratio_by_round(&own(&one.rates, its_harness), &own(base, &harness)) }
        };
        let total = kpps.median.per_packet();
        let share = Rounds::new(its_harness.clone()).map(|rounds| rounds.median.per_packet());
        let mut faults: Vec<String> = one.faults.iter().map(ToString::to_string).collect();
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
    use crate::case::{Case, harness};

    #[test]
    fn a_round_that_one_case_lacks_is_removed() {
        let with = |rounds: usize| Running { rates: vec![Kpps(1.0); rounds], ..Running::new(harness()) };
        let mut running = [with(3), with(2), with(3)];
        keep_whole_rounds(&mut running);
        assert!(running.iter().all(|one| one.rates.len() == 2));
        keep_whole_rounds(&mut []);
    }

    /// Three cases of a router, two of them with the same SID. Each has sent 100 packets, and `lost` of them did not arrive.
    fn three(lost: [u64; 3]) -> [Running; 3] {
        let mut cases = ["fc00:0:2:1::/128", "fc00:0:2:1::/128", "fc00:0:2:2::/128"].into_iter().zip(lost);
        std::array::from_fn(|_| {
            let (sid, lost) = cases.next().expect("three");
            let case = Case { sid: Some(sid.to_owned()), router: RouterKind::Main, ..harness() };
            let faults = if lost > 0 { vec![Fault::Lost { sent: 100, received: 100 - lost }] } else { Vec::new() };
            Running { sent: 100, faults, ..Running::new(case) }
        })
    }

    /// The faults of each case, if the router has counted this many packets by SID and by link.
    fn faults_of(lost: [u64; 3], sids: [u64; 2], links: (u64, u64)) -> [Vec<String>; 3] {
        let mut running = three(lost);
        let after = Counters::of(
            [("fc00:0:2:1::/128", sids[0], 0), ("fc00:0:2:2::/128", sids[1], 0)],
            [("eth0", links.0, 0), ("eth1", 0, links.1)],
        );
        let before = Counters::of([("fc00:0:2:1::/128", 0, 0), ("fc00:0:2:2::/128", 0, 0)], []);
        let passed = (300, 300 - lost.iter().sum::<u64>());
        check_counters(&mut running.iter_mut().collect::<Vec<_>>(), passed, &before, &after);
        running.map(|one| {
            let first = |fault: &Fault| fault.to_string().split(':').next().unwrap_or_default().to_owned();
            one.faults.iter().map(first).collect()
        })
    }

    #[test]
    fn counters_that_agree_are_no_fault() {
        let none: [&[&str]; 3] = [&[], &[], &[]];
        assert_eq!(faults_of([0; 3], [200, 100], (300, 300)), none);
    }

    #[test]
    fn a_loss_is_the_fault_of_the_case_that_lost_and_of_no_other() {
        // Lost behind the SID, inside the router: the links agree with generator and sink.
        assert_eq!(faults_of([0, 5, 0], [200, 100], (300, 295)), [&[][..], &["loss"], &[]]);
        // Lost before the router, and behind it.
        assert_eq!(faults_of([0, 5, 0], [195, 100], (295, 295)), [&[][..], &["loss", "counter", "link"], &[]]);
        assert_eq!(faults_of([0, 5, 0], [200, 100], (300, 317)), [&["link"][..], &["loss", "link"], &["link"]]);
        assert_eq!(faults_of([0, 0, 20], [200, 100], (300, 300)), [&[][..], &[], &["loss", "link"]]);
    }

    #[test]
    fn a_counter_that_misses_more_than_was_lost_fails_all_that_it_may_be_of() {
        assert_eq!(faults_of([0; 3], [150, 100], (300, 300)), [&["counter"][..], &["counter"], &[]]);
        assert_eq!(faults_of([0, 5, 0], [194, 100], (300, 295)), [&["counter"][..], &["loss", "counter"], &[]]);
        assert_eq!(faults_of([0; 3], [200, 100], (299, 300)), [["link"]; 3]);
    }
}
