//! The rounds: every case once a round, so that what changes on the machine hits all of them alike.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::bed::{Bed, BedError};
use super::check;
use super::measure::{Request, Window, measure, stream};
use super::router::{Counters, Segbox};
use crate::case::{Case, Expected, RouterKind};
use crate::environment::Environment;
use crate::result::{Checked, Measured, Ratios, Run, Settings, Skipped, Times, ratio_by_round};
use crate::sink::Latency;
use crate::statistics::Rounds;
use crate::stop;
use crate::traffic::{Shape, Sizes};
use crate::units::{Kpps, Ns, Ratio};

/// What to measure and how.
pub(crate) struct Plan {
    /// The cases.
    pub(crate) cases: Vec<Case>,
    /// Rounds.
    pub(crate) rounds: u32,
    /// Length of a measurement.
    pub(crate) window: Duration,
    /// Sizes of packets.
    pub(crate) sizes: Sizes,
    /// Flows.
    pub(crate) flows: u32,
    /// The CPU that does everything.
    pub(crate) cpu: usize,
    /// The router's software.
    pub(crate) segbox: Segbox,
}

/// How a run ended.
pub(crate) struct Outcome {
    /// What was measured.
    pub(crate) run: Run,
    /// Every case is valid.
    pub(crate) valid: bool,
}

/// What generator, cable and sink cost.
pub(crate) const HARNESS: &str = "harness";
const PLAIN: &str = "ipv6-forward";
const END: &str = "end";

/// Packets of the first measurement, which tells how many fill a window and warms caches up.
const WARM_UP: u64 = 10_000;
/// Packets whose latency is measured, and their share of the full rate: low enough that none waits for another.
const LATENCY_PACKETS: u64 = 10_000;
const LATENCY_SHARE: f64 = 0.1;

/// A case on its way.
struct Running {
    case: Case,
    rates: Vec<Kpps>,
    count: u64,
    sent: u64,
    samples: u64,
    frame_bytes: f64,
    faults: Vec<String>,
    latency: Option<Latency>,
}

/// A test bed and its counts at the start.
struct Opened {
    bed: Bed,
    before: Option<Counters>,
    sent: u64,
    strays: u64,
}

/// Measures.
///
/// # Errors
/// [`BedError`]: there is no test bed, or it stopped working.
pub(crate) fn run(plan: &Plan) -> Result<Outcome, BedError> {
    let environment = Environment::of_this_machine(plan.cpu, plan.segbox.version());
    let started = jiff::Timestamp::now();
    let mut skipped = Vec::new();
    let mut cases = vec![harness()];
    cases.extend(plan.cases.iter().cloned());
    let bar = ProgressBar::new((cases.len() * (plan.rounds as usize + 2)) as u64);
    bar.set_style(style());
    let mut beds = open(plan, &mut cases, &mut skipped, &bar)?;
    let mut running: Vec<Running> = cases.into_iter().map(Running::new).collect();
    let mut number = 0_u16;
    let mut interrupted = false;

    // The warm-up is round -1, latency the last.
    for round in 0..plan.rounds + 2 {
        let done = running.len();
        for place in 0..done {
            // Each round begins with another case, so that no case always follows the same one.
            let one = &mut running[(place + round as usize) % done];
            interrupted |= stop::asked();
            if interrupted {
                break;
            }
            bar.set_message(one.case.id.clone());
            number = number.wrapping_add(1);
            let opened = beds.get_mut(&one.case.router).expect("every case left has its bed");
            one.turn(plan, opened, number, round)?;
            bar.inc(1);
        }
        if interrupted {
            let whole = (round as usize).saturating_sub(1);
            running.iter_mut().for_each(|one| one.rates.truncate(whole));
            break;
        }
    }
    bar.finish_and_clear();
    reconcile(&mut running, &beds)?;
    let kind = beds.values().next().map_or("xdp", |opened| opened.bed.generator_kind());
    let settings = Settings {
        started,
        rounds: plan.rounds,
        window_ms: plan.window.as_millis() as u64,
        size: plan.sizes.to_string(),
        flows: plan.flows,
        generator: kind.to_owned(),
        interrupted,
    };
    let cases = measured(running);
    let valid = cases.iter().all(|case| case.valid);
    Ok(Outcome { run: Run { environment, settings, cases, skipped }, valid })
}

