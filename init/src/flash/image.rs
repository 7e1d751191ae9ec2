//! An image as a stream of bytes, decompressed on the way if it is compressed. Read twice: to write it and to compare.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use ruzstd::decoding::StreamingDecoder;

use super::FlashError;

/// The first bytes of a zstd frame (RFC 8878, section 3.1.1).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// How much of an image holds its partition table: far more than GPT's 34 sectors.
const HEAD: u64 = 1 << 20;

/// An image file that is one.
#[derive(Debug)]
pub(crate) struct Image {
    path: PathBuf,
    /// Bytes that it fills on a disk.
    pub(crate) size: u64,
}

impl Image {
    /// Looks at a file.
    ///
    /// # Errors
    /// It cannot be read, or is none of segbox's images.
    pub(crate) fn open(path: &Path) -> Result<Self, FlashError> {
        let fails = |source| FlashError::Image { path: path.to_owned(), source };
        let none = |why: String| FlashError::NoImage { path: path.to_owned(), why };
        let file = File::open(path).map_err(fails)?;
        let size = if is_compressed(path).map_err(fails)? {
            let decoder = StreamingDecoder::new(file).map_err(|error| none(error.to_string()))?;
            match decoder.decoder.content_size() {
                0 => return Err(none("its compressed form does not say how long it is".to_owned())),
                size => size,
            }
        } else {
            file.metadata().map_err(fails)?.len()
        };
        let image = Self { path: path.to_owned(), size };
        let mut head = Vec::new();
        image.read()?.take(HEAD).read_to_end(&mut head).map_err(fails)?;
        let table = gpt::GptConfig::new().writable(false).open_from_device(io::Cursor::new(head));
        let table = table.map_err(|error| none(format!("it has no partition table: {error}")))?;
        if !table.partitions().values().any(|partition| partition.name == super::partitions::CONFIG) {
            return Err(none(format!("it has no partition {}", super::partitions::CONFIG)));
        }
        Ok(image)
    }

    /// Its bytes from the start.
    ///
    /// # Errors
    /// It cannot be read any more.
    pub(super) fn read(&self) -> Result<Box<dyn Read>, FlashError> {
        let fails = |source| FlashError::Image { path: self.path.clone(), source };
        let file = File::open(&self.path).map_err(fails)?;
        if !is_compressed(&self.path).map_err(fails)? {
            return Ok(Box::new(file));
        }
        let decoder = StreamingDecoder::new(io::BufReader::new(file));
        Ok(Box::new(decoder.map_err(|error| fails(io::Error::other(error.to_string())))?))
    }

    /// A read of it that failed.
    pub(super) fn fault(&self, source: io::Error) -> FlashError {
        FlashError::Image { path: self.path.clone(), source }
    }
}

fn is_compressed(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(ZSTD.len() as u64).read_to_end(&mut start)?;
    Ok(start == ZSTD)
}
