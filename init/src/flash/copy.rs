//! Writing an image, and reading it back from the disk. Both in pieces, with their pace told.

use std::io::{Read, Seek, Write};
use std::time::{Duration, Instant};

use super::disk::Target;
use super::{FlashError, Image};

/// A piece: large enough for a disk's best rate, small enough for a small box.
const PIECE: usize = 1 << 20;
/// What is written is forced to the disk so often; the rate that is told is the disk's, not the memory's.
const SYNC: u64 = 32 << 20;
/// Between two lines of progress.
const TELL: Duration = Duration::from_millis(500);

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The image goes to the disk.
    Write,
    /// The disk is read and compared with the image.
    Compare,
}

/// How far it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// What is being done.
    pub(crate) stage: Stage,
    /// Bytes that are done.
    pub(crate) done: u64,
    /// Bytes in all.
    pub(crate) all: u64,
    /// Since this stage began.
    pub(crate) time: Duration,
}

impl Pace {
    /// Bytes a second so far.
    pub(crate) fn rate(&self) -> f64 {
        self.done as f64 / self.time.as_secs_f64().max(1e-3)
    }

    /// How long it takes still, at this rate.
    pub(crate) fn left(&self) -> Duration {
        let seconds = (self.all - self.done) as f64 / self.rate().max(1.0);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

/// Tells the pace now and then.
struct Teller<'a> {
    told: &'a mut dyn FnMut(&Pace),
    stage: Stage,
    all: u64,
    begin: Instant,
    last: Instant,
}

impl<'a> Teller<'a> {
    fn new(stage: Stage, all: u64, told: &'a mut dyn FnMut(&Pace)) -> Self {
        let now = Instant::now();
        Self { told, stage, all, begin: now, last: now }
    }

    fn at(&mut self, done: u64) {
        if done == self.all || self.last.elapsed() >= TELL {
            self.last = Instant::now();
            (self.told)(&Pace { stage: self.stage, done, all: self.all, time: self.begin.elapsed() });
        }
    }
}

/// Writes all of it, and returns when it is on the disk.
pub(super) fn write(image: &Image, target: &mut Target, told: &mut dyn FnMut(&Pace)) -> Result<(), FlashError> {
    let mut teller = Teller::new(Stage::Write, image.size, told);
    let mut bytes = image.read()?;
    let mut piece = vec![0; PIECE];
    target.file.rewind().map_err(|error| target.fault("write", error))?;
    let (mut done, mut synced) = (0, 0);
    loop {
        let length = fill(bytes.as_mut(), &mut piece).map_err(|error| image.fault(error))?;
        if length == 0 {
            break;
        }
        target.file.write_all(&piece[..length]).map_err(|error| target.fault("write", error))?;
        done += length as u64;
        if done - synced >= SYNC {
            target.file.sync_data().map_err(|error| target.fault("write", error))?;
            synced = done;
        }
        teller.at(done);
    }
    if done != image.size {
        return Err(image.fault(std::io::ErrorKind::UnexpectedEof.into()));
    }
    target.file.sync_all().map_err(|error| target.fault("write", error))
}

/// Reads all of it back and compares every byte.
pub(super) fn compare(image: &Image, target: &mut Target, told: &mut dyn FnMut(&Pace)) -> Result<(), FlashError> {
    let mut teller = Teller::new(Stage::Compare, image.size, told);
    let mut bytes = image.read()?;
    let (mut wanted, mut found) = (vec![0; PIECE], vec![0; PIECE]);
    target.file.rewind().map_err(|error| target.fault("read", error))?;
    let mut done = 0;
    loop {
        let length = fill(bytes.as_mut(), &mut wanted).map_err(|error| image.fault(error))?;
        if length == 0 {
            return Ok(());
        }
        target.file.read_exact(&mut found[..length]).map_err(|error| target.fault("read", error))?;
        if let Some(at) = wanted[..length].iter().zip(&found[..length]).position(|(wanted, found)| wanted != found) {
            return Err(target.differs(done + at as u64));
        }
        done += length as u64;
        teller.at(done);
    }
}

/// Reads until the piece is full or the end has come.
fn fill(bytes: &mut dyn Read, piece: &mut [u8]) -> std::io::Result<usize> {
    let mut length = 0;
    while length < piece.len() {
        match bytes.read(&mut piece[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_from_the_rate() {
        let pace = Pace { stage: Stage::Write, done: 100, all: 400, time: Duration::from_secs(10) };
        assert!((pace.rate() - 10.0).abs() < 1e-9);
        assert_eq!(pace.left(), Duration::from_secs(30));
        let begun = Pace { done: 0, time: Duration::ZERO, ..pace };
        assert_eq!(begun.left(), Duration::from_secs(400), "no division by zero");
    }
}
