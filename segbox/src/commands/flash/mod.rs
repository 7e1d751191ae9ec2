//! `segbox flash`: an image to a disk. Shows what there is and what is lost, asks, shows how far it is.

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

/// Columns that a line of progress fills, over the one before.
const WIDTH: usize = 78;
/// Between two lines of progress where they are kept: in a log.
const LOG: Duration = Duration::from_secs(10);

/// What was asked for.
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
            print(&told(&survey(host()), image.as_deref()))?;
            Ok(if image.is_none() { OK } else { ExitCode::from(super::FAULT) })
        }
    }
}

fn write(image: &Path, path: &Path, configuration: Option<&Path>, yes: bool) -> Result<ExitCode> {
    // All that can be wrong is found before the disk is touched. The file is for the box that the disk goes into.
    let bundle = configuration.map(bundle::read).transpose()?;
    let image = Image::open(image, host())?;
    let disk = Disk::look(path, image.needs(), host())?;
    if image.path == disk.path {
        let why = "the image is on it".to_owned();
        return Err(FlashError::Refused { path: disk.path, why, mend: "name another disk" }.into());
    }
    print(&format!("everything on {} will be lost:\n", disk.path.display()))?;
    for line in disk.contents() {
        print(&format!("  {line}\n"))?;
    }
    print(&format!("it gets {}{}\n", image.path.display(), along(&image, bundle.as_ref())))?;
    if !yes {
        ask(&disk)?;
    }
    let stop = Stop::begin().into_diagnostic()?;
    let terminal = io::stdout().is_terminal();
    let mut last = Instant::now();
    let flashed = flash(&image, &disk, bundle.as_ref(), &stop, &mut |pace| show(pace, terminal, &mut last));
    if let (Err(_), true) = (&flashed, terminal) {
        // The line of progress is still open.
        print("\n")?;
    }
    flashed?;
    print(&format!("{}: {} is written, read back and the same\n", styled(GOOD, "done"), disk.path.display()))?;
    Ok(OK)
}

/// This machine, as far as flashing goes by it.
fn host() -> Host<'static> {
    Host { own_mounts: segbox_init::own_mounts(), load_fat: &segbox_init::load_fat }
}

/// What the disk gets beside the image.
fn along(image: &Image, bundle: Option<&Bundle>) -> String {
    match bundle {
        Some(bundle) => format!(", with {}", bundle.names().collect::<Vec<_>>().join(", ")),
        None if image.is_disk() => " as it is, with its configuration".to_owned(),
        None => ", and no configuration: name one with --config, or bring it on a stick later".to_owned(),
    }
}

/// The disks and images that there are, and what to type.
fn told(survey: &Survey, image: Option<&Path>) -> String {
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
            text += &format!("    not to be flashed: {why}\n");
        }
    }
    if !survey.images.is_empty() {
        text += &format!("{}\n", styled(HEAD, "images"));
    }
    for (path, bytes) in &survey.images {
        text += &format!("  {}  {} MiB\n", path.display(), bytes >> 20);
    }
    // A disk that is overwritten is named only where there is no other that could be meant.
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
    text += &format!("\n`segbox flash {image} {disk}` overwrites {disk}, and asks before it does.");
    if image == "self" {
        text += " `self` is the disk that this box was booted from.";
    }
    text + "\n"
}

/// Whether a path leads over a disk, or a partition of it: `/dev/sdb1/segbox.raw` and /dev/sdb.
fn is_on(path: &Path, disk: &Path) -> bool {
    let (path, disk) = (path.display().to_string(), disk.display().to_string());
    let rest =
        path.strip_prefix(&disk).map(|rest| rest.trim_start_matches(|part: char| part == 'p' || part.is_ascii_digit()));
    rest.is_some_and(|rest| rest.starts_with('/'))
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

/// One line that changes on a terminal; elsewhere a line now and then.
fn show(pace: &Pace, terminal: bool, last: &mut Instant) {
    let done = pace.done == pace.all;
    if !terminal && !done && last.elapsed() < LOG {
        return;
    }
    *last = Instant::now();
    let (begin, end) = if terminal { ("\r", if done { "\n" } else { "" }) } else { ("", "\n") };
    let text = if terminal { format!("{:<WIDTH$}", line(pace)) } else { line(pace) };
    // Progress that cannot be shown is no reason to leave a disk half written.
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
    fn a_line_tells_rate_and_time_left_and_fits() {
        let pace = Pace { stage: Stage::Compare, done: 1 << 20, all: 4 << 20, time: Duration::from_secs(1) };
        assert_eq!(line(&pace), "reading back  25 %  1 of 4 MiB  1.0 MiB/s  3 s left");
        let late = Pace { done: 1, all: 9 << 40, ..pace };
        assert!(line(&late).len() <= WIDTH, "{}", line(&late));
    }

    #[test]
    fn who_names_no_disk_reads_what_to_type() {
        let disk = |name: &str, refused: Option<&str>| Candidate {
            path: name.into(),
            lines: vec!["QEMU HARDDISK  SATA  1024 MiB".into()],
            refused: refused.map(str::to_owned),
        };
        let disks = vec![disk("/dev/sda", Some("this box was booted from it")), disk("/dev/sdb", None)];
        let mut survey = Survey { disks, images: Vec::new(), has_self: true };
        let text = told(&survey, None);
        assert!(text.contains("`segbox flash self /dev/sdb` overwrites /dev/sdb"), "{text}");
        assert!(text.contains("/dev/sda      QEMU HARDDISK"), "{text}");
        // The stick that brings the image is not what is meant, and of two disks neither is.
        survey.disks.push(disk("/dev/sdc", None));
        assert!(told(&survey, None).contains("`segbox flash self DISK`"));
        survey.images.push(("/dev/sdc1/segbox.raw.zst".into(), 20 << 20));
        survey.has_self = false;
        let text = told(&survey, None);
        assert!(text.contains("`segbox flash /dev/sdc1/segbox.raw.zst /dev/sdb` overwrites"), "{text}");
        assert!(told(&survey, Some(Path::new("x.raw"))).contains("`segbox flash x.raw /dev/sdb`"));
    }

    #[test]
    fn a_file_on_a_stick_is_on_its_disk() {
        let is_on = |path: &str, disk: &str| super::is_on(Path::new(path), Path::new(disk));
        assert!(is_on("/dev/sdb1/x.raw", "/dev/sdb") && is_on("/dev/nvme0n1p2/x.raw", "/dev/nvme0n1"));
        assert!(!is_on("/dev/sdb1/x.raw", "/dev/sda") && !is_on("/dev/sdba1/x.raw", "/dev/sdb"));
    }
}
