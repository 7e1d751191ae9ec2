//! A kernel in memory, for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use segbox_config::model::Program;
use segbox_linux::netlink::Counters;
use segbox_plan::route::RouteKey;
use segbox_plan::{Actual, Materials, Setting, Step};

use crate::target::{Observed, Target, TargetError};

/// A kernel in memory. It refuses the steps whose number is in `refuses`, and forgets the keys in `forgets`.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) actual: Actual,
    pub(crate) refuses: Option<usize>,
    pub(crate) forgets: Option<Setting>,
    pub(crate) applied: usize,
    pub(crate) keys: BTreeSet<u32>,
    pub(crate) looked_up: BTreeSet<IpAddr>,
    pub(crate) counters: BTreeMap<RouteKey, Counters>,
}

impl Target for Memory {
    fn observe(&mut self) -> Result<Observed, TargetError> {
        Ok(Observed { actual: self.actual.clone(), materials: Materials::default() })
    }

    fn apply(&mut self, stage: &[Step], _: &Materials) -> Vec<Result<(), TargetError>> {
        let mut apply = |step: &Step| {
            self.applied += 1;
            if self.refuses == Some(self.applied) {
                return Err(TargetError::from(format!("step {} is refused", self.applied)));
            }
            if !matches!(step, Step::Setting(delta) if Some(&delta.key) == self.forgets.as_ref()) {
                self.actual.apply_step(step);
            }
            Ok(())
        };
        stage.iter().map(&mut apply).collect()
    }

    fn verify(&self, _: &Program) -> Result<(), TargetError> {
        Ok(())
    }

    fn hmac_keys(&mut self) -> &mut BTreeSet<u32> {
        &mut self.keys
    }

    fn looked_up(&mut self) -> &mut BTreeSet<IpAddr> {
        &mut self.looked_up
    }

    fn counters(&mut self) -> Result<BTreeMap<RouteKey, Counters>, TargetError> {
        Ok(self.counters.clone())
    }
}
