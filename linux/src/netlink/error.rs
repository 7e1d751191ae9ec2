//! The errors of steps and of readings, one enum each. Each names the thing, has the kernel's reply as its source, and says how to fix it
//! where that is known.

use std::io;

use segbox_config::IfName;
use segbox_plan::filter::FilterName;
use segbox_plan::route::RouteKey;
use segbox_plan::state::{AddressKey, NeighborKey, Rule};
use segbox_plan::{Setting, Verb};

use super::reply::TalkError;

/// Why netlink cannot be used at all.
#[derive(Debug, thiserror::Error)]
#[error("cannot open a netlink socket ({family})")]
pub struct OpenError {
    /// `route` or `generic`.
    pub family: &'static str,
    /// What the kernel answered.
    #[source]
    pub source: io::Error,
}

/// Why the kernel's state could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// A table of the kernel.
    #[error("cannot read the kernel's {table}")]
    Table {
        /// `links`, `addresses`, `neighbours`, `IPv6 routes`, ...
        table: &'static str,
        /// What was answered.
        #[source]
        source: TalkError,
    },
    /// A sysctl that is there and cannot be read.
    #[error("cannot read sysctl {name}")]
    Sysctl {
        /// Its dotted name.
        name: String,
        /// What was answered.
        #[source]
        source: io::Error,
    },
    /// Changes cannot be waited for.
    #[error("cannot hear the kernel's notifications")]
    Notifications {
        /// What was answered.
        #[source]
        source: io::Error,
    },
}

/// Why a step was not applied.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// An interface that a step names is not there.
    #[error("there is no interface {name}")]
    NoInterface {
        /// Its name.
        name: IfName,
    },
    /// No interface has the hardware that should get a name.
    #[error("no interface has {hardware}, which should get the name {name}")]
    NoHardware {
        /// `MAC 52:54:00:12:34:56`.
        hardware: String,
        /// The name it should get.
        name: String,
    },
    /// A route.
    #[error("cannot {} route {key}{}", tried(*verb), made_by(maker.as_deref()))]
    Route {
        /// What was to be done.
        verb: Verb,
        /// Which route.
        key: RouteKey,
        /// Which program made the route that is there, after EEXIST: `static`, `bgp`, `kernel`.
        maker: Option<String>,
        /// What the kernel answered.
        #[source]
        source: TalkError,
    },
    /// A nexthop object.
    #[error("cannot {} nexthop {id}", tried(*verb))]
    Nexthop {
        /// What was to be done.
        verb: Verb,
        /// Its id.
        id: u32,
        /// What the kernel answered.
        #[source]
        source: TalkError,
    },
    /// A nexthop object that no message can hold.
    #[error("nexthop {id} cannot be written: {why}")]
    NexthopUnmade {
        /// Its id.
        id: u32,
        /// What of it cannot be written.
        why: String,
    },
    /// A routing rule.
    #[error("cannot {} rule {rule}", tried(*verb))]
    Rule {
        /// What was to be done.
        verb: Verb,
        /// Which rule.
        rule: Rule,
        /// What the kernel answered.
        #[source]
        source: TalkError,
    },
    /// A filter.
    #[error("cannot {} the filter {name} (nf_tables)", tried(*verb))]
    Filter {
        /// What was to be done.
        verb: Verb,
        /// Which filter.
        name: FilterName,
        /// What the kernel answered.
        #[source]
        source: TalkError,
    },
    /// A segment list of a length that no SRH can hold.
    #[error("route {key} cannot carry {count} segments: an SRH holds 1 to {most}")]
    Segments {
        /// Which route.
        key: RouteKey,
        /// How many the route asks for.
        count: usize,
        /// How many fit.
        most: usize,
    },
    /// A hop of a weight that a route cannot hold.
    #[error("route {key} cannot have a hop of weight {weight}: weights are 1 to 256")]
    Weight {
        /// Which route.
        key: RouteKey,
        /// The weight.
        weight: u16,
    },
    /// A route names a program that is not loaded.
    #[error("route {key} needs program {program}, which is not loaded")]
    NoProgram {
        /// Which route.
        key: RouteKey,
        /// The loaded program's name, `stamp@1a2b…`.
        program: String,
    },
    /// An address.
    #[error("cannot {} address {} on {}", tried(*verb), key.address, key.interface)]
    Address {
        /// What was to be done.
        verb: Verb,
        /// Which address.
        key: AddressKey,
        /// What the kernel answered.
        #[source]
        source: TalkError,
    },
    /// A neighbour entry.
    #[error("cannot {} neighbor {} on {}", tried(*verb), key.address, key.interface)]
    Neighbor {
        /// What was to be done.
        verb: Verb,
        /// Which neighbour.
        key: NeighborKey,
        /// What the kernel answered.
        #[source]
        source: TalkError,
    },
    /// A device that segbox makes.
    #[error("cannot {} device {name}", tried(*verb))]
    Device {
        /// What was to be done.
        verb: Verb,
        /// Its name.
        name: IfName,
        /// What the kernel answered.
        #[source]
        source: TalkError,
    },
    /// A setting by netlink: a link's name, master, MTU or state, or the encapsulation source.
    #[error("cannot set {setting} to {value:?}")]
    Setting {
        /// Which setting.
        setting: Setting,
        /// The value it should get.
        value: String,
        /// What the kernel answered.
        #[source]
        source: TalkError,
    },
    /// A value that this setting cannot have.
    #[error("{setting} cannot be {value:?}")]
    Value {
        /// Which setting.
        setting: Setting,
        /// The value.
        value: String,
    },
    /// A sysctl or the host name.
    #[error("cannot write {value:?} to {name}")]
    Sysctl {
        /// Its dotted name.
        name: String,
        /// The value it should get.
        value: String,
        /// What the kernel answered.
        #[source]
        source: io::Error,
    },
    /// An HMAC key.
    #[error("cannot {} HMAC key {id}", tried(*verb))]
    HmacKey {
        /// What was to be done.
        verb: Verb,
        /// The key's id.
        id: u32,
        /// What the kernel answered.
        #[source]
        source: TalkError,
    },
    /// The materials lack the secret of an HMAC key.
    #[error("the secret of HMAC key {id} is missing")]
    NoSecret {
        /// The key's id.
        id: u32,
    },
    /// The interfaces could not be listed, so no name could be resolved.
    #[error("cannot read the kernel's links")]
    Links(#[source] TalkError),
    /// A step that netlink cannot apply: a program, a map's row, a knob of the machine.
    #[error("netlink cannot apply this step")]
    NotNetlink,
}