fn harness() -> Case {
    let path = ["fc00:0:3:1::", "fc00:0:4:1::"].map(|sid| sid.parse().expect("an address"));
    Case {
        id: HARNESS.to_owned(),
        what: "generator, cable and sink alone".to_owned(),
        router: RouterKind::Direct,
        toml: String::new(),
        shape: Shape::Path {
            from: "2001:db8:a::1:0".parse().expect("an address"),
            path: path.to_vec(),
            left: 1,
            tlvs: Vec::new(),
            inside: crate::traffic::Inside::Udp,
        },
        sizes: None,
        targets: 1,
        expect: |frame| Some(Expected::Frame(frame.0.clone())),
        sid: None,
    }
}

/// Builds the test beds. Cases that this kernel cannot have are taken out, with the reason.
fn open(
    plan: &Plan,
    cases: &mut Vec<Case>,
    skipped: &mut Vec<Skipped>,
    bar: &ProgressBar,
) -> Result<BTreeMap<RouterKind, Opened>, BedError> {
    let mut groups: BTreeMap<RouterKind, Vec<Case>> = BTreeMap::new();
    for case in cases.iter() {
        groups.entry(case.router).or_default().push(case.clone());
    }
    let mut beds = BTreeMap::new();
    for (kind, group) in groups {
        bar.set_message(format!("router for {}", group[0].id));
        bar.tick();
        match Bed::build(kind, &group, &plan.segbox, plan.cpu, plan.flows) {
            Ok(bed) => {
                let before = bed.counters()?;
                beds.insert(kind, Opened { bed, before, sent: 0, strays: 0 });
            }
            // What a kernel may lack; the other routers every kernel can have.
            Err(error) if matches!(kind, RouterKind::Vrf | RouterKind::NoJit) => {
                let why = reason(&error);
                skipped.extend(group.into_iter().map(|case| Skipped { case: case.id, why: why.clone() }));
            }
            Err(error) => return Err(error),
        }
        if stop::asked() {
            break;
        }
    }
    cases.retain(|case| beds.contains_key(&case.router));
    Ok(beds)
}

/// The line of an error that names what is missing: of a fault the one that it is marked with.
fn reason(error: &BedError) -> String {
    let text = error.to_string();
    let marked = text.lines().rev().find_map(|line| line.trim_start().strip_prefix("× "));
    marked.or_else(|| text.lines().next()).unwrap_or_default().to_owned()
}

impl Running {
    fn new(case: Case) -> Self {
        let (rates, faults) = (Vec::new(), Vec::new());
        Self { case, rates, count: WARM_UP, sent: 0, samples: 0, frame_bytes: 0.0, faults, latency: None }
    }

    /// The case's turn in a round: 0 is the warm-up, the one after the last is for latency.
    fn turn(&mut self, plan: &Plan, opened: &mut Opened, run: u16, round: u32) -> Result<(), BedError> {
        let mut request = Request { sizes: &plan.sizes, flows: plan.flows, count: self.count, rate: None, run };
        if round == plan.rounds + 1 {
            let rates: Vec<f64> = self.rates.iter().map(|rate| rate.0).collect();
            let share = crate::statistics::median(&rates).unwrap_or(100.0) * LATENCY_SHARE;
            (request.count, request.rate) = (LATENCY_PACKETS, Some(Kpps(share.max(1.0))));
        }
        let window = measure(&mut opened.bed, &self.case, request)?;
        self.take(&window, opened);
        match round {
            0 => {
                self.frame_bytes = stream(&opened.bed, &self.case, request)?.mean_len();
                let packets = window.rate.packets_per_second() * plan.window.as_secs_f64();
                self.count = (packets as u64).max(WARM_UP);
            }
            last if last == plan.rounds + 1 => self.latency = window.latency,
            // Cut short by a signal: not of full length, so not a round.
            _ if window.sent == request.count => self.rates.push(window.rate),
            _ => {}
        }
        Ok(())
    }

    fn take(&mut self, window: &Window, opened: &mut Opened) {
        opened.sent += window.sent;
        opened.strays += window.strays;
        self.sent += window.sent;
        self.samples += window.samples;
        for fault in &window.faults {
            self.faults.push(fault.to_string());
        }
    }
}

/// What the routers have counted against what was sent.
fn reconcile(running: &mut [Running], beds: &BTreeMap<RouterKind, Opened>) -> Result<(), BedError> {
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
            if !running_lost(&one.faults) {
                one.faults.extend(links.iter().cloned());
            }
        }
    }
    Ok(())
}

fn running_lost(faults: &[String]) -> bool {
    faults.iter().any(|fault| fault.starts_with("loss"))
}

/// The results: figures of each case, and ratios to others of the same rounds.
fn measured(running: Vec<Running>) -> Vec<Measured> {
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

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{bar:30} {percent:>3} % {msg:28} {eta} left");
    style.expect("the template is right").progress_chars("━━╌")
}
