//! Section names that aya-obj takes, in an object's copy in memory. aya-obj knows neither `lwt_seg6local` nor `lwt_in`
//! and refuses the whole object for one section that it does not know. Not here: reading what the sections hold.
//!
//! Only what comes before a name's `/` counts to aya-obj, so a name's first bytes become `tp/`: no byte moves, and the
//! program type is given to the kernel by the loader, not by aya-obj. The names in `.BTF`, by which source lines are
//! found, change alike, and [`Renamed::restore`] puts them back in what the kernel is given: a struct may well be called
//! `lwt_in`, and share that string with the section; `tp/_in` is no name of a struct to the kernel.

use std::str::FromStr;

use aya_obj::obj::ProgramSection;
use object::{Object as _, ObjectSection as _, SectionKind};

use super::btf::Btf;

const TAKEN: &[u8] = b"tp/";

/// An object with the names changed.
pub(crate) struct Renamed {
    /// The object.
    pub(crate) bytes: Vec<u8>,
    /// Where in `.BTF`'s strings a name was changed, and its first bytes as they were.
    btf_names: Vec<(usize, Vec<u8>)>,
}

/// Renames every program's section that aya-obj would refuse.
pub(crate) fn rename_sections(original: &[u8], elf: &object::File<'_>, btf: Option<&Btf<'_>>) -> Renamed {
    let mut renamed = Renamed { bytes: original.to_vec(), btf_names: Vec::new() };
    let mut refused = Vec::new();
    for section in elf.sections().filter(|section| section.kind() == SectionKind::Text) {
        let Ok(name) = section.name() else { continue };
        // A name is a slice of the file, so its place in the copy is known.
        let Some(at) = place_of(name.as_bytes(), original) else { continue };
        // Sections of helpers (.text) and those that are empty are no programs to aya-obj.
        if !name.starts_with('.') && ProgramSection::from_str(name).is_err() {
            overwrite(&mut renamed.bytes, at, name.len());
            refused.push(name.as_bytes());
        }
    }
    let strings = btf.into_iter().flat_map(Btf::strings);
    for (offset, string) in strings.filter(|(_, string)| refused.contains(string)) {
        let Some(at) = place_of(string, original) else { continue };
        overwrite(&mut renamed.bytes, at, string.len());
        renamed.btf_names.push((offset, string[..string.len().min(TAKEN.len())].to_vec()));
    }
    renamed
}

impl Renamed {
    /// Puts the names back into a `.BTF` section that aya-obj has written: it only ever adds strings at the end.
    pub(crate) fn restore(&self, btf: &mut [u8]) {
        // str_len is the header's last word, and the strings are the section's end.
        let length = btf.get(20..24).and_then(|bytes| bytes.first_chunk()).map(|bytes| u32::from_le_bytes(*bytes));
        let Some(start) = length.and_then(|length| btf.len().checked_sub(length as usize)) else { return };
        for (offset, name) in &self.btf_names {
            let at = start + offset;
            if let Some(to) = btf.get_mut(at..at + name.len()) {
                to.copy_from_slice(name);
            }
        }
    }
}

fn overwrite(bytes: &mut [u8], at: usize, length: usize) {
    let length = length.min(TAKEN.len());
    bytes[at..at + length].copy_from_slice(&TAKEN[..length]);
}

/// Where a slice of `whole` starts in it.
fn place_of(part: &[u8], whole: &[u8]) -> Option<usize> {
    let at = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    (at + part.len() <= whole.len()).then_some(at)
}
