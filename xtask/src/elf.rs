//! The part of ELF that is needed to count a BPF program's instructions.
//!
//! Reads 64-bit little-endian objects with section headers, as both compilers write them. Does not relocate.

/// Why an object cannot be counted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ElfError {
    /// It ends early, or is not ELF.
    #[error("not a 64-bit little-endian ELF object")]
    Shape,
    /// It has no section that a program could be in.
    #[error("no section named lwt_*")]
    NoProgram,
    /// A program calls a function of the object, which is in another section and would not be counted.
    #[error("section {0} calls a function of the object, which would not be counted; inline it")]
    Call(String),
}

/// Bytes of an instruction. The load of a 64-bit constant has 16 and counts as two, as the kernel counts it.
const INSTRUCTION: usize = 8;
/// Opcode of a call.
const CALL: u8 = 0x85;
/// Value of a call's source register where the call is to a function of the object and not to a helper.
const TO_FUNCTION: u8 = 1;

/// Instructions of an object's programs: the sections named `lwt_*`.
///
/// Functions that no program calls are not loaded and not counted; Rust objects have three, memcpy and its kin.
///
/// # Errors
/// See [`ElfError`].
pub(crate) fn instructions(object: &[u8]) -> Result<usize, ElfError> {
    let sections = sections(object).ok_or(ElfError::Shape)?;
    let programs: Vec<_> = sections.iter().filter(|section| section.name.starts_with("lwt_")).collect();
    if programs.is_empty() {
        return Err(ElfError::NoProgram);
    }
    for section in &programs {
        if section.bytes.chunks_exact(INSTRUCTION).any(|i| i[0] == CALL && i[1] >> 4 == TO_FUNCTION) {
            return Err(ElfError::Call(section.name.clone()));
        }
    }
    Ok(programs.iter().map(|section| section.bytes.len() / INSTRUCTION).sum())
}

struct Section<'a> {
    name: String,
    bytes: &'a [u8],
}

/// Places in the ELF header and in a section header (`struct elf64_hdr`, `struct elf64_shdr`).
mod at {
    pub(super) const SECTIONS: usize = 0x28;
    pub(super) const SECTION_COUNT: usize = 0x3c;
    pub(super) const NAMES_SECTION: usize = 0x3e;
    pub(super) const OFFSET: usize = 0x18;
    pub(super) const SIZE: usize = 0x20;
    pub(super) const HEADER_LEN: usize = 0x40;
}

fn sections(object: &[u8]) -> Option<Vec<Section<'_>>> {
    // Magic, 64 bits, little-endian.
    object.strip_prefix(&[0x7f, b'E', b'L', b'F', 2, 1])?;
    let table = u64_at(object, at::SECTIONS)?;
    let header = |index: u16| {
        let start = table.checked_add(usize::from(index) * at::HEADER_LEN)?;
        object.get(start..start.checked_add(at::HEADER_LEN)?)
    };
    let bytes = |header: &[u8]| {
        let start = u64_at(header, at::OFFSET)?;
        object.get(start..start.checked_add(u64_at(header, at::SIZE)?)?)
    };
    let names = bytes(header(u16_at(object, at::NAMES_SECTION)?)?)?;
    // The first one is empty by definition.
    (1..u16_at(object, at::SECTION_COUNT)?)
        .map(|index| {
            let header = header(index)?;
            let start = u32::from_le_bytes(header.get(..4)?.try_into().ok()?) as usize;
            let name = names.get(start..)?.split(|&byte| byte == 0).next()?;
            Some(Section { name: String::from_utf8_lossy(name).into_owned(), bytes: bytes(header)? })
        })
        // A relocation section is named after the one it is for.
        .filter(|section| section.as_ref().is_none_or(|section| !section.name.starts_with(".rel")))
        .collect()
}

fn u64_at(bytes: &[u8], place: usize) -> Option<usize> {
    usize::try_from(u64::from_le_bytes(bytes.get(place..place + 8)?.try_into().ok()?)).ok()
}

fn u16_at(bytes: &[u8], place: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(place..place + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An object with one section of the given name and content.
    fn object(name: &str, code: &[u8]) -> Vec<u8> {
        let names = [b"\0", name.as_bytes(), b"\0"].concat();
        let code_at = 0x40;
        let names_at = code_at + code.len();
        let table = names_at + names.len();
        let mut object = vec![0; 0x40];
        object[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1]);
        object[at::SECTIONS..at::SECTIONS + 8].copy_from_slice(&(table as u64).to_le_bytes());
        object[at::SECTION_COUNT] = 3;
        object[at::NAMES_SECTION] = 2;
        object.extend([code, &names].concat());
        for (name, start, len) in [(0, 0, 0), (1, code_at, code.len()), (0, names_at, names.len())] {
            let mut header = [0; at::HEADER_LEN];
            header[0] = name;
            header[at::OFFSET..at::OFFSET + 8].copy_from_slice(&(start as u64).to_le_bytes());
            header[at::SIZE..at::SIZE + 8].copy_from_slice(&(len as u64).to_le_bytes());
            object.extend(header);
        }
        object
    }

    #[test]
    fn a_program_is_counted_by_its_eight_bytes() {
        assert_eq!(instructions(&object("lwt_seg6local/x", &[0; 24])), Ok(3));
        assert_eq!(instructions(&object(".text", &[0; 24])), Err(ElfError::NoProgram));
    }

    #[test]
    fn a_call_of_a_helper_counts_and_a_call_of_a_function_is_refused() {
        assert_eq!(instructions(&object("lwt_in", &[CALL, 0, 0, 0, 1, 0, 0, 0])), Ok(1));
        let call = [CALL, TO_FUNCTION << 4, 0, 0, 0, 0, 0, 0];
        assert_eq!(instructions(&object("lwt_in", &call)), Err(ElfError::Call("lwt_in".into())));
    }

    #[test]
    fn a_cut_object_is_refused_at_every_length() {
        let whole = object("lwt_in", &[0; 8]);
        for cut in 0..whole.len() {
            assert_eq!(instructions(&whole[..cut]), Err(ElfError::Shape), "cut at {cut}");
        }
    }
}
