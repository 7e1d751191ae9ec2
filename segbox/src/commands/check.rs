//! `segbox check`: lists all faults of a file.

use std::path::Path;
use std::process::ExitCode;

use miette::Result;
use segbox_config::Config;
use segbox_linux::Netlink;
use segbox_plan::foretold::foretold;
use segbox_plan::overruled::{Overruled, destinations, of_file, overruled};
use segbox_router::profiles::Profiles;
use segbox_router::{Seen, read};

use super::OK;
use crate::text::fast_path;
use crate::text::output::{self, GOOD, print, styled};

pub(super) fn run(file: &Path, elsewhere: bool, all: bool) -> Result<ExitCode> {
    let on = if elsewhere { Seen::default() } else { this_box() };
    let reading = read("check", file, on).map_err(|error| if all { error.in_full() } else { error })?;
    output::warnings(&reading.checked.warnings, all);
    if !elsewhere {
        output::overruled(&overruled_here(&reading.checked.config));
    }
    let foretold = fast_path::foretold(&foretold(&reading.checked.config), all);
    print(&format!("{}: {}\n{foretold}", file.display(), styled(GOOD, "no faults")))?;
    Ok(OK)
}

/// Routes of this box that go before those of the file. Without netlink there are none.
fn overruled_here(config: &Config) -> Vec<Overruled> {
    let ours = of_file(config);
    let others = Netlink::open().ok().and_then(|mut netlink| netlink.others_routes(&destinations(&ours)).ok());
    overruled(&ours, &others.unwrap_or_default())
}

/// The facts of this box that can be read without root. Without netlink the interfaces are not checked.
fn this_box() -> Seen {
    let links = Netlink::open().ok().and_then(|mut netlink| netlink.links().ok());
    let profiles = Some(Profiles::read().names());
    let hazards = segbox_plan::beside::hazards(&segbox_linux::beside::look());
    Seen { links, kernel: Some(segbox_linux::kernel::survey()), profiles, hazards, exposed: None }
}
