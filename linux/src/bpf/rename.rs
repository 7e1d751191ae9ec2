//! Renames sections in a copy of an object, to names that aya-obj accepts. aya-obj knows neither `lwt_seg6local` nor `lwt_in`, and refuses a
//! whole object for one unknown section. Not here: the contents of sections.
//!
//! aya-obj looks only at the part of a name before `/`, so the first bytes of the name become `tp/`: no byte moves. The loader, not aya-obj,
//! gives the kernel the program type. Source lines are found by the names in `.BTF`, which change too. [`Renamed::restore`] restores these
//! before the kernel gets them: a struct may share the string `lwt_in` with a section, and the kernel refuses `tp/_in` as a struct's name.

use std::str::FromStr;

use aya_obj::obj::ProgramSection;
use object::{Object as _, ObjectSection as _, SectionKind};

use super::btf::Btf;

const TAKEN: &[u8] = b"tp/";

/// An object with the names changed.
pub(crate) struct Renamed {
    /// The object.
    pub(crate) bytes: Vec<u8>,
    /// The offset of each changed name in the strings of `.BTF`, and its former first bytes.
    btf_names: Vec<(usize, Vec<u8>)>,
}

/// Renames each section of programs that aya-obj would refuse.
pub(crate) fn rename_sections(original: &[u8], elf: &object::File<'_>, btf: Option<&Btf<'_>>) -> Renamed {
    let mut renamed = Renamed { bytes: original.to_vec(), btf_names: Vec::new() };
    let mut refused = Vec::new();
    for section in elf.sections().filter(|section| section.kind() == SectionKind::Text) {
        let Ok(name) = section.name() else { continue };
        // A name is a slice of the file, so its place in the copy is known.
        let Some(at) = place_of(name.as_bytes(), original) else { continue };
        // To aya-obj, sections of called functions (.text) and empty sections hold no programs.
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
    /// Restores the names in a `.BTF` section that aya-obj has written. aya-obj only adds strings at the end.
    pub(crate) fn restore(&self, btf: &mut [u8]) {
        // The last word of the header is str_len, and the strings are at the end of the section.
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

/// The offset of a slice in `whole`.
fn place_of(part: &[u8], whole: &[u8]) -> Option<usize> {
    let at = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    (at + part.len() <= whole.len()).then_some(at)
}
