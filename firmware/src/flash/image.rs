//! An image as a stream of bytes: a file, decompressed if needed, or a disk with segbox. It is read twice: to write it and to
//! compare.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ruzstd::decoding::StreamingDecoder;

use super::disk::Disk;
use super::host::Host;
use super::identity::Identity;
use super::snapshot::Snapshot;
use super::{FlashError, boot_disk, ioctl, volume};
use crate::mkfs;
use crate::partition::{CONFIG, STATE};
use crate::table::{self, Copies, SECTOR};

/// The first bytes of a zstd frame (RFC 8878, section 3.1.1).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// How much of an image is read for its partition table: far more than GPT's 34 sectors.
const HEAD: u64 = 1 << 20;
/// The argument that names the disk that this box was booted from.
const SELF: &str = "self";

/// A valid image.
pub struct Image {
    /// The path that the user named, or the disk that `self` stands for.
    pub path: PathBuf,
    /// Number of bytes to copy.
    pub size: u64,
    bytes: Bytes,
}

/// The source of an image's bytes.
enum Bytes {
    Plain(File),
    Zstd(File),
    /// A disk, with snapshots of the parts that change during the copy.
    Disk(File, Vec<Snapshot>),
}

impl Image {
    /// Checks the path that the user named.
    ///
    /// # Errors
    /// It cannot be read, or is not a segbox image.
    pub fn open(path: &Path, host: Host<'_>) -> Result<Self, FlashError> {
        let path = if path == Path::new(SELF) {
            Path::new("/dev").join(boot_disk::disk(host).ok_or(FlashError::NoSelf)?)
        } else {
            path.to_owned()
        };
        let fails = |source| FlashError::Image { path: path.clone(), source };
        let none = |why: String| FlashError::NoImage { path: path.clone(), why };
        if volume::is_device(&path) {
            return Self::of_disk(path.canonicalize().map_err(fails)?);
        }
        let file = match volume::split(&path) {
            Some((device, file)) => volume::open(device, file, host)?,
            None => regular(&path).map_err(fails)?,
        };
        let mut start = Vec::new();
        (&file).take(ZSTD.len() as u64).read_to_end(&mut start).map_err(fails)?;
        let mut image = Self { path: path.clone(), size: 0, bytes: Bytes::Plain(file) };
        if let (true, Bytes::Plain(file)) = (start == ZSTD, &image.bytes) {
            let mut file = file.try_clone().map_err(fails)?;
            file.rewind().map_err(fails)?;
            let decoder = StreamingDecoder::new(&file).map_err(|error| none(error.to_string()))?;
            image.size = decoder.decoder.content_size();
            if image.size == 0 {
                return Err(none("its zstd header does not contain its size".to_owned()));
            }
            image.bytes = Bytes::Zstd(file);
        } else if let Bytes::Plain(file) = &image.bytes {
            image.size = file.metadata().map_err(fails)?.len();
        }
        let mut head = Vec::new();
        image.read()?.take(HEAD).read_to_end(&mut head).map_err(fails)?;
        labelled(&mut io::Cursor::new(head), image.size, CONFIG).map_err(none)?;
        Ok(image)
    }

    /// A disk with segbox. Its last partition has grown over the disk. On a box an empty file system can be written instead, so
    /// the partition's content is not copied.
    fn of_disk(path: PathBuf) -> Result<Self, FlashError> {
        let fails = |source| FlashError::Image { path: path.clone(), source };
        let none = |why: String| FlashError::NoImage { path: path.clone(), why };
        let mut disk = File::open(&path).map_err(fails)?;
        let all = disk.seek(SeekFrom::End(0)).map_err(fails)?;
        labelled(&mut disk, all, CONFIG).map_err(none)?;
        let state = labelled(&mut disk, all, STATE).map_err(none)?;
        let fresh = mkfs::empty().and_then(|empty| Snapshot::instead(state, empty));
        let size = match &fresh {
            Ok(fresh) => fresh.end,
            Err(_) => {
                let mut superblock = [0; 1024];
                let at = SeekFrom::Start(state + 1024);
                disk.seek(at).and_then(|_| disk.read_exact(&mut superblock)).map_err(fails)?;
                let length = ext4_length(&superblock);
                let end = length.and_then(|length| state.checked_add(length)).filter(|end| *end <= all);
                end.ok_or_else(|| none(format!("its partition {STATE} has no ext4 file system")))?
            }
        };
        ioctl::flush(&disk).map_err(fails)?;
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let mut snapshots = Snapshot::take(name, &mut disk, if fresh.is_ok() { state } else { size }).map_err(fails)?;
        snapshots.extend(fresh);
        Ok(Self { size, bytes: Bytes::Disk(disk, snapshots), path })
    }

