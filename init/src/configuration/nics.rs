//! Finds, waits for and renames the NICs of this box. Not here: which NIC gets which name (`segbox_plan::nic_names`).

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use segbox_config::{Config, IfName, LinkSeen};
use segbox_plan::degrade::missing;
use segbox_plan::nic_names::{Nic, renames};
use segbox_router::{ChangeError, Router};

/// How long a boot waits for a NIC that the file names, once all drivers are loaded. Some drivers probe after their module is
/// loaded (mlx5's ports, USB). A missing NIC costs every boot this time.
const LIMIT: Duration = Duration::from_secs(3);
/// Interval between two checks. A check costs a netlink dump of a few links.
const LOOK: Duration = Duration::from_millis(20);

/// Waits for the interfaces that the file names, up to the limit, and gives every NIC its name.
pub(crate) fn settle(router: &mut Router, config: &Config, first: bool) -> Result<Vec<LinkSeen>, ChangeError> {
    let end = Instant::now() + LIMIT;
    loop {
        let links = links(router)?;
        for (from, to) in renames(&nics(&links), &bound(config), first) {
            // A NIC that came or went meanwhile is handled in the next round. A name that stays wrong is reported as missing.
            drop(router.rename(from, to));
        }
        let links = self::links(router)?;
        if missing(config, &links).is_empty() || Instant::now() >= end {
            return Ok(links);
        }
        std::thread::sleep(LOOK);
    }
}

fn links(router: &mut Router) -> Result<Vec<LinkSeen>, ChangeError> {
    Ok(router.seen()?.links.unwrap_or_default())
}

fn bound(config: &Config) -> std::collections::BTreeMap<IfName, segbox_config::model::Matcher> {
    let bound = config.interfaces.iter().filter_map(|(name, one)| one.matches.clone().map(|matcher| (*name, matcher)));
    bound.collect()
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
