//! `segbox flash`: writes an image to a disk. Shows the disks and what will be lost, asks, and prints progress.

mod bundle;

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use miette::{IntoDiagnostic, Result};
use segbox_firmware::flash::{
    Bundle, Candidate, Disk, FlashError, Host, Image, Pace, Stage, Stop, Survey, flash, survey,
};

use super::OK;
use crate::text::output::{FAINT, GOOD, HEAD, print, styled};

/// Width of the progress line, so that it covers the previous one.
const WIDTH: usize = 78;
/// Interval between progress lines when the output is not a terminal.
const LOG: Duration = Duration::from_secs(10);

/// The arguments of the command.
#[derive(Debug, clap::Args)]
pub(super) struct Flash {
    /// A segbox.raw or segbox.raw.zst; a disk that has segbox on it; `self`, the disk that this box was booted from; or a file on a
    /// stick that is not mounted, such as /dev/sdb1/segbox.raw.zst.
    #[arg(value_name = "IMAGE")]
    image: Option<std::path::PathBuf>,
    /// A whole disk, such as /dev/sdb, or a disk image file. Without it, lists the disks and images.
    #[arg(value_name = "DISK")]
    disk: Option<std::path::PathBuf>,
    /// Put this segbox.toml on the disk's config partition, with the keys, programs and hardware profiles that it names.
    #[arg(long, value_name = "FILE", requires = "disk")]
    config: Option<std::path::PathBuf>,
    /// Do not ask before writing.
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(asked: &Flash) -> Result<ExitCode> {
    match (&asked.image, &asked.disk) {
        (Some(image), Some(disk)) => write(image, disk, asked.config.as_deref(), asked.yes),
        (image, _) => {
            print(&survey_text(&survey(host()), image.as_deref()))?;
            Ok(if image.is_none() { OK } else { ExitCode::from(super::FAULT) })
        }
    }
}

fn write(image: &Path, path: &Path, configuration: Option<&Path>, yes: bool) -> Result<ExitCode> {
    // Everything that can be wrong is checked before the disk is touched. The file is meant for the box that will get the disk.
    let bundle = configuration.map(bundle::read).transpose()?;
    let image = Image::open(image, host())?;
    let disk = Disk::look(path, image.needs(), host())?;
    if image.is_on(&disk)? {
        let why = "the image is on this disk".to_owned();
        return Err(FlashError::Refused { path: disk.path, why, fix: "name another disk" }.into());
    }
    print(&format!("this erases everything on {}:\n", disk.path.display()))?;
    for line in disk.contents() {
        print(&format!("  {line}\n"))?;
    }
    print(&format!("the disk gets {}{}\n", image.path.display(), extras(&image, bundle.as_ref())))?;
    if !yes {
        ask(&disk)?;
    }
    let stop = Stop::begin().into_diagnostic()?;
    let terminal = io::stdout().is_terminal();
    let mut last = Instant::now();
    let flashed = flash(&image, &disk, bundle.as_ref(), &stop, &mut |pace| show(pace, terminal, &mut last));
    if let (Err(_), true) = (&flashed, terminal) {
        // End the progress line first.
        print("\n")?;
    }
    flashed?;
    print(&format!("{}: wrote {} and read it back without a difference\n", styled(GOOD, "done"), disk.path.display()))?;
    Ok(OK)
}

/// This machine, as far as flashing depends on it.
fn host() -> Host<'static> {
    Host { own_mounts: segbox_init::own_mounts(), load_fat: &segbox_init::load_fat }
}

/// The rest of what the disk gets, beside the image.
fn extras(image: &Image, bundle: Option<&Bundle>) -> String {
    match bundle {
        Some(bundle) => format!(", with {}", bundle.names().collect::<Vec<_>>().join(", ")),
        None if image.is_disk() => " with its configuration".to_owned(),
        None => ", without a configuration: name one with --config, or bring one on a stick later".to_owned(),
    }
}

/// The list of disks and images, and the command to type next.
fn survey_text(survey: &Survey, image: Option<&Path>) -> String {
    let mut text = format!("{}\n", styled(HEAD, "disks"));
    if survey.disks.is_empty() {
        text += "  none\n";
    }
    for disk in &survey.disks {
        let mut lines = disk.lines.iter();
        text += &format!("  {:<13} {}\n", disk.path.display(), lines.next().map_or("", String::as_str));
        for line in lines {
            text += &format!("    {}\n", styled(FAINT, line));
        }
        if let Some(why) = &disk.refused {
            text += &format!("    cannot be flashed: {why}\n");
        }
    }
    if !survey.images.is_empty() {
        text += &format!("{}\n", styled(HEAD, "images"));
    }
    for (path, bytes) in &survey.images {
        text += &format!("  {}  {} MiB\n", path.display(), bytes >> 20);
    }
    // The example command names a disk only if it is the only candidate.
    let holds_image = |disk: &Candidate| survey.images.iter().any(|(path, _)| is_on(path, &disk.path));
    let mut free = survey.disks.iter().filter(|disk| disk.refused.is_none() && !holds_image(disk));
    let disk = match (free.next(), free.next()) {
        (Some(only), None) => only.path.display().to_string(),
        _ => "DISK".to_owned(),
    };
    let image = match (image, survey.has_self, survey.images.first()) {
        (Some(image), ..) => image.display().to_string(),
        (_, true, _) => "self".to_owned(),
        (_, _, Some((path, _))) => path.display().to_string(),
        _ => "IMAGE".to_owned(),
    };
    text += &format!("\n`segbox flash {image} {disk}` overwrites {disk}; it asks first.");
    if image == "self" {
        text += " `self` is the disk that this box was booted from.";
    }
    text + "\n"
}

