//! The router as a change sees it: its state can be read, and steps can be applied to it. The real target is this kernel. Tests
//! use one in memory that fails on demand.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};
use std::os::fd::{AsRawFd, OwnedFd};

use segbox_config::IfName;
use segbox_config::model::Program;
use segbox_linux::Netlink;
use segbox_linux::bpf::{self, Programs};
use segbox_linux::netlink::Counters;
use segbox_linux::tune::Tuner;
use segbox_plan::route::{Route, RouteKey};
use segbox_plan::{Actual, Delta, Materials, Setting, Step, asked};

use crate::leases::{self, Noted};
use crate::seal::Seal;

/// The observed state, and the secrets behind its digests.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// The state.
    pub actual: Actual,
    /// Program images and secrets, which the state refers to by name.
    pub materials: Materials,
}

/// Why the target refused a step. The text has the operation, its object and the kernel's answer.
pub type TargetError = Box<dyn std::error::Error + Send + Sync>;

/// A router.
pub trait Target {
    /// Reads the whole state.
    ///
    /// # Errors
    /// The kernel does not respond.
    fn observe(&mut self) -> Result<Observed, TargetError>;

    /// Applies every step of one stage, even after one is refused. Returns one result per step, in order.
    fn apply(&mut self, stage: &[Step], materials: &Materials) -> Vec<Result<(), TargetError>>;

    /// Verifies a program and changes nothing.
    ///
    /// # Errors
    /// The verifier's log.
    fn verify(&self, program: &Program) -> Result<(), TargetError>;

    /// Removes what a segbox that was killed in the middle of a change has left, and what is in no state.
    ///
    /// # Errors
    /// The kernel refuses to remove it.
    fn tidy(&mut self) -> Result<(), TargetError> {
        Ok(())
    }

    /// Gives back the lease of a port.
    ///
    /// # Errors
    /// The kernel refuses to remove what the lease has put on the port.
    fn end_lease(&mut self, _: IfName, _: &Noted) -> Result<(), TargetError> {
        Ok(())
    }

    /// IDs of the HMAC keys that segbox's files name or have named. The kernel records no owner of a key, so segbox ignores all
    /// others.
    fn hmac_keys(&mut self) -> &mut BTreeSet<u32>;

    /// Addresses whose routes are read with the state, beside those that its policies and SIDs lead to.
    fn looked_up(&mut self) -> &mut BTreeSet<IpAddr>;

    /// The counters of each local SID, since its route was last written.
    ///
    /// # Errors
    /// The kernel does not respond.
    fn counters(&mut self) -> Result<BTreeMap<RouteKey, Counters>, TargetError>;
}

/// The network namespace that this process runs in.
pub struct Kernel {
    pub(crate) netlink: Netlink,
    pub(crate) programs: Programs,
    keys: BTreeSet<u32>,
    looked_up: BTreeSet<IpAddr>,
    /// The machine's knobs; None in another namespace than the box's.
    tuner: Option<Tuner>,
    seal: Seal,
}

impl Kernel {
    pub(crate) fn open(own_box: bool, seal: Seal) -> Result<Self, TargetError> {
        let tuner = own_box.then(Tuner::open).transpose()?;
        let (netlink, programs) = (Netlink::open()?, Programs::open()?);
        Ok(Self { netlink, programs, keys: BTreeSet::new(), looked_up: BTreeSet::new(), tuner, seal })
    }

    /// Applies the network steps of a stage together.
    fn apply_network(&mut self, steps: &[Step], materials: &Materials) -> Vec<Result<(), TargetError>> {
        // A route takes the program's descriptor and then holds the program itself, so the descriptor is open only during this
        // call.
        let fds: BTreeMap<&str, OwnedFd> =
            named_programs(steps).filter_map(|name| self.programs.fd(name).ok().map(|fd| (name, fd))).collect();
        let fd = |name: &str| fds.get(name).map(AsRawFd::as_raw_fd);
        boxed(self.netlink.apply(&steps.iter().collect::<Vec<_>>(), &fd, materials))
    }

    /// Applies a step that sets a knob of the machine.
    fn set_knob(&mut self, step: &Step) -> Result<(), TargetError> {
        match (step, &mut self.tuner) {
            (Step::Setting(Delta { key: Setting::Tuning(knob), after: Some(value), .. }), Some(tuner)) => {
                Ok(tuner.turn(knob, value)?)
            }
            // This plan is for the box's namespace and was applied in another one.
            _ => Err(TargetError::from("knobs of the machine can only be set in the network namespace of the box")),
        }
    }
}

impl Target for Kernel {
    fn observe(&mut self) -> Result<Observed, TargetError> {
        let pinned = self.programs.observe()?;
        let found = self.netlink.observe(&pinned.ids)?;
        let mut actual = found.actual;
        actual.state.hmac_keys.retain(|id, _| self.keys.contains(id));
        let source = actual.setting(&Setting::EncapSource).and_then(|source| source.parse().ok());
        let source = source.filter(|source: &Ipv6Addr| !source.is_unspecified());
        let mut addresses = asked::addresses_of(&actual.state);
        addresses.extend(&self.looked_up);
        actual.lookups = self.netlink.lookups(&addresses, source)?;
        (actual.state.programs, actual.state.rows) = (pinned.programs, pinned.rows);
        actual.state.attachments = self.programs.attachments()?;
        actual.state.xdp = self.programs.xdp()?;
        if let Some(tuner) = &mut self.tuner {
            tuner.observe(&mut actual);
        }
        let mut materials = Materials { secrets: found.secrets, ..Materials::default() };
        self.seal.found(&mut actual, &mut materials);
        Ok(Observed { actual, materials })
    }

    fn apply(&mut self, stage: &[Step], materials: &Materials) -> Vec<Result<(), TargetError>> {
        // A stage holds one phase, and programs, rows and attachments have phases of their own.
        if let Some(Step::Program(_) | Step::Row(_) | Step::Attachment(_) | Step::Xdp(_)) = stage.first() {
            return boxed(bpf::apply(&mut self.programs, stage, materials));
        }
        let mut results = Vec::with_capacity(stage.len());
        for run in stage.chunk_by(|one, next| is_of_the_machine(one) == is_of_the_machine(next)) {
            if is_of_the_machine(&run[0]) {
                results.extend(run.iter().map(|step| self.set_knob(step)));
            } else {
                results.extend(self.apply_network(run, materials));
            }
        }
        results
    }

    fn verify(&self, program: &Program) -> Result<(), TargetError> {
        Ok(bpf::verify(program)?)
    }

    fn tidy(&mut self) -> Result<(), TargetError> {
        Ok(self.programs.remove_unfinished()?)
    }

    fn end_lease(&mut self, port: IfName, noted: &Noted) -> Result<(), TargetError> {
        Ok(leases::end(port, noted)?)
    }

    fn hmac_keys(&mut self) -> &mut BTreeSet<u32> {
        &mut self.keys
    }

    fn looked_up(&mut self) -> &mut BTreeSet<IpAddr> {
        &mut self.looked_up
    }

    fn counters(&mut self) -> Result<BTreeMap<RouteKey, Counters>, TargetError> {
        Ok(self.netlink.counters()?)
    }
}

fn is_of_the_machine(step: &Step) -> bool {
    matches!(step, Step::Setting(Delta { key: Setting::Tuning(_), .. }))
}

/// The programs that new routes of this stage use.
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
