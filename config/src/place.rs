//! Places in a text: byte ranges, and their lines and columns. Not here: the content of a text.

use std::sync::{Arc, OnceLock};

/// A range of bytes in a text of less than 4 GiB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A value and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// A text and the name of its file.
#[derive(Default)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: Arc<str>,
    /// The start of each line; computed when the first place is asked for.
    lines: OnceLock<Vec<u32>>,
}

/// A column counts characters in so many first bytes of a line, and bytes after them. So a file of one long line takes linear time.
const COUNTED: usize = 4096;

impl Source {
    pub(crate) fn new(name: String, text: Arc<str>) -> Self {
        Self { name, text, lines: OnceLock::new() }
    }

    /// The bytes from the line before a range to the line after it.
    pub(crate) fn around(&self, start: u32, end: u32) -> usize {
        let bytes = self.text.as_bytes();
        let (start, end) = ((start as usize).min(bytes.len()), (end as usize).min(bytes.len()));
        let is_end = |byte: &u8| *byte == b'\n';
        let before = bytes[..start].rsplitn(3, is_end).take(2).map(|line| line.len() + 1).sum::<usize>();
        let after = bytes[end..].splitn(3, is_end).take(2).map(|line| line.len() + 1).sum::<usize>();
        before + end.saturating_sub(start) + after
    }

    /// Line and column of a byte, both from 1.
    pub(crate) fn place(&self, offset: u32) -> (usize, usize) {
        let lines = self.lines.get_or_init(|| {
            let ends = self.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            std::iter::once(0).chain(ends.map(|(at, _)| at as u32 + 1)).collect()
        });
        let line = lines.partition_point(|start| *start <= offset) - 1;
        let start = lines[line] as usize;
        let before = &self.text.as_bytes()[start..(offset as usize).min(self.text.len())];
        let (counted, rest) = before.split_at(before.len().min(COUNTED));
        // In UTF-8 every byte starts a character, except those of the form 10xxxxxx.
        let characters = counted.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        (line + 1, characters + rest.len() + 1)
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Source({}, {} bytes)", self.name, self.text.len())
    }
}

impl From<Span> for miette::SourceSpan {
    fn from(span: Span) -> Self {
        (span.start as usize, (span.end - span.start) as usize).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let source = Source::new("t".into(), "a\nbüc\n\nd".into());
        let places: Vec<_> = [0, 1, 2, 5, 7, 8, 9].map(|at| source.place(at)).into();
        assert_eq!(places, [(1, 1), (1, 2), (2, 1), (2, 3), (3, 1), (4, 1), (4, 2)]);
    }
}
