//! What an encap needs beside itself to be put into a message, and why that can fail. Not here: the messages.

use std::os::fd::RawFd;

use segbox_config::IfName;

use super::srh::SegmentsError;

/// What names in an encap lead to: interfaces' indexes and programs' file descriptors.
pub(in crate::netlink) trait Lookup {
    fn index(&self, interface: IfName) -> Option<u32>;
    fn program(&self, name: &str) -> Option<RawFd>;
}

/// Why an encap cannot be put into a message.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::netlink) enum EncapError {
    NoInterface(IfName),
    NoProgram(String),
    Segments(SegmentsError),
}