/// Whether a path leads to a disk or one of its partitions: `/dev/sdb1/segbox.raw` is on /dev/sdb.
fn is_on(path: &Path, disk: &Path) -> bool {
    let (path, disk) = (path.display().to_string(), disk.display().to_string());
    let rest =
        path.strip_prefix(&disk).map(|rest| rest.trim_start_matches(|part: char| part == 'p' || part.is_ascii_digit()));
    rest.is_some_and(|rest| rest.starts_with('/'))
}

/// Requires a whole word: an accidental key press must not erase a disk.
fn ask(disk: &Disk) -> Result<()> {
    let refused = |why: &str| FlashError::Refused {
        path: disk.path.clone(),
        why: why.to_owned(),
        fix: "type yes, or use --yes in a script; nothing was written",
    };
    if !io::stdin().is_terminal() {
        return Err(refused("standard input is not a terminal").into());
    }
    print("Type yes to overwrite it: ")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).into_diagnostic()?;
    if answer.trim() == "yes" { Ok(()) } else { Err(refused("the answer was not yes").into()) }
}

/// Prints one line that is updated on a terminal, or a line now and then elsewhere.
fn show(pace: &Pace, terminal: bool, last: &mut Instant) {
    let done = pace.done == pace.all;
    if !terminal && !done && last.elapsed() < LOG {
        return;
    }
    *last = Instant::now();
    let (begin, end) = if terminal { ("\r", if done { "\n" } else { "" }) } else { ("", "\n") };
    let text = if terminal { format!("{:<WIDTH$}", line(pace)) } else { line(pace) };
    // Failing to print progress is no reason to leave a disk half written.
    drop(write!(io::stdout(), "{begin}{text}{end}").and_then(|()| io::stdout().flush()));
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
    use super::*;

    #[test]
    fn a_progress_line_has_rate_and_time_left_and_fits() {
        let pace = Pace { stage: Stage::Compare, done: 1 << 20, all: 4 << 20, time: Duration::from_secs(1) };
        assert_eq!(line(&pace), "reading back  25 %  1 of 4 MiB  1.0 MiB/s  3 s left");
        let late = Pace { done: 1, all: 9 << 40, ..pace };
        assert!(line(&late).len() <= WIDTH, "{}", line(&late));
    }

    #[test]
    fn without_a_disk_the_next_command_is_shown() {
        let disk = |name: &str, refused: Option<&str>| Candidate {
            path: name.into(),
            lines: vec!["QEMU HARDDISK  SATA  1024 MiB".into()],
            refused: refused.map(str::to_owned),
        };
        let disks = vec![disk("/dev/sda", Some("this box was booted from it")), disk("/dev/sdb", None)];
        let mut survey = Survey { disks, images: Vec::new(), has_self: true };
        let text = survey_text(&survey, None);
        assert!(text.contains("`segbox flash self /dev/sdb` overwrites /dev/sdb"), "{text}");
        assert!(text.contains("/dev/sda      QEMU HARDDISK"), "{text}");
        // A stick that holds the image is not a candidate, and neither of two disks is named.
        survey.disks.push(disk("/dev/sdc", None));
        assert!(survey_text(&survey, None).contains("`segbox flash self DISK`"));
        survey.images.push(("/dev/sdc1/segbox.raw.zst".into(), 20 << 20));
        survey.has_self = false;
        let text = survey_text(&survey, None);
        assert!(text.contains("`segbox flash /dev/sdc1/segbox.raw.zst /dev/sdb` overwrites"), "{text}");
        assert!(survey_text(&survey, Some(Path::new("x.raw"))).contains("`segbox flash x.raw /dev/sdb`"));
    }

    #[test]
    fn a_file_on_a_stick_is_on_its_disk() {
        let is_on = |path: &str, disk: &str| super::is_on(Path::new(path), Path::new(disk));
        assert!(is_on("/dev/sdb1/x.raw", "/dev/sdb") && is_on("/dev/nvme0n1p2/x.raw", "/dev/nvme0n1"));
        assert!(!is_on("/dev/sdb1/x.raw", "/dev/sda") && !is_on("/dev/sdba1/x.raw", "/dev/sdb"));
    }
}
