//! The fast path as text: who forwards what, and what the program has counted.

use segbox_plan::foretold::Foretold;
use segbox_router::status::fast_path::{FastPath, Path};

use super::output::{BAD, HEAD, styled, table};

/// Most SIDs and policies of the kernel's that `check` names without `--all`.
const SHOWN: usize = 20;

/// `xdp`, or `kernel: ` and why.
pub(crate) fn by(path: &Path) -> String {
    match &path.path_why {
        None => path.path.to_owned(),
        Some(why) => format!("{}: {why}", path.path),
    }
}

/// The section of `status`.
pub(crate) fn text(path: &FastPath) -> String {
    let mut text = format!("{}\n", styled(HEAD, "fast path"));
    if let Some(why) = &path.stopped {
        text += &format!("  {} {why}\n", styled(BAD, "forwards nothing:"));
    }
    let port = |(name, mode): (&String, &String)| match path.idle.get(name) {
        Some(why) => vec![name.clone(), mode.clone(), why.clone()],
        None => vec![name.clone(), mode.clone(), "forwards".to_owned()],
    };
    text += &table("  ", &path.ports.iter().map(port).collect::<Vec<_>>());
    let counters = [
        (path.misses, "answers looked up anew"),
        (path.passed_refresh, "packets to the kernel, to keep neighbours fresh"),
        (path.passed_doubtful, "packets to the kernel, which has to judge them"),
        (path.passed_no_lease, "packets to the kernel while no service kept the answers fresh"),
    ];
    let counters = counters.map(|(number, what)| vec![number.to_string(), what.to_owned()]);
    text + &table("  ", &counters)
}

/// What `check` tells. Empty for a file without a fast path.
pub(crate) fn foretold(all: &[Foretold], in_full: bool) -> String {
    if all.is_empty() {
        return String::new();
    }
    let kernels: Vec<(&str, &str)> =
        all.iter().filter_map(|one| Some((one.what.as_str(), one.why_kernel.as_deref()?))).collect();
    let mut text =
        format!("fast path: xdp forwards {} of {} SIDs and policies\n", all.len() - kernels.len(), all.len());
    let shown = if in_full { kernels.len() } else { SHOWN };
    for (what, why) in kernels.iter().take(shown) {
        text += &format!("  kernel: {what}: {why}\n");
    }
    if kernels.len() > shown {
        text += &format!("  ... and {} more: `--all` lists all of them\n", kernels.len() - shown);
    }
    text
}