fn tried(verb: Verb) -> &'static str {
    match verb {
        Verb::Add => "add",
        Verb::Change => "change",
        Verb::Remove => "remove",
    }
}

fn made_by(maker: Option<&str>) -> String {
    maker.map(|maker| format!(": there is one of protocol {maker}")).unwrap_or_default()
}

impl StepError {
    /// How to fix it, where that is known.
    pub fn fix(&self) -> Option<&'static str> {
        let source = match self {
            Self::NoInterface { .. } => {
                return Some("see `ip link`: check that the driver is loaded and that the name is right");
            }
            Self::NoHardware { .. } => return Some("compare `match` in the file with `ip link` and `lspci`"),
            Self::Segments { .. } => return Some("split the path: let an End.B6.Encaps SID on the way add the rest"),
            Self::NoProgram { .. } => {
                return Some("see why the program was not loaded: its step failed before this one");
            }
            Self::NoSecret { .. } => return Some("apply the file that names the key's secret-file"),
            Self::Route { source, .. }
            | Self::Nexthop { source, .. }
            | Self::Rule { source, .. }
            | Self::Filter { source, .. }
            | Self::Address { source, .. }
            | Self::Neighbor { source, .. }
            | Self::Device { source, .. }
            | Self::Setting { source, .. }
            | Self::HmacKey { source, .. } => source,
            Self::Links(source) => source,
            Self::Sysctl { .. }
            | Self::Value { .. }
            | Self::Weight { .. }
            | Self::NexthopUnmade { .. }
            | Self::NotNetlink => {
                return None;
            }
        };
        fix(self, source.errno()?)
    }
}

