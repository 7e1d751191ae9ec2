//! Waits for the NICs of this box, and names them. Not here: naming (`segbox-router`), and NICs that appear after the boot (`segbox-services`).

use std::time::{Duration, Instant};

use segbox_config::{Config, LinkSeen};
use segbox_plan::degrade::missing;
use segbox_router::{ChangeError, Router};

/// How long a boot waits for a NIC that the file names, once all drivers are loaded. Some drivers probe after their module is
/// loaded (mlx5's ports, USB). A missing NIC costs every boot this time.
const LIMIT: Duration = Duration::from_secs(3);
/// Interval between two checks. A check costs a netlink dump of a few links.
const LOOK: Duration = Duration::from_millis(20);

/// Waits for the interfaces that the file names, up to the limit, and gives every NIC its name. `first`: nothing runs on this box yet.
pub(crate) fn settle(router: &mut Router, config: &Config, first: bool) -> Result<Vec<LinkSeen>, ChangeError> {
    let end = Instant::now() + LIMIT;
    loop {
        let links = router.name_nics(config, first)?;
        if missing(config, &links).is_empty() || Instant::now() >= end {
            return Ok(links);
        }
        std::thread::sleep(LOOK);
    }
}
