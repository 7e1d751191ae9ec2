//! Sets the settings of the namespace and its links: sysctls, names, masters, MTUs, states, the encapsulation source. Not here: the knobs of
//! the machine (tune), and which value is right (plan).

use std::net::Ipv6Addr;

use rtnetlink::LinkUnspec;
use segbox_config::model::Matcher;
use segbox_plan::Setting;
use segbox_plan::sysctl::STRICT_MODE;

use super::error::StepError;
use super::keeping::Cycle;
use super::links::Links;
use super::reply::TalkError;
use super::{Netlink, device, keeping};
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
            Setting::LinkMaster(name) | Setting::LinkMtu(name) | Setting::LinkUp(name) => *name,
        };
        let links = self.known(links)?;
        let index_of = |name| links.index(name).ok_or(StepError::NoInterface { name });
        let index = index_of(name)?;
        let link = LinkUnspec::new_with_index(index);
        let link = match (setting, value) {
            (Setting::LinkUp(_), "up") => link.up(),
            (Setting::LinkUp(_), "down") => link.down(),
            (Setting::LinkMtu(_), mtu) => link.mtu(mtu.parse().map_err(|_| wrong())?),
            (Setting::LinkMaster(_), "") => link.nocontroller(),
            (Setting::LinkMaster(_), master) => link.controller(index_of(master.parse().map_err(|_| wrong())?)?),
            _ => return Err(wrong()),
        };
        match (setting, value) {
            (Setting::LinkUp(_), "down") => keeping::set(self.first(), index, Cycle::Down, link).map_err(failed),
            (Setting::LinkMaster(_), _) => keeping::set(self.first(), index, Cycle::DownAndUp, link).map_err(failed),
            _ => device::set(self.first(), link).map_err(failed),
        }
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
