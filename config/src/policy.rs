//! Policies of a box as a headend. Not here: the rest of a Config (`model`), and how a behavior encapsulates.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use crate::behavior::HeadendMode;
use crate::names::IfName;
use crate::segments::Segments;

/// A policy of this box as a headend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The destination of the traffic that is steered.
    pub destination: IpNet,
    /// Only traffic that comes from here is steered.
    pub from: Option<IpNet>,
    /// The way it is steered.
    pub steer: Steer,
    /// The device of the policy's route; without it segbox uses segbox0.
    pub interface: Option<IfName>,
    /// H.BPF only: the gateway of packets that the program does not change.
    pub via: Option<IpAddr>,
    /// The outer source address of its packets; None: that of `[srv6]`.
    pub source: Option<Ipv6Addr>,
    /// Routing table: 254 (main) or the VRF's.
    pub table: u32,
    /// The lowest wins; None is the kernel's default.
    pub metric: Option<u32>,
}

/// The way a policy steers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Steer {
    /// By a segment list.
    Segments {
        /// The headend behavior.
        mode: HeadendMode,
        /// In the order in which the packet visits them.
        segments: Segments,
        /// HMAC key id; 0 is none.
        hmac_key: u32,
    },
    /// By several segment lists that share the flows.
    Lists {
        /// The headend behavior.
        mode: HeadendMode,
        /// In the order of the file.
        lists: Vec<SegmentList>,
        /// HMAC key id; 0 is none.
        hmac_key: u32,
    },
    /// By a program that runs on incoming packets (LWT BPF IN): the name of a `[program.NAME]` table.
    Program(String),
}

/// One of a policy's segment lists.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SegmentList {
    /// In the order in which the packet visits them.
    pub segments: Segments,
    /// Its share of the flows, relative to the other lists: 1 to 256.
    pub weight: u16,
}

impl Policy {
    /// The outer source address of its packets; None where the kernel chooses, or there is no outer header.
    /// `of_box` is that of the box.
    pub fn outer_source(&self, of_box: Option<Ipv6Addr>) -> Option<Ipv6Addr> {
        self.source.or(of_box)
    }
}

impl Steer {
    /// The number of its segment lists.
    pub fn count(&self) -> usize {
        match self {
            Self::Segments { .. } => 1,
            Self::Lists { lists, .. } => lists.len(),
            Self::Program(_) => 0,
        }
    }

    /// One of its segment lists.
    pub fn list(&self, at: usize) -> Option<&[Ipv6Addr]> {
        match self {
            Self::Segments { segments, .. } => Some(&**segments).filter(|_| at == 0),
            Self::Lists { lists, .. } => lists.get(at).map(|list| &*list.segments),
            Self::Program(_) => None,
        }
    }

    /// Its segment lists.
    pub fn lists(&self) -> impl Iterator<Item = &[Ipv6Addr]> {
        (0..self.count()).filter_map(|at| self.list(at))
    }

    /// Its headend behavior, and whether it has an HMAC key; None for a program.
    pub fn mode(&self) -> Option<(HeadendMode, bool)> {
        match self {
            Self::Segments { mode, hmac_key, .. } | Self::Lists { mode, hmac_key, .. } => Some((*mode, *hmac_key != 0)),
            Self::Program(_) => None,
        }
    }
}
