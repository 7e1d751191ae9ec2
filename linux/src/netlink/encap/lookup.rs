//! What an encap needs beside itself to be put into a message and to be read from one, and why that can fail. Not here: the messages.

use std::os::fd::RawFd;

use segbox_config::IfName;
use segbox_plan::route::Hops;

use super::srh::SegmentsError;

/// What names in an encap lead to: interfaces' indexes and programs' file descriptors.
pub(in crate::netlink) trait Lookup {
    fn index(&self, interface: IfName) -> Option<u32>;
    fn program(&self, name: &str) -> Option<RawFd>;
}

/// The names behind what the kernel reports.
pub(in crate::netlink) trait Names {
    fn interface(&self, index: u32) -> IfName;

    /// The hops of a nexthop group of segbox's.
    fn group(&self, _id: u32) -> Option<Hops> {
        None
    }

    /// The program of this name, which has this id where the kernel tells it.
    fn program(&self, name: &str, _id: Option<u32>) -> String {
        name.to_owned()
    }
}

impl<F: Fn(u32) -> IfName> Names for F {
    fn interface(&self, index: u32) -> IfName {
        self(index)
    }
}

/// Why an encap cannot be put into a message.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::netlink) enum EncapError {
    NoInterface(IfName),
    NoProgram(String),
    Segments(SegmentsError),
}
