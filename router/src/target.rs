//! The router as a change sees it: something to read and to apply steps to. The real one is this kernel. Tests have one in memory
//! that fails where they want it to.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsRawFd, OwnedFd};

use segbox_config::Program;
use segbox_linux::Netlink;
use segbox_linux::bpf::{self, Programs};
use segbox_linux::tune::Tuner;
use segbox_plan::{Actual, Delta, Materials, Route, Setting, Step};

/// The state that was found, and the secrets behind its digests.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// What there is.
    pub actual: Actual,
    /// The bulk behind its names.
    pub materials: Materials,
}

/// Why the target refused: the text says what was tried, on what, and what the kernel answered.
pub type TargetError = Box<dyn std::error::Error + Send + Sync>;

/// A router.
pub trait Target {
    /// Reads all of it.
    ///
    /// # Errors
    /// The kernel does not answer.
    fn observe(&mut self) -> Result<Observed, TargetError>;

    /// Applies every step of one stage, also after one is refused; one result per step, in order.
    fn apply(&mut self, stage: &[Step], materials: &Materials) -> Vec<Result<(), TargetError>>;

    /// Asks whether a program would be taken; changes nothing.
    ///
    /// # Errors
    /// The words of the verifier.
    fn verify(&self, program: &Program) -> Result<(), TargetError>;

    /// Ids of the HMAC keys that segbox's files name or have named. The kernel keeps no owner of a key, so others are not looked at.
    fn hmac_keys(&mut self) -> &mut BTreeSet<u32>;
}

/// The network namespace that this process runs in.
pub struct Kernel {
    pub(crate) netlink: Netlink,
    pub(crate) programs: Programs,
    keys: BTreeSet<u32>,
    /// The machine's knobs; None in a namespace that is not the box's own.
    tuner: Option<Tuner>,
}

impl Kernel {
    pub(crate) fn open(own_box: bool) -> Result<Self, TargetError> {
        let tuner = own_box.then(Tuner::open).transpose()?;
        Ok(Self { netlink: Netlink::open()?, programs: Programs::open()?, keys: BTreeSet::new(), tuner })
    }

    /// Steps of the network, in one go.
    fn apply_network(&mut self, steps: &[Step], materials: &Materials) -> Vec<Result<(), TargetError>> {
        // A route takes the program's descriptor and then holds the program itself; it is open only for the length of this call.
        let fds: BTreeMap<&str, OwnedFd> =
            named_programs(steps).filter_map(|name| self.programs.fd(name).ok().map(|fd| (name, fd))).collect();
        let fd = |name: &str| fds.get(name).map(AsRawFd::as_raw_fd);
        boxed(self.netlink.apply(&steps.iter().collect::<Vec<_>>(), &fd, materials))
    }

    /// A step of the machine's.
    fn turn(&mut self, step: &Step) -> Result<(), TargetError> {
        match (step, &mut self.tuner) {
            (Step::Setting(Delta { key: Setting::Tuning(knob), after: Some(value), .. }), Some(tuner)) => {
                Ok(tuner.turn(knob, value)?)
            }
            // A plan of the box's own namespace, in another one.
            _ => Err(TargetError::from("only the box's own network namespace turns the machine's knobs")),
        }
    }
}

impl Target for Kernel {
    fn observe(&mut self) -> Result<Observed, TargetError> {
        let found = self.netlink.observe()?;
        let mut actual = found.actual;
        actual.state.hmac_keys.retain(|id, _| self.keys.contains(id));
        (actual.state.programs, actual.state.rows) = self.programs.observe()?;
        if let Some(tuner) = &mut self.tuner {
            tuner.observe(&mut actual);
        }
        Ok(Observed { actual, materials: Materials { secrets: found.secrets, ..Materials::default() } })
    }

    fn apply(&mut self, stage: &[Step], materials: &Materials) -> Vec<Result<(), TargetError>> {
        // A stage holds one phase, and programs and rows are phases of their own.
        if let Some(Step::Program(_) | Step::Row(_)) = stage.first() {
            return boxed(bpf::apply(&mut self.programs, stage, materials));
        }
        let mut results = Vec::with_capacity(stage.len());
        for run in stage.chunk_by(|one, next| is_of_the_machine(one) == is_of_the_machine(next)) {
            if is_of_the_machine(&run[0]) {
                results.extend(run.iter().map(|step| self.turn(step)));
            } else {
                results.extend(self.apply_network(run, materials));
            }
        }
        results
    }

    fn verify(&self, program: &Program) -> Result<(), TargetError> {
        Ok(bpf::verify(program)?)
    }

    fn hmac_keys(&mut self) -> &mut BTreeSet<u32> {
        &mut self.keys
    }
}

fn is_of_the_machine(step: &Step) -> bool {
    matches!(step, Step::Setting(Delta { key: Setting::Tuning(_), .. }))
}

/// The programs that a stage's new routes run.
fn named_programs(stage: &[Step]) -> impl Iterator<Item = &str> {
    let routes = stage.iter().filter_map(|step| match step {
        Step::Route(Delta { after: Some(route), .. }) => Some(route),
        _ => None,
    });
    let names: BTreeSet<&str> = routes.flat_map(Route::programs).collect();
    names.into_iter()
}

fn boxed<E: Into<TargetError>>(results: Vec<Result<(), E>>) -> Vec<Result<(), TargetError>> {
    results.into_iter().map(|result| result.map_err(Into::into)).collect()
}
