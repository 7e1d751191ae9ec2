//! Tests the transaction against a router in memory that refuses the steps that the test names.

use std::collections::BTreeSet;

use segbox_config::model::Program;
use segbox_config::{Behavior, Endpoint, Flavors, HeadendMode};
use segbox_linux::netlink::Counters;
use segbox_plan::route::{Encap, Hop, Route, RouteKey};
use segbox_plan::state::Link;
use segbox_plan::tune::{CardKnob, Knob, Refusals};
use segbox_plan::{Actual, Desired, Materials, Setting, State, Step, diff};

use crate::memory::Memory;
use crate::target::{Observed, Target, TargetError};
use crate::transaction::{End, Report, run};

fn forwarding() -> Setting {
    Setting::Sysctl("net.ipv6.conf.all.forwarding".into())
}

fn route(prefix: &str, encap: Encap) -> (RouteKey, Route) {
    let key = RouteKey { table: 254, prefix: prefix.parse().expect("a prefix"), metric: 1024 };
    (key, Hop { interface: "segbox0".parse().ok(), encap, ..Hop::default() }.into())
}

fn sid(prefix: &str) -> (RouteKey, Route) {
    let endpoint = Endpoint { behavior: Behavior::End, flavors: Flavors::default() };
    route(prefix, Encap::Seg6Local(Box::new(endpoint)))
}

fn policy(prefix: &str, segment: &str) -> (RouteKey, Route) {
    let segments = vec![segment.parse().expect("an address")];
    route(
        prefix,
        Encap::Seg6 { mode: HeadendMode::Encaps, segments: segments.into(), hmac_key: 0, source: None, table: None },
    )
}

fn state(forwards: &str, routes: impl IntoIterator<Item = (RouteKey, Route)>) -> State {
    State {
        settings: [(forwarding(), forwards.to_owned())].into(),
        links: [("segbox0".parse().expect("a name"), Link::Ifb)].into(),
        routes: routes.into_iter().collect(),
        ..State::default()
    }
}

fn old() -> State {
    state("0", [sid("fc00:1::/128"), policy("2001:db8:1::/64", "fc00:9::")])
}

fn new() -> State {
    state("1", [sid("fc00:2::/128"), policy("2001:db8:1::/64", "fc00:8::"), policy("2001:db8:2::/64", "fc00:8::")])
}

fn wanted(state: State) -> Desired {
    Desired { state, ..Desired::default() }
}

fn change(machine: &mut Memory) -> Report {
    let before = machine.observe().expect("memory can be read");
    let first = diff(&new(), &before.actual);
    run(machine, (&before, first), |_, _| wanted(new()), &Materials::default(), &mut Refusals::default(), |_, _| Ok(()))
        .expect("memory can be read")
}

#[test]
fn ends_in_sync_and_then_has_nothing_to_do() {
    let mut machine = Memory { actual: Actual { state: old(), ..Actual::default() }, ..Memory::default() };
    let report = change(&mut machine);
    assert!(matches!(report.end, End::InSync));
    assert_eq!(machine.actual.state, new());
    assert!(change(&mut machine).applied.is_empty());
}

#[test]
fn after_any_refused_step_the_router_is_as_before() {
    let before = Actual { state: old(), ..Actual::default() };
    let steps = diff(&new(), &before).steps.len();
    assert!(steps >= 5, "the test needs a plan of some length, this one has {steps}");
    for refused in 1..=steps {
        let mut machine = Memory { actual: before.clone(), refuses: Some(refused), ..Memory::default() };
        let report = change(&mut machine);
        let End::Undone { left, .. } = report.end else { panic!("step {refused} was refused, and yet: in sync") };
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(machine.actual, before, "after step {refused} was refused");
        assert_eq!(report.applied.iter().filter(|one| one.result.is_err()).count(), 1);
    }
}

#[test]
fn a_refused_stage_is_finished_and_the_next_not_begun() {
    let mut machine =
        Memory { actual: Actual { state: old(), ..Actual::default() }, refuses: Some(1), ..Memory::default() };
    let report = change(&mut machine);
    let stage = report.applied[0].step.stage();
    assert!(report.applied.iter().all(|one| one.step.stage() == stage), "{:?}", report.applied);
}