    /// Minimum size of the target disk: the bytes to copy, and the backup partition table behind them.
    pub fn needs(&self) -> u64 {
        match self.bytes {
            Bytes::Plain(_) | Bytes::Zstd(_) => self.size,
            Bytes::Disk(..) => self.size + HEAD,
        }
    }

    /// Whether the image is what `disk` would overwrite.
    ///
    /// # Errors
    /// It can no longer be asked.
    pub fn is_on(&self, disk: &Disk) -> Result<bool, FlashError> {
        let (Bytes::Plain(file) | Bytes::Zstd(file) | Bytes::Disk(file, _)) = &self.bytes;
        Ok(Identity::of(file).map_err(|error| self.fault(error))? == disk.identity())
    }

    /// Whether the image is a used disk that carries the state of another box.
    pub fn is_disk(&self) -> bool {
        matches!(self.bytes, Bytes::Disk(..))
    }

    /// Reads the bytes from the start. Only one reader at a time: readers share the file's position.
    ///
    /// # Errors
    /// The image can no longer be read.
    pub(crate) fn read(&self) -> Result<Box<dyn Read + '_>, FlashError> {
        let fails = |source| FlashError::Image { path: self.path.clone(), source };
        match &self.bytes {
            Bytes::Plain(file) => {
                let mut file = file;
                file.rewind().map_err(fails)?;
                Ok(Box::new(file))
            }
            Bytes::Zstd(file) => {
                let mut file = file;
                file.rewind().map_err(fails)?;
                let decoder = StreamingDecoder::new(io::BufReader::new(file));
                Ok(Box::new(decoder.map_err(|error| fails(io::Error::other(error.to_string())))?))
            }
            Bytes::Disk(disk, snapshots) => Ok(Box::new(DiskReader { disk, snapshots, at: 0, end: self.size })),
        }
    }

    /// A failed read before anything was written.
    pub(crate) fn fault(&self, source: io::Error) -> FlashError {
        FlashError::Image { path: self.path.clone(), source }
    }

    /// A failed read during the copy.
    pub(crate) fn half(&self, at: u64, source: io::Error) -> FlashError {
        FlashError::HalfImage { image: self.path.clone(), at, source }
    }
}

/// The first byte of the partition with this label, on a disk or an image of `size` bytes.
fn labelled(disk: &mut (impl Read + Seek), size: u64, label: &str) -> Result<u64, String> {
    let table = table::read(disk, size / SECTOR, Copies::One)?;
    let found = table.iter().find(|(_, partition)| partition.name == label);
    found.map(|(_, partition)| partition.first_lba * SECTOR).ok_or_else(|| format!("it has no partition {label}"))
}

/// Opens a regular file: nothing else has a size, and a pipe might never have a byte.
fn regular(path: &Path) -> io::Result<File> {
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is neither a regular file nor a disk")) }
}

/// Size in bytes of the ext4 file system with this superblock (fs/ext4/ext4.h: s_blocks_count_lo, s_log_block_size, s_magic).
fn ext4_length(superblock: &[u8; 1024]) -> Option<u64> {
    let u32_at = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| superblock[at + byte]));
    let is_ext4 = superblock[0x38..0x3a] == [0x53, 0xef];
    let block = 1024_u64.checked_shl(u32_at(24)).filter(|_| is_ext4)?;
    u64::from(u32_at(4)).checked_mul(block)
}

/// A disk from its start, with snapshots in place of the parts that may have changed.
struct DiskReader<'a> {
    disk: &'a File,
    snapshots: &'a [Snapshot],
    at: u64,
    end: u64,
}

impl Read for DiskReader<'_> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        let within = |end: u64, piece: &[u8]| piece.len().min(usize::try_from(end - self.at).unwrap_or(usize::MAX));
        let piece_length = within(self.end, piece);
        let next = self.snapshots.iter().find(|snapshots| snapshots.end > self.at);
        let length = match next {
            Some(snapshots) if snapshots.start <= self.at => snapshots.read(self.at, &mut piece[..piece_length]),
            next => {
                let length = next.map_or(piece_length, |snapshots| piece_length.min(within(snapshots.start, piece)));
                let mut disk = self.disk;
                disk.seek(SeekFrom::Start(self.at))?;
                disk.read(&mut piece[..length])?
            }
        };
        self.at += length as u64;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_systems_length_is_read_from_its_superblock() {
        let mut superblock = [0; 1024];
        assert_eq!(ext4_length(&superblock), None);
        superblock[0x38..0x3a].copy_from_slice(&[0x53, 0xef]);
        superblock[4..8].copy_from_slice(&16384_u32.to_le_bytes());
        superblock[24] = 2;
        assert_eq!(ext4_length(&superblock), Some(64 << 20));
        superblock[24] = 0xff;
        assert_eq!(ext4_length(&superblock), None, "damaged");
    }
}
