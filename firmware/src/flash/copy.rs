//! Writes an image, and reads it back from the disk. Both work piece by piece and report progress. The first piece of the image,
//! with boot code and partition table, is written last. If the process ends early for any reason, the disk has neither, and no
//! firmware tries to boot it.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use super::content::UNFINISHED;
use super::disk::Target;
use super::stop::Stop;
use super::{FlashError, Image};

/// Size of a piece: large enough for full disk speed and for a partition table, small enough for a small box.
const PIECE: usize = 1 << 20;
/// The boot sector, with the mark of a disk that has a partition table.
const FIRST_SECTOR: usize = 512;
/// Data is synced to the disk at this interval, so the reported rate is that of the disk and not of the memory.
const SYNC: u64 = 32 << 20;
/// Interval between two progress reports.
const TELL: Duration = Duration::from_millis(500);

/// A stage of flashing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Writing the image to the disk.
    Write,
    /// Reading the disk and comparing it with the image.
    Compare,
}

/// The progress of a stage.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The current stage.
    pub stage: Stage,
    /// Bytes done so far.
    pub done: u64,
    /// Total bytes.
    pub all: u64,
    /// Time since this stage began.
    pub time: Duration,
}

impl Pace {
    /// Bytes per second so far.
    pub fn rate(&self) -> f64 {
        self.done as f64 / self.time.as_secs_f64().max(1e-3)
    }

    /// Remaining time at this rate.
    pub fn left(&self) -> Duration {
        let seconds = (self.all - self.done) as f64 / self.rate().max(1.0);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

/// Receives progress reports, and may request a stop.
pub(crate) struct Watcher<'a> {
    pub(crate) progress: &'a mut dyn FnMut(&Pace),
    pub(crate) stop: &'a Stop,
}

/// A stage with progress reports.
struct Watched<'a, 'b> {
    watcher: &'b mut Watcher<'a>,
    stage: Stage,
    all: u64,
    begin: Instant,
    last: Instant,
}

impl<'a, 'b> Watched<'a, 'b> {
    fn new(stage: Stage, all: u64, watcher: &'b mut Watcher<'a>) -> Self {
        let now = Instant::now();
        Self { watcher, stage, all, begin: now, last: now }
    }

