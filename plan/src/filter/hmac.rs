//! The guard that ports with `hmac = "require"` need. The kernel verifies the HMAC of a packet that has an SRH; a decapsulating SID takes
//! one without (net/ipv6/seg6_local.c, decap_and_validate). Not here: its rules (linux).

use segbox_config::Config;
use segbox_config::model::HmacMode;

use super::spans::cover;
use super::{HmacGuard, own};

pub(super) fn wanted(config: &Config) -> Option<HmacGuard> {
    let required = config.interfaces.iter().filter(|(_, port)| port.hmac == Some(HmacMode::Require));
    let guard = HmacGuard { ports: required.map(|(name, _)| *name).collect(), sids: cover(own::sids(config)) };
    (!guard.ports.is_empty() && !guard.sids.is_empty()).then_some(guard)
}
