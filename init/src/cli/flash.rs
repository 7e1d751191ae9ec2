//! `segbox flash`: an image to a disk. Shows what is lost, asks, shows how far it is.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use miette::{IntoDiagnostic, Result};

use super::OK;
use super::output::{GOOD, print, styled};
use crate::flash::{Disk, FlashError, Image, Pace, Stage, flash};
use crate::router::{Seen, read};

/// Columns that a line of progress fills, over the one before.
const WIDTH: usize = 78;

pub(super) fn run(image: &Path, path: &Path, configuration: Option<&Path>, yes: bool) -> Result<ExitCode> {
    // All that can be wrong is found before the disk is touched. The file is for the box that the disk goes into.
    let text = configuration.map(|file| read("flash", file, Seen::default())).transpose()?.map(|reading| reading.text);
    let image = Image::open(image)?;
    let disk = Disk::look(path, image.size)?;
    print(&format!("everything on {} will be lost:\n", disk.path.display()))?;
    for line in disk.contents() {
        print(&format!("  {line}\n"))?;
    }
    if !yes {
        ask(&disk)?;
    }
    let terminal = io::stdout().is_terminal();
    flash(&image, &disk, text.as_deref(), &mut |pace| show(pace, terminal))?;
    print(&format!("{}: {} is written, read back and the same\n", styled(GOOD, "done"), disk.path.display()))?;
    Ok(OK)
}

/// Goes on only after a whole word: a key pressed by chance costs a disk.
fn ask(disk: &Disk) -> Result<()> {
    let refused = |why: &str| FlashError::Refused {
        path: disk.path.clone(),
        why: why.to_owned(),
        mend: "type yes, or give --yes in a script; nothing was written",
    };
    if !io::stdin().is_terminal() {
        return Err(refused("nobody is there to be asked").into());
    }
    print("Type yes to overwrite it: ")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).into_diagnostic()?;
    if answer.trim() == "yes" { Ok(()) } else { Err(refused("the answer was not yes").into()) }
}

fn show(pace: &Pace, terminal: bool) {
    let done = pace.done == pace.all;
    if !terminal && !done {
        return;
    }
    let end = if done { "\n" } else { "" };
    let begin = if terminal { "\r" } else { "" };
    // Progress that cannot be shown is no reason to leave a disk half written.
    drop(write!(io::stdout(), "{begin}{:<WIDTH$}{end}", line(pace)).and_then(|()| io::stdout().flush()));
}

fn line(pace: &Pace) -> String {
    let doing = match pace.stage {
        Stage::Write => "writing",
        Stage::Compare => "reading back",
    };
    let mib = |bytes: u64| bytes >> 20;
    let rate = pace.rate() / f64::from(1 << 20);
    let time = if pace.done == pace.all {
        format!("{} s", pace.time.as_secs())
    } else {
        format!("{} s left", pace.left().as_secs())
    };
    let percent = (pace.done * 100).checked_div(pace.all).unwrap_or(100);
    format!("{doing:<13}{percent:>3} %  {} of {} MiB  {rate:.1} MiB/s  {time}", mib(pace.done), mib(pace.all))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_line_tells_rate_and_time_left_and_fits() {
        let pace = Pace { stage: Stage::Compare, done: 1 << 20, all: 4 << 20, time: Duration::from_secs(1) };
        assert_eq!(line(&pace), "reading back  25 %  1 of 4 MiB  1.0 MiB/s  3 s left");
        let late = Pace { done: 1, all: 9 << 40, ..pace };
        assert!(line(&late).len() <= WIDTH, "{}", line(&late));
    }
}