    fn at(&mut self, done: u64, target: &Target) -> Result<(), FlashError> {
        if done == self.all || self.last.elapsed() >= TELL {
            self.last = Instant::now();
            (self.watcher.progress)(&Pace { stage: self.stage, done, all: self.all, time: self.begin.elapsed() });
        }
        self.watcher.stop.asked().map_or(Ok(()), |signal| Err(target.stopped(signal)))
    }
}

/// The image except its first piece is on the disk.
pub(crate) struct Headless(Vec<u8>);

/// Writes everything except the first piece, and returns when it is on the disk.
pub(crate) fn write(image: &Image, target: &mut Target, watcher: &mut Watcher<'_>) -> Result<Headless, FlashError> {
    let mut watched = Watched::new(Stage::Write, image.size, watcher);
    let mut bytes = image.read()?;
    let mut piece = vec![0; PIECE];
    let mut head = vec![0; PIECE];
    let length = fill(bytes.as_mut(), &mut head).map_err(|error| image.fault(error))?;
    head.truncate(length);
    behead(target).map_err(|error| target.fault("write", 0, error))?;
    let (mut done, mut synced) = (head.len() as u64, 0);
    target.file.seek(SeekFrom::Start(done)).map_err(|error| target.fault("write", done, error))?;
    loop {
        watched.at(done, target)?;
        let length = fill(bytes.as_mut(), &mut piece).map_err(|error| image.half(done, error))?;
        if length == 0 {
            break;
        }
        target.file.write_all(&piece[..length]).map_err(|error| target.fault("write", done, error))?;
        done += length as u64;
        if done - synced >= SYNC {
            target.file.sync_data().map_err(|error| target.fault("write", done, error))?;
            synced = done;
        }
    }
    if done != image.size {
        return Err(image.half(done, io::ErrorKind::UnexpectedEof.into()));
    }
    target.file.sync_all().map_err(|error| target.fault("write", done, error))?;
    Ok(Headless(head))
}

/// Erases the boot code and both partition tables: firmware falls back to the table at a disk's end.
fn behead(target: &mut Target) -> io::Result<()> {
    let mut start = vec![0; PIECE];
    start[..UNFINISHED.len()].copy_from_slice(UNFINISHED);
    target.file.rewind()?;
    target.file.write_all(&start)?;
    let end = target.file.seek(SeekFrom::End(0))?;
    let last = target.file.seek(SeekFrom::Start(end.saturating_sub(PIECE as u64)))?;
    io::copy(&mut io::repeat(0).take(end - last), &mut target.file)?;
    target.file.sync_all()
}

/// Reads everything back and compares every byte, then writes the first piece.
pub(crate) fn compare(
    image: &Image,
    headless: Headless,
    target: &mut Target,
    watcher: &mut Watcher<'_>,
) -> Result<(), FlashError> {
    target.forget_what_was_read()?;
    let mut watched = Watched::new(Stage::Compare, image.size, watcher);
    let mut bytes = image.read()?;
    let (mut wanted, mut found) = (vec![0; PIECE], vec![0; PIECE]);
    let mut done = 0;
    loop {
        let length = fill(bytes.as_mut(), &mut wanted).map_err(|error| image.half(done, error))?;
        if length == 0 {
            break;
        }
        // The first piece is not written yet.
        if done > 0 {
            compare_piece(target, done, &wanted[..length], &mut found)?;
        }
        done += length as u64;
        watched.at(done, target)?;
    }
    put_head(target, &headless.0).map_err(|error| target.fault("write", 0, error))?;
    target.forget_what_was_read()?;
    compare_piece(target, 0, &headless.0, &mut found)
}

/// Writes the first piece. Its first sector comes last: a disk writes a sector whole or not at all, and without this one the disk is
/// unfinished.
fn put_head(target: &mut Target, head: &[u8]) -> io::Result<()> {
    let (boot, rest) = head.split_at(head.len().min(FIRST_SECTOR));
    target.file.seek(SeekFrom::Start(boot.len() as u64))?;
    target.file.write_all(rest)?;
    target.file.sync_data()?;
    target.file.rewind()?;
    target.file.write_all(boot)?;
    target.file.sync_data()
}

fn compare_piece(target: &mut Target, at: u64, wanted: &[u8], found: &mut [u8]) -> Result<(), FlashError> {
    let found = &mut found[..wanted.len()];
    target.file.seek(SeekFrom::Start(at)).map_err(|error| target.fault("read", at, error))?;
    target.file.read_exact(found).map_err(|error| target.fault("read", at, error))?;
    if wanted == found {
        return Ok(());
    }
    let differs = wanted.iter().zip(&*found).take_while(|(wanted, found)| wanted == found).count();
    Err(target.differs(at + differs as u64))
}

/// Reads until the piece is full or the input ends.
fn fill(bytes: &mut dyn Read, piece: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < piece.len() {
        match bytes.read(&mut piece[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::super::Host;
    use super::*;

    #[test]
    fn a_disk_that_does_not_hold_what_was_written_never_gets_its_start() {
        use std::os::unix::fs::FileExt;
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::File::create(&path).and_then(|file| file.set_len(8 << 20)).expect("room");
            path
        };
        let (image, disk) = (file("image"), file("disk"));
        let device = std::fs::File::options().read(true).write(true).open(&image).expect("it is there");
        let mut table = gpt::GptConfig::new().writable(true).create_from_device(device, None).expect("room");
        let kind = gpt::partition_types::LINUX_FS;
        table.add_partition(crate::partition::CONFIG, 1 << 20, kind, 0, None).expect("room");
        table.write().expect("room");

        let image = Image::open(&image, Host::OTHER).expect("one");
        let disk = super::super::Disk::look(&disk, 0, Host::OTHER).expect("one");
        let (mut target, stop) = (disk.open().expect("ours"), Stop::begin().expect("a descriptor"));
        let mut watcher = Watcher { progress: &mut |_| {}, stop: &stop };
        let headless = write(&image, &mut target, &mut watcher).expect("room");
        target.file.write_all_at(&[1], (5 << 20) + 7).expect("room");
        let differs = compare(&image, headless, &mut target, &mut watcher).expect_err("it was changed");
        assert!(differs.to_string().ends_with(&format!("byte {} differs", (5 << 20) + 7)), "{differs}");
        let mut start = [0; UNFINISHED.len()];
        target.file.read_exact_at(&mut start, 0).expect("it is that long");
        assert_eq!(start, UNFINISHED);
    }

    #[test]
    fn the_time_left_follows_from_the_rate() {
        let pace = Pace { stage: Stage::Write, done: 100, all: 400, time: Duration::from_secs(10) };
        assert!((pace.rate() - 10.0).abs() < 1e-9);
        assert_eq!(pace.left(), Duration::from_secs(30));
        let begun = Pace { done: 0, time: Duration::ZERO, ..pace };
        assert_eq!(begun.left(), Duration::from_secs(400), "no division by zero");
    }
}
