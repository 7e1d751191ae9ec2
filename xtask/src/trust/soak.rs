//! `soak`: traffic through what stays, while files are applied, reports are read, and links go down and come up, for hours. Each packet is
//! accounted for: it came out, or the port whose cable was out counts it as dropped; and the SIDs have counted what was sent to them.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use segbox_lab::Passed;
use segbox_vm::Chance;
use serde_json::Value;

use super::bed::Bed;
use super::campaign::{Campaign, Place, Work};
use super::series::{KINDS, variant};
use crate::failure::Failure;

pub(super) const SOAK: Campaign = Campaign {
    name: "soak",
    what: "traffic for two hours, with applies, a reader of reports, and links that go down and come up: each packet came out or is \
           counted as dropped by the port whose cable was out, and the SIDs' counters say what was sent",
    unit: "packets",
    // Two hours.
    goal: RATE as u64 * 7200,
    short: Some(RATE as u64),
    prepare: |place| Ok(Box::new(Soak::new(place)?)),
};

/// Packets per second.
const RATE: u32 = 2_000;
const FILES: usize = 4;
/// A program that `segbox events` reads.
const REPORTS: &str = "\n[[srv6.sid]]\nsid = \"fc00:0:2:300::\"\nbehavior = \"End.BPF\"\nprogram = \"oam\"\n\
                       [program.oam]\nobject = \"builtin:end_oam\"\n";
/// A round, after which all is counted.
const ROUND: Duration = Duration::from_secs(10);
/// Rounds of a run that begins, which the fast tests have, are shorter.
const FIRST: Duration = Duration::from_secs(2);

struct Soak {
    bed: Bed,
    files: Vec<PathBuf>,
    reader: Child,
}

impl Soak {
    fn new(place: &Place) -> Result<Self, Failure> {
        let bed = Bed::new(&place.segbox)?;
        let text = |number| variant(number) + REPORTS;
        let files: Vec<_> = (0..FILES).map(|number| bed.file(&format!("{number}.toml"), text(number))).collect();
        bed.ok(["apply".as_ref(), files[0].as_os_str()])
            .map_err(|why| Failure::new("cannot apply the campaign's files", why, "read the message"))?;
        let mut command = bed.segbox();
        let reader = command.arg("events").stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let reader = reader.map_err(|error| Failure::new("segbox events", error.to_string(), "run as root"))?;
        Ok(Self { bed, files, reader })
    }

    /// Changes until the time is over.
    fn work(&self, time: Duration, chance: &mut Chance) -> Result<(), String> {
        let begin = Instant::now();
        while begin.elapsed() < time {
            match chance.below(6) {
                0..3 => drop(self.bed.ok(["apply".as_ref(), chance.pick(&self.files).as_os_str()])?),
                // A port that the packets do not take.
                3 => self.flap("router", "eth2", chance)?,
                // The cable of the one that they take, at its other end.
                4 => self.flap("tester", "t1", chance)?,
                _ => drop(self.status()?),
            }
        }
        Ok(())
    }

    fn flap(&self, node: &str, port: &str, chance: &mut Chance) -> Result<(), String> {
        self.bed.link(node, &["set", port, "down"])?;
        std::thread::sleep(Duration::from_millis(chance.below(50) as u64));
        self.bed.link(node, &["set", port, "up"]).map(drop)
    }

    fn status(&self) -> Result<Value, String> {
        // A port that is down is a deviation, and no fault.
        let output = self.bed.segbox().args(["status", "--json"]).output().map_err(|error| error.to_string())?;
        serde_json::from_slice(&output.stdout).map_err(|error| format!("status: {error}"))
    }

    /// What is counted now.
    fn counts(&self) -> Result<Counts, String> {
        let status = self.status()?;
        let sids = status["sids"].as_array().ok_or("status: no SIDs")?;
        let count = |name: &str, key: &str| {
            let sid = sids.iter().find(|sid| sid["sid"] == name).ok_or_else(|| format!("status: no SID {name}"))?;
            sid[key].as_u64().ok_or_else(|| format!("status: no {key} in {sid}"))
        };
        let of = |name: &str| Ok::<_, String>([count(name, "packets")?, count(name, "errors")?]);
        let sids = [of("fc00:0:2:1::/128")?, of("fc00:0:2:2::/128")?];
        let arrived = self.of_port("tester", "t1", "rx", "packets")?;
        Ok(Counts { sids, arrived, dropped: self.of_port("router", "eth1", "tx", "dropped")? })
    }