fn fix(error: &StepError, errno: i32) -> Option<&'static str> {
    use rustix::io::Errno;
    Some(match (error, Errno::from_raw_os_error(errno)) {
        (StepError::Route { .. }, Errno::EXIST) => "remove the other route, or give this one another metric",
        (StepError::Address { .. }, Errno::EXIST) => {
            "another program added the address: remove it, or leave it out of the file"
        }
        // The kernel's words (net/8021q/vlan.c, vlan_check_real_dev).
        (StepError::Device { source: TalkError::Refused(refusal), .. }, Errno::EXIST)
            if refusal.words.as_deref().is_some_and(|words| words.contains("VLAN device already exists")) =>
        {
            "another program made a VLAN with this id on the parent: remove it, or leave it to that program; see `ip -d link show type vlan`"
        }
        (StepError::Device { .. }, Errno::EXIST) => {
            "another program made a device of this name: remove it, or choose another name"
        }
        (StepError::Setting { setting: Setting::LinkMaster(_), .. }, Errno::BUSY) => {
            "another program uses the interface, as a bridge or a macvlan does: take it out there, see `ip -d link`"
        }
        (StepError::Setting { setting: Setting::LinkUp(_), .. }, Errno::NETDOWN) => {
            "a VLAN goes up only on a parent that is up: see `ip link` for the parent"
        }
        (StepError::Setting { setting: Setting::LinkMtu(_), .. }, Errno::RANGE) => {
            "a VLAN has at most the MTU of its parent: write a smaller `mtu`, or a larger one for the parent"
        }
        (StepError::Route { .. }, Errno::NETUNREACH | Errno::HOSTUNREACH) => {
            "the next hop is on no link of this box: check its address and the interfaces' prefixes, or name its interface"
        }
        (StepError::Route { .. }, Errno::NETDOWN) => "the interface is down",
        (StepError::Nexthop { .. }, Errno::EXIST) => "another program has made one with this id meanwhile: apply again",
        (StepError::Nexthop { .. }, Errno::NETDOWN) => {
            "the interface is down or has no carrier: apply again, and the hop is left out until it has"
        }
        (StepError::Nexthop { .. }, Errno::NETUNREACH | Errno::HOSTUNREACH | Errno::INVAL) => {
            "check that the gateway is on the link of its interface; weights over 255 need Linux 6.12"
        }
        (StepError::Filter { .. }, Errno::INVAL | Errno::NOENT | Errno::OPNOTSUPP) => {
            "this kernel lacks a part of nf_tables: turn the filter off in [srv6], or see docs/filters.md for what it needs"
        }
        (StepError::Rule { .. }, Errno::EXIST) => {
            "another program made the same rule: remove it, see `ip rule` and `ip -6 rule`"
        }
        (_, Errno::OPNOTSUPP | Errno::PROTONOSUPPORT) => {
            "this kernel cannot do it: `segbox doctor` shows what it lacks"
        }
        // The kernel's only reason for EACCES here (net/ipv6/addrconf.c, inet6_addr_add; net/ipv6/route.c, fib6_nh_init).
        (StepError::Address { .. } | StepError::Route { .. }, Errno::ACCESS) => {
            "IPv6 is off on this interface: `sysctl -w net.ipv6.conf.INTERFACE.disable_ipv6=0`, and see who sets it (/etc/sysctl.d)"
        }
        (_, Errno::AFNOSUPPORT) => "IPv6 is off: take `ipv6.disable=1` out of the kernel's command line",
        (_, Errno::PERM | Errno::ACCESS) => "run as root",
        (_, Errno::NOMEM | Errno::NOBUFS) => "the kernel is out of memory: see `free` and the kernel's log",
        (_, Errno::NODEV) => "the interface has gone meanwhile: apply again",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::reply::Refusal;
    use super::*;

    #[test]
    fn a_refused_address_is_about_ipv6_and_not_about_root() {
        let source = |errno| TalkError::Refused(Refusal { errno, words: None });
        let key = AddressKey {
            interface: "eth0".parse().expect("a name"),
            address: "2001:db8::1/64".parse().expect("an address"),
        };
        let error = |errno| StepError::Address { verb: Verb::Add, key, source: source(errno) };
        assert!(error(libc::EACCES).fix().is_some_and(|fix| fix.contains("disable_ipv6")));
        assert!(error(libc::EPERM).fix().is_some_and(|fix| fix.contains("root")));
    }
}
