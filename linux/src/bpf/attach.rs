//! Programs at the ways out of ports: a link of the kernel per port, pinned beside the program. Not here: which ports (plan).
//!
//! The pin has the port's index in its name, and the kernel tells which port a link is at: so a port that got another name has its program
//! still, and one that came back as another device has none.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use rustix::net::netdevice::{index_to_name, name_to_index};
use rustix::net::{AddressFamily, SocketType, socket};
use segbox_config::{Hook, IfName};
use segbox_plan::state::Attachment;

use super::folder::FolderError;
use super::pins::{PinError, Programs};
use super::sys;

/// The folder of a program's links.
const PORTS: &str = "ports";

impl Programs {
    /// The programs at ways out of ports.
    ///
    /// # Errors
    /// A pin cannot be opened.
    pub fn attachments(&self) -> Result<BTreeMap<Attachment, ()>, PinError> {
        let mut found = BTreeMap::new();
        for program in self.names()? {
            if self.hook(&program)? == Some(Hook::Xdp) {
                continue;
            }
            for (port, _) in self.links(&program)? {
                if let Some(interface) = name_of(port) {
                    found.insert(Attachment { program: program.clone(), interface }, ());
                }
            }
        }
        Ok(found)
    }

    /// The port of each of a program's links, and its pin.
    pub(super) fn links(&self, program: &str) -> Result<Vec<(u32, PathBuf)>, PinError> {
        let mut found = Vec::new();
        let Some(bpffs) = &self.bpffs else { return Ok(found) };
        for name in bpffs.list(&self.ports(program))? {
            let pin = self.ports(program).join(&name);
            let Some(link) = bpffs.open(&pin)? else { continue };
            let port = sys::port_of_link(link.as_fd()).map_err(|error| FolderError::of("describe", &pin, error))?;
            found.push((port, pin));
        }
        Ok(found)
    }

    /// Puts a program at the way out of a port.
    ///
    /// # Errors
    /// There is no such program or port, or the kernel is older than 6.6.
    pub fn attach(&mut self, Attachment { program, interface }: &Attachment) -> Result<(), PinError> {
        let fail = |source| PinError::Attach { program: program.clone(), interface: *interface, source };
        let fd = self.fd(program)?;
        let Some(bpffs) = &self.bpffs else { return Err(PinError::NoProgram(program.clone())) };
        let port = index_of(*interface).map_err(fail)?;
        let link = sys::link_tcx_egress(fd.as_fd(), port).map_err(fail)?;
        bpffs.make_folder(&self.ports(program))?;
        let pin = self.ports(program).join(port.to_string());
        // A pin of a port that is gone may have this number.
        bpffs.remove_all(&pin)?;
        Ok(bpffs.pin(&link, &pin)?)
    }

    /// Takes a program away from a port; no error where it is not there.
    ///
    /// # Errors
    /// The bpffs refuses to remove the pin.
    pub fn detach(&mut self, Attachment { program, interface }: &Attachment) -> Result<(), PinError> {
        let (Some(bpffs), Ok(port)) = (&self.bpffs, index_of(*interface)) else { return Ok(()) };
        Ok(bpffs.remove_all(&self.ports(program).join(port.to_string()))?)
    }

    pub(super) fn ports(&self, program: &str) -> PathBuf {
        self.folder_of(program).join(PORTS)
    }
}

/// Any socket is enough to ask for names and indexes.
fn any_socket() -> io::Result<OwnedFd> {
    Ok(socket(AddressFamily::UNIX, SocketType::DGRAM, None)?)
}

pub(super) fn index_of(interface: IfName) -> io::Result<u32> {
    Ok(name_to_index(any_socket()?, interface.as_str())?)
}

/// None where there is no such interface (any more).
pub(super) fn name_of(port: u32) -> Option<IfName> {
    index_to_name(any_socket().ok()?, port).ok()?.parse().ok()
}