#[test]
fn a_kernel_that_does_not_keep_a_step_is_found_out_and_undone() {
    let mut machine = Memory {
        actual: Actual { state: old(), ..Actual::default() },
        forgets: Some(forwarding()),
        ..Memory::default()
    };
    let report = change(&mut machine);
    let End::Undone { unkept, left } = report.end else { panic!("the setting was not kept, and yet: in sync") };
    assert_eq!(unkept.steps.len(), 1);
    assert!(left.is_empty());
    assert_eq!(machine.actual.state, old());
}

/// A NIC that refuses some values and silently keeps its value for others, beside a route that must hold.
struct Stubborn {
    memory: Memory,
    refuses: &'static str,
    keeps: &'static str,
}

impl Target for Stubborn {
    fn observe(&mut self) -> Result<Observed, TargetError> {
        self.memory.observe()
    }

    fn apply(&mut self, stage: &[Step], materials: &Materials) -> Vec<Result<(), TargetError>> {
        let take = |step: &Step| match step {
            Step::Setting(delta) if delta.after.as_deref() == Some(self.refuses) => {
                Err(TargetError::from(std::io::Error::from_raw_os_error(libc::EINVAL)))
            }
            Step::Setting(delta) if delta.after.as_deref() == Some(self.keeps) => Ok(()),
            step => self.memory.apply(std::slice::from_ref(step), materials).remove(0),
        };
        stage.iter().map(take).collect()
    }

    fn verify(&self, program: &Program) -> Result<(), TargetError> {
        self.memory.verify(program)
    }

    fn hmac_keys(&mut self) -> &mut BTreeSet<u32> {
        self.memory.hmac_keys()
    }

    fn looked_up(&mut self) -> &mut BTreeSet<std::net::IpAddr> {
        self.memory.looked_up()
    }

    fn counters(&mut self) -> Result<std::collections::BTreeMap<RouteKey, Counters>, TargetError> {
        self.memory.counters()
    }
}

fn ring() -> Setting {
    Setting::Tuning(Knob::Card("eth0".parse().expect("a name"), CardKnob::RxRing))
}

#[test]
fn a_knob_that_is_refused_or_not_kept_undoes_nothing_and_is_not_asked_for_again() {
    for (refuses, keeps, answer) in
        [("4096", "", "Invalid argument"), ("", "4096", "it is taken and does not stay; the driver keeps 256")]
    {
        let mut before = Actual { state: old(), ..Actual::default() };
        before.state.settings.insert(ring(), "256".to_owned());
        let memory = Memory { actual: before, ..Memory::default() };
        let mut machine = Stubborn { memory, refuses, keeps };
        let found = machine.observe().expect("memory can be read");
        let mut refusals = Refusals::default();
        // As `segbox_plan::tune` does: a refused value is not requested.
        let desired = |_: &Actual, refused: &Refusals| {
            let mut state = new();
            if refused.answer(&ring(), "4096").is_none() {
                state.settings.insert(ring(), "4096".to_owned());
            }
            wanted(state)
        };
        let materials = Materials::default();
        let mut change = |refusals: &mut Refusals| {
            let found = machine.observe().expect("memory can be read");
            let first = diff(&desired(&found.actual, refusals).state, &found.actual);
            run(&mut machine, (&found, first), desired, &materials, refusals, |_, _| Ok(()))
                .expect("memory can be read")
        };
        let report = change(&mut refusals);
        assert!(matches!(report.end, End::InSync), "{:?}", report.end);
        assert_eq!(refusals.answer(&ring(), "4096"), Some(answer));
        assert!(change(&mut refusals).applied.is_empty(), "a second apply plans nothing");
        assert_eq!(machine.memory.actual.state.routes, new().routes, "the router is what was asked for");
        assert_eq!(machine.memory.actual.setting(&ring()), found.actual.setting(&ring()));
    }
}