    fn of_port(&self, node: &str, port: &str, way: &str, key: &str) -> Result<u64, String> {
        let said = self.bed.link(node, &["show", port])?;
        let count = serde_json::from_str::<Value>(&said).ok().and_then(|links| links[0]["stats64"][way][key].as_u64());
        count.ok_or_else(|| format!("no {way} {key} in {said}"))
    }
}

/// Counters of the router and of the tester's port that its packets come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counts {
    /// Packets and errors of the SID and of the program's SID.
    sids: [[u64; 2]; 2],
    /// Packets that have come to the tester's port, also at the instants when its tap was not there: the kernel takes a tap off a port
    /// that goes down, and puts it back a moment after the port is up.
    arrived: u64,
    /// Packets that the router's port has dropped.
    dropped: u64,
}

/// Packets of the router's own (multicast listener reports) in a round.
const OWN: u64 = 100;

/// Whether each packet is accounted for. A SID counts what it has forwarded, and as errors what the port did not take. All of them came to
/// the tester or were dropped by the port.
fn is_accounted(passed: &Passed, before: Counts, after: Counts) -> Result<(), String> {
    let mut odd = Vec::new();
    // The kinds take turns: SID, program, policy.
    for (kind, name) in [(0_u32, "SID"), (1, "program's SID")] {
        let [packets, errors] =
            [0, 1].map(|at| after.sids[kind as usize][at].wrapping_sub(before.sids[kind as usize][at]));
        let sent = u64::from((passed.sent + 2 - kind) / 3);
        let lost = passed.lost.iter().filter(|number| *number % 3 == kind).count() as u64;
        if packets + errors != sent || errors > lost {
            odd.push(format!("{name}: {sent} sent, {lost} lost, {packets} counted, {errors} errors"));
        }
    }
    let (sent, lost) = (u64::from(passed.sent), passed.lost.len());
    let (arrived, dropped) = (after.arrived.wrapping_sub(before.arrived), after.dropped.wrapping_sub(before.dropped));
    if !(sent..=sent + OWN).contains(&(arrived + dropped)) {
        odd.push(format!("{sent} sent, {arrived} arrived, {dropped} dropped by the port, {lost} not seen"));
    }
    if passed.repeated > 0 || passed.wrong.is_some() {
        odd.push(format!("{} repeated, wrong: {:?}", passed.repeated, passed.wrong));
    }
    if odd.is_empty() { Ok(()) } else { Err(odd.join("; ")) }
}

impl Work for Soak {
    fn case(&mut self, number: u64, chance: &mut Chance) -> Result<u64, String> {
        let time = if number == 0 { FIRST } else { ROUND };
        let before = self.counts()?;
        let tester = Arc::clone(&self.bed.tester);
        let (result, passed) = tester.during(&KINDS, RATE, || self.work(time, chance));
        result?;
        is_accounted(&passed, before, self.counts()?)?;
        match self.reader.try_wait() {
            Ok(None) => Ok(u64::from(passed.sent)),
            ended => Err(format!("segbox events has ended: {ended:?}")),
        }
    }
}

impl Drop for Soak {
    fn drop(&mut self) {
        drop(self.reader.kill());
        drop(self.reader.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_packet_is_accounted_for_where_it_was_counted() {
        // 4 of 10 go to the SID, 3 to the program, 3 to the policy; one to the SID is lost.
        let passed = Passed { sent: 10, lost: vec![3], ..Passed::default() };
        let before = Counts { sids: [[0; 2]; 2], arrived: 0, dropped: 0 };
        let after = Counts { sids: [[3, 1], [3, 0]], arrived: 9, dropped: 1 };
        assert_eq!(is_accounted(&passed, before, after), Ok(()));
        let odd = [
            Counts { dropped: 0, ..after },
            Counts { arrived: 8, ..after },
            Counts { sids: [[3, 0], [3, 0]], ..after },
            Counts { sids: [[2, 2], [3, 0]], ..after },
            Counts { sids: [[3, 1], [2, 0]], ..after },
        ];
        assert!(odd.into_iter().all(|after| is_accounted(&passed, before, after).is_err()));
    }
}
