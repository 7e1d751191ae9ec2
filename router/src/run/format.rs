//! The form of a state file: one line that says what it is, and its content. Whatever else lies in its place is recognized: another file,
//! one of another network namespace or version, one that was cut or changed. Pure. Not here: paths, and what the content means.
//!
//! `segbox-state 1 264-4026532177 gzip 1a2b3c4d 5000 pending.json`: version, network namespace, coding, CRC-32 of the bytes behind the line,
//! length of the content, name. A file without such a line is one of segbox 0.1.0 before it had versions: its bytes are the content.

use std::borrow::Cow;
use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::Crc;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

const MAGIC: &str = "segbox-state";
/// The version of this form and of everything in it. A later segbox that writes other content counts it up.
const VERSION: u32 = 1;
/// A shorter content stays as it is: tmpfs takes whole pages, and people can read it.
const SHORT: usize = 4096;
/// Bytes that are compressed at once; more than [`SHORT`].
const PIECE: usize = 64 << 10;
/// Deflate makes no more than this of a byte.
const MOST_OF_A_BYTE: usize = 1032;
/// The first line is shorter than this.
const LINE: usize = 1024;

/// Why a state file is none that this segbox can use here.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error("its first line is damaged")]
    Line,
    #[error("it has version {found}; this segbox knows version {VERSION}")]
    Version { found: u32 },
    #[error("it belongs to the network namespace {found}")]
    Namespace { found: String },
    #[error("it is a {found}")]
    Name { found: String },
    #[error("it is damaged: its bytes have changed or are not complete")]
    Bytes,
}

/// The content of a file as it is written: a long one is compressed on the way, and never in memory as a whole.
pub(super) struct Body {
    gzip: Option<GzEncoder<Vec<u8>>>,
    /// What is not compressed: all of a short content, the end of a long one.
    plain: Vec<u8>,
    /// Of the content.
    length: usize,
}

impl Body {
    pub(super) fn new() -> Self {
        Self { gzip: None, plain: Vec::new(), length: 0 }
    }

    /// Appends a few bytes.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.plain.extend_from_slice(bytes);
        self.length += bytes.len();
    }

    /// The bytes of the file of this content.
    pub(super) fn file(mut self, name: &str, namespace: &str) -> io::Result<Vec<u8>> {
        let length = self.length;
        let (coding, body) = if length < SHORT {
            ("plain", self.plain)
        } else {
            self.compress()?;
            ("gzip", self.gzip.take().map_or(Ok(Vec::new()), GzEncoder::finish)?)
        };
        let crc = crc(&body);
        let mut bytes = format!("{MAGIC} {VERSION} {namespace} {coding} {crc:08x} {length} {name}\n").into_bytes();
        bytes.extend_from_slice(&body);
        Ok(bytes)
    }

    /// The file of this content is no longer than this.
    pub(super) fn most(&mut self) -> io::Result<usize> {
        self.flush()?;
        Ok(self.gzip.as_ref().map_or(0, |gzip| gzip.get_ref().len()) + self.plain.len() + LINE)
    }

    fn compress(&mut self) -> io::Result<()> {
        let gzip = self.gzip.get_or_insert_with(|| GzEncoder::new(Vec::new(), Compression::fast()));
        gzip.write_all(&self.plain)?;
        self.plain.clear();
        Ok(())
    }
}

impl Write for Body {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.add(bytes);
        // The compressor is given large pieces: each call costs.
        if self.plain.len() >= PIECE {
            self.compress()?;
        }
        Ok(bytes.len())
    }

    /// Compresses what has been written, if it is long by now.
    fn flush(&mut self) -> io::Result<()> {
        if self.length < SHORT {
            return Ok(());
        }
        self.compress()?;
        self.gzip.as_mut().map_or(Ok(()), GzEncoder::flush)
    }
}

