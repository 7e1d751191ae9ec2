//! The NICs of the box: gives them their names, and tells what the file lacks without those that are missing. Not here: which NIC gets which name
//! (`segbox_plan::nic_names`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use segbox_config::model::Matcher;
use segbox_config::{Config, IfName, LinkSeen};
use segbox_plan::degrade::degrade;
use segbox_plan::nic_names::{Nic, renames};

use crate::Router;
use crate::error::ChangeError;

impl Router {
    /// Gives every NIC its name, and returns the links then. `first`: nothing runs on this box yet.
    ///
    /// # Errors
    /// The kernel does not list its links.
    pub fn name_nics(&mut self, config: &Config, first: bool) -> Result<Vec<LinkSeen>, ChangeError> {
        let links = self.links()?;
        for (from, to) in renames(&nics(&links), &bound(config), &made(config), first) {
            // A NIC that came or went meanwhile is handled in the next round. A name that stays wrong is reported as missing.
            drop(self.target.netlink.rename(from, to));
        }
        self.links()
    }

    /// Gives NICs that have come their names by the last applied file; false if nothing is applied.
    ///
    /// # Errors
    /// The kernel does not list its links, or the folder cannot be read.
    pub fn name_nics_as_applied(&mut self) -> Result<bool, ChangeError> {
        let Some(config) = self.applied()? else { return Ok(false) };
        self.name_nics(&config, false).map(|_| true)
    }

    /// What of the last applied file is left out because an interface is missing, one line each; None if nothing is applied.
    ///
    /// # Errors
    /// The kernel does not list its links, or the folder cannot be read.
    pub fn left_out(&mut self) -> Result<Option<Vec<String>>, ChangeError> {
        let Some(config) = self.applied()? else { return Ok(None) };
        Ok(Some(degrade(config, &self.links()?).1))
    }

    /// The last applied file. One that has faults by now, without its objects or keys, counts as none: `status` tells them.
    fn applied(&self) -> Result<Option<Config>, ChangeError> {
        let record = self.last_applied()?;
        let reading = record.and_then(|record| record.reading(self.seen_without_links()).ok());
        Ok(reading.map(|reading| reading.checked.config))
    }

    fn links(&mut self) -> Result<Vec<LinkSeen>, ChangeError> {
        self.target.netlink.links().map_err(|error| ChangeError::Kernel(error.into()))
    }
}

fn bound(config: &Config) -> BTreeMap<IfName, Matcher> {
    let bound = config.interfaces.iter().filter_map(|(name, one)| one.matches.clone().map(|matcher| (*name, matcher)));
    bound.collect()
}

/// The names of the devices that segbox makes for the file.
fn made(config: &Config) -> BTreeSet<IfName> {
    let ports = config.interfaces.iter().filter(|(_, interface)| interface.is_made()).map(|(name, _)| *name);
    ports.chain(config.vrfs.keys().copied()).collect()
}

/// The links that are hardware: those with a device in sysfs.
fn nics(links: &[LinkSeen]) -> Vec<Nic> {
    let folder = |link: &LinkSeen| Path::new("/sys/class/net").join(link.name.as_str());
    let real = links.iter().filter(|link| folder(link).join("device").exists());
    let port = |link: &LinkSeen| {
        let text = fs::read_to_string(folder(link).join("dev_port")).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    };
    real.map(|link| Nic { link: link.clone(), port: port(link) }).collect()
}
