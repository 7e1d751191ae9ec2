//! XDP programs at the ways in of ports: a link of the kernel per port, pinned beside the program. A port has one at most, and another program of
//! segbox's takes its place between two packets. Not here: which ports (plan), and programs at the ways out (`attach`).

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use segbox_config::model::XdpMode;
use segbox_config::{Hook, IfName};
use segbox_plan::state::XdpAt;

use super::attach::{index_of, name_of};
use super::bpffs::Bpffs;
use super::folder::FolderError;
use super::pins::{PinError, Programs};
use super::sys;

/// The end of the pin of a link in generic mode.
const GENERIC: &str = "-generic";

/// A link that is pinned.
struct Pinned {
    port: u32,
    pin: PathBuf,
    at: XdpAt,
}

impl Programs {
    /// The XDP programs of segbox's at ports.
    ///
    /// # Errors
    /// A pin cannot be opened.
    pub fn xdp(&self) -> Result<BTreeMap<IfName, XdpAt>, PinError> {
        let all = self.xdp_links()?.into_iter();
        Ok(all.filter_map(|link| Some((name_of(link.port)?, link.at))).collect())
    }

    /// The indexes of the ports that a program is at.
    ///
    /// # Errors
    /// A pin cannot be opened.
    pub fn ports_of(&self, program: &str) -> Result<BTreeSet<u32>, PinError> {
        Ok(self.links(program)?.into_iter().map(|(port, _)| port).filter(|port| name_of(*port).is_some()).collect())
    }

    /// Puts a program at a port, in the place of the one that is there.
    ///
    /// # Errors
    /// There is no such program or port, or the kernel refuses the link: the driver cannot do it, or another's program is there.
    pub fn put_xdp(&mut self, interface: IfName, at: &XdpAt) -> Result<(), PinError> {
        let fail = |source| PinError::Attach { program: at.program.clone(), interface, source };
        let fd = self.fd(&at.program)?;
        let port = index_of(interface).map_err(fail)?;
        let links = self.xdp_links()?;
        let Some(bpffs) = &self.bpffs else { return Err(PinError::NoProgram(at.program.clone())) };
        bpffs.make_folder(&self.ports(&at.program))?;
        let pin = self.ports(&at.program).join(pin_name(port, at.mode));
        for former in links.iter().filter(|link| link.port == port) {
            if former.at.mode == at.mode
                && let Some(link) = bpffs.open(&former.pin)?
            {
                sys::replace_in_link(link.as_fd(), fd.as_fd()).map_err(fail)?;
                if former.pin != pin {
                    bpffs.remove_all(&pin)?;
                    bpffs.pin(&link, &pin)?;
                    bpffs.remove_all(&former.pin)?;
                }
                return Ok(());
            }
            // In the other mode it is another link, and the kernel takes no two.
            end(bpffs, former)?;
        }
        // A pin of a port that is gone may have this number.
        bpffs.remove_all(&pin)?;
        let link = sys::link_xdp(fd.as_fd(), port, at.mode).map_err(fail)?;
        Ok(bpffs.pin(&link, &pin)?)
    }

    /// Takes segbox's program away from a port; no error where there is none.
    ///
    /// # Errors
    /// The bpffs refuses to remove the pin.
    pub fn remove_xdp(&mut self, interface: IfName) -> Result<(), PinError> {
        let (Some(bpffs), Ok(port)) = (&self.bpffs, index_of(interface)) else { return Ok(()) };
        for link in self.xdp_links()?.iter().filter(|link| link.port == port) {
            end(bpffs, link)?;
        }
        Ok(())
    }

    fn xdp_links(&self) -> Result<Vec<Pinned>, PinError> {
        let mut found = Vec::new();
        for program in self.names()? {
            if self.hook(&program)? != Some(Hook::Xdp) {
                continue;
            }
            for (port, pin) in self.links(&program)? {
                let at = XdpAt { program: program.clone(), mode: mode_of(&pin) };
                found.push(Pinned { port, pin, at });
            }
        }
        Ok(found)
    }
}

/// Ends a link at once.
fn end(bpffs: &Bpffs, link: &Pinned) -> Result<(), PinError> {
    if let Some(open) = bpffs.open(&link.pin)? {
        sys::detach_link(open.as_fd()).map_err(|error| FolderError::of("detach", &link.pin, error))?;
    }
    Ok(bpffs.remove_all(&link.pin)?)
}

fn pin_name(port: u32, mode: XdpMode) -> String {
    match mode {
        XdpMode::Native => port.to_string(),
        XdpMode::Generic => format!("{port}{GENERIC}"),
    }
}

fn mode_of(pin: &Path) -> XdpMode {
    match pin.to_string_lossy().ends_with(GENERIC) {
        true => XdpMode::Generic,
        false => XdpMode::Native,
    }
}