/// The content of a file.
pub(super) fn decode<'a>(name: &str, namespace: &str, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, FormatError> {
    if !bytes.starts_with(MAGIC.as_bytes()) {
        return Ok(Cow::Borrowed(bytes));
    }
    let end = bytes.iter().take(LINE).position(|byte| *byte == b'\n').ok_or(FormatError::Line)?;
    let (line, body) = (&bytes[..end], &bytes[end + 1..]);
    let line = std::str::from_utf8(line).map_err(|_| FormatError::Line)?;
    let mut words = line.splitn(7, ' ').skip(1);
    let mut word = || words.next().ok_or(FormatError::Line);
    // Only this word is the same in every version.
    let found = word()?.parse().map_err(|_| FormatError::Line)?;
    if found != VERSION {
        return Err(FormatError::Version { found });
    }
    let (of, coding, sum) = (word()?, word()?, u32::from_str_radix(word()?, 16).map_err(|_| FormatError::Line)?);
    let (length, found) = (word()?.parse::<usize>().map_err(|_| FormatError::Line)?, word()?);
    if found != name {
        return Err(FormatError::Name { found: found.to_owned() });
    }
    if of != namespace {
        return Err(FormatError::Namespace { found: of.to_owned() });
    }
    if crc(body) != sum {
        return Err(FormatError::Bytes);
    }
    match coding {
        "plain" if body.len() == length => Ok(Cow::Borrowed(body)),
        "gzip" if length <= body.len().saturating_mul(MOST_OF_A_BYTE) => {
            let mut content = Vec::with_capacity(length);
            let read = GzDecoder::new(body).take(length as u64 + 1).read_to_end(&mut content);
            if read.is_ok_and(|read| read == length) { Ok(Cow::Owned(content)) } else { Err(FormatError::Bytes) }
        }
        _ => Err(FormatError::Bytes),
    }
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "264-4026532177";

    fn encode(name: &str, namespace: &str, content: &[u8]) -> Vec<u8> {
        let mut body = Body::new();
        content.chunks(1000).for_each(|part| body.write_all(part).expect("memory takes it"));
        body.file(name, namespace).expect("memory takes it")
    }

    fn contents() -> [Vec<u8>; 4] {
        let long = (0..100_000_u32).flat_map(|number| format!("fc00:0:{:x}::/64 ", number % 997).into_bytes());
        [Vec::new(), b"{}".to_vec(), vec![b' '; SHORT - 1], long.collect()]
    }

    #[test]
    fn what_is_written_reads_back_and_is_a_fraction_where_it_is_long() {
        for content in contents() {
            let bytes = encode("base.json", HERE, &content);
            assert_eq!(decode("base.json", HERE, &bytes).as_deref(), Ok(&content[..]));
            assert!(bytes.len() < SHORT + LINE || bytes.len() * 4 < content.len(), "{}", bytes.len());
        }
        assert_eq!(decode("base.json", HERE, b"[1]").as_deref(), Ok(&b"[1]"[..]), "before there were versions");
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_noticed() {
        for content in contents() {
            let bytes = encode("base.json", HERE, &content);
            let step = bytes.len() / 300 + 1;
            for at in (MAGIC.len()..bytes.len()).step_by(step).chain(MAGIC.len()..bytes.len().min(100)) {
                assert!(decode("base.json", HERE, &bytes[..at]).is_err(), "cut at {at}");
                for bit in [1, 0x80] {
                    let mut other = bytes.clone();
                    other[at] ^= bit;
                    let read = decode("base.json", HERE, &other);
                    // A sum in capital letters is the same sum.
                    assert!(read.as_deref() != Ok(&content[..]) || other[at].is_ascii_hexdigit(), "{bit:x} at {at}");
                }
            }
            let longer = [&bytes[..], b" "].concat();
            assert_eq!(decode("base.json", HERE, &longer), Err(FormatError::Bytes));
        }
    }

    #[test]
    fn another_file_namespace_or_version_is_named() {
        let bytes = encode("base.json", HERE, b"{}");
        let name = FormatError::Name { found: "base.json".to_owned() };
        assert_eq!(decode("record.json", HERE, &bytes), Err(name));
        let namespace = FormatError::Namespace { found: HERE.to_owned() };
        assert_eq!(decode("base.json", "5-1", &bytes), Err(namespace));
        for version in [0, 2, 4_000_000_000] {
            let other = format!("{MAGIC} {version} what ever comes");
            assert_eq!(
                decode("base.json", HERE, (other + "\n").as_bytes()),
                Err(FormatError::Version { found: version })
            );
        }
    }

    #[test]
    fn nothing_is_reserved_that_the_bytes_cannot_hold() {
        let body = [0; 64];
        let line = format!("{MAGIC} 1 {HERE} gzip {:08x} {} base.json\n", crc(&body), usize::MAX);
        assert_eq!(decode("base.json", HERE, &[line.as_bytes(), &body].concat()), Err(FormatError::Bytes));
    }
}
