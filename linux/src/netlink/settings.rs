//! Sets the settings of the namespace and its links: sysctls, names, masters, MTUs, states, the encapsulation source. Not here: the knobs of
//! the machine (tune), and which value is right (plan).

use std::net::Ipv6Addr;

use rtnetlink::LinkUnspec;
use segbox_config::IfName;
use segbox_config::model::Matcher;
use segbox_plan::Setting;
use segbox_plan::sysctl::STRICT_MODE;

use super::error::StepError;
use super::keeping::Cycle;
use super::links::Links;
use super::reply::TalkError;
use super::{Netlink, device, keeping, members};
use crate::sysctl;

impl Netlink {
    /// Sets one. `links` are the links as the last step read them; None where that step added or removed some.
    pub(super) fn set(&mut self, setting: &Setting, value: &str, links: &mut Option<Links>) -> Result<(), StepError> {
        let wrong = || StepError::Value { setting: setting.clone(), value: value.to_owned() };
        let failed = |source| StepError::Setting { setting: setting.clone(), value: value.to_owned(), source };
        let write = |name: &str| {
            let failed = |source| StepError::Sysctl { name: name.to_owned(), value: value.to_owned(), source };
            sysctl::write(name, value).map_err(failed)
        };
        let name = match setting {
            // A knob of the machine (`tune`).
            Setting::Tuning(_) => return Err(StepError::NotNetlink),
            Setting::Hostname => return write("kernel.hostname"),
            Setting::Sysctl(name) => {
                if name == STRICT_MODE && !sysctl::is_there(name) {
                    device::load_vrf(self.first());
                }
                return write(name);
            }
            Setting::EncapSource => {
                let source: Ipv6Addr = value.parse().map_err(|_| wrong())?;
                return self.seg6.set_source(source).map_err(failed);
            }
            Setting::LinkName(hardware) => {
                *links = None;
                return self.name(hardware, value, wrong, failed);
            }
            Setting::LinkMaster(name) => return self.set_master(*name, value, links, wrong, failed),
            Setting::LinkMtu(name) | Setting::LinkUp(name) => *name,
        };
        let links = self.known(links)?;
        let index = links.index(name).ok_or(StepError::NoInterface { name })?;
        let link = LinkUnspec::new_with_index(index);
        let link = match (setting, value) {
            (Setting::LinkUp(_), "up") => link.up(),
            (Setting::LinkUp(_), "down") => link.down(),
            (Setting::LinkMtu(_), mtu) => link.mtu(mtu.parse().map_err(|_| wrong())?),
            _ => return Err(wrong()),
        };
        match (setting, value) {
            (Setting::LinkUp(_), "down") => keeping::set(self.first(), index, Cycle::Down, link).map_err(failed),
            _ => device::set(self.first(), link).map_err(failed),
        }
    }

    /// Puts a link into a VRF or a bond, or out of it: an empty name is none.
    fn set_master(
        &mut self,
        name: IfName,
        value: &str,
        links: &mut Option<Links>,
        wrong: impl FnOnce() -> StepError,
        failed: impl FnOnce(TalkError) -> StepError,
    ) -> Result<(), StepError> {
        let known = self.known(links)?;
        let link = known.named(name).ok_or(StepError::NoInterface { name })?;
        let master = match value {
            "" => None,
            master => {
                let name = master.parse().map_err(|_| wrong())?;
                Some(known.index(name).ok_or(StepError::NoInterface { name })?)
            }
        };
        if known.is_bond(link.master) || master.is_some_and(|master| known.is_bond(master)) {
            let done = members::set_master(self.first(), known, link, master);
            // It may be up now, or no longer.
            *links = None;
            return done.map_err(failed);
        }
        let change = LinkUnspec::new_with_index(link.index);
        let change = match master {
            Some(master) => change.controller(master),
            None => change.nocontroller(),
        };
        keeping::set(self.first(), link.index, Cycle::DownAndUp, change).map_err(failed)
    }

    /// Gives the name to the link with this hardware.
    fn name(
        &mut self,
        hardware: &Matcher,
        value: &str,
        wrong: impl FnOnce() -> StepError,
        failed: impl FnOnce(TalkError) -> StepError,
    ) -> Result<(), StepError> {
        let name = value.parse().map_err(|_| wrong())?;
        let links = Links::read(self.first()).map_err(StepError::Links)?;
        let missing = || StepError::NoHardware { hardware: in_words(hardware), name: value.to_owned() };
        let link = links.with(hardware).ok_or_else(missing)?;
        device::rename_over(self.first(), &links, link, name).map_err(failed)
    }
}

fn in_words(hardware: &Matcher) -> String {
    let mac = hardware.mac.map(|mac| format!("MAC {mac}"));
    let pci = hardware.pci.as_ref().map(|pci| format!("PCI path {pci}"));
    mac.into_iter().chain(pci).collect::<Vec<_>>().join(" and ")
}
