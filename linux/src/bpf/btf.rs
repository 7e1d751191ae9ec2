//! The types in the `.BTF` section of an object, as [`Shape`]s of its globals and of the keys and values of its maps.
//!
//! Reads only what shapes need (include/uapi/linux/btf.h). aya-obj reads BTF too, but hides the types and panics on a damaged section, and a
//! user's file must not end a router. Not here: writing or loading BTF.

use segbox_config::object::{Field, Shape};

/// Why a `.BTF` section cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BtfError {
    /// The section is too short, its magic number is wrong, or a table reaches beyond its end.
    #[error("its header is damaged")]
    Header,
    /// A type's record reaches beyond the table's end, or is of a kind that did not exist by Linux 6.18.
    #[error("type {0} is damaged, or of a kind that segbox does not know")]
    Type(u32),
    /// The tables of functions and source lines reach beyond the section.
    #[error("its functions and source lines (.BTF.ext) are damaged")]
    Lines,
}

const MAGIC: u16 = 0xeb9f;

/// A section's types, by id; id 0 is void.
pub(crate) struct Btf<'a> {
    types: Vec<Type<'a>>,
    strings: &'a [u8],
}

/// One type's record: `struct btf_type` and what follows it.
struct Type<'a> {
    name: u32,
    kind: Kind,
    /// Offsets of members have the size of a bit field in their top byte.
    bit_fields: bool,
    /// Size in bytes, or the id of the type that this one refers to.
    size_or_type: u32,
    rest: &'a [u8],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Void,
    Int,
    Pointer,
    Array,
    Struct,
    Enum,
    /// TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG: another name for the type it refers to.
    Alias,
    Variable,
    DataSection,
    /// UNION, FLOAT: a size without a shape.
    Sized,
    /// FWD, FUNC, FUNC_PROTO, DECL_TAG: no size.
    Sizeless,
}

/// A global or map that a data section lists.
pub(crate) struct Variable<'a> {
    pub(crate) name: &'a str,
    pub(crate) type_id: u32,
}

/// The deepest nesting and the most fields of a shape. Programs need far less; a damaged section may refer to itself.
const MAX_DEPTH: u32 = 16;
const MAX_FIELDS: u32 = 4096;

impl<'a> Btf<'a> {
    /// The types of a little-endian `.BTF` section.
    pub(crate) fn parse(section: &'a [u8]) -> Result<Self, BtfError> {
        let header = |at| u32_at(section, at).ok_or(BtfError::Header);
        if section.get(..2) != Some(&MAGIC.to_le_bytes()) {
            return Err(BtfError::Header);
        }
        let start = header(4)? as usize;
        let table = |offset: u32, length: u32| {
            let from = start.checked_add(offset as usize)?;
            section.get(from..from.checked_add(length as usize)?)
        };
        let mut rest = table(header(8)?, header(12)?).ok_or(BtfError::Header)?;
        let strings = table(header(16)?, header(20)?).ok_or(BtfError::Header)?;
        if strings.first() != Some(&0) || strings.last() != Some(&0) {
            return Err(BtfError::Header);
        }
        let mut types = vec![Type { name: 0, kind: Kind::Void, bit_fields: false, size_or_type: 0, rest: &[] }];
        while !rest.is_empty() {
            let (read, after) = Type::read(rest).ok_or(BtfError::Type(types.len() as u32))?;
            types.push(read);
            rest = after;
        }
        Ok(Self { types, strings })
    }

    /// Each string with its offset in the table of strings.
    pub(crate) fn strings(&self) -> impl Iterator<Item = (usize, &'a [u8])> {
        let mut start = 0;
        self.strings.split(|byte| *byte == 0).map(move |string| {
            let at = start;
            start += string.len() + 1;
            (at, string)
        })
    }

    /// Checks that a `.BTF.ext` section (functions, source lines, CO-RE relocations) does not reach beyond itself and the strings. aya-obj
    /// does not check that.
    pub(crate) fn check_lines(&self, section: &[u8]) -> Result<(), BtfError> {
        self.lines_are_whole(section).filter(|whole| *whole).map(drop).ok_or(BtfError::Lines)
    }

    fn lines_are_whole(&self, section: &[u8]) -> Option<bool> {
        let header = u32_at(section, 4)? as usize;
        // Of each table: the place of its offset in the header, and the smallest size of a record. Old headers have two tables.
        for (at, least) in [(8, 8), (16, 16), (24, 16)].into_iter().filter(|(at, _)| at + 8 <= header) {
            let from = header.checked_add(u32_at(section, at)? as usize)?;
            let mut rest = section.get(from..from.checked_add(u32_at(section, at + 4)? as usize)?)?;
            if rest.is_empty() {
                continue;
            }
            let record = u32_at(rest, 0)? as usize;
            rest = rest.get(4..)?;
            while !rest.is_empty() {
                self.string(u32_at(rest, 0)?)?;
                let length = record.checked_mul(u32_at(rest, 4)? as usize)?;
                rest = rest.get(8..)?.get(length..)?;
            }
            if record < least || !record.is_multiple_of(4) {
                return Some(false);
            }
        }
        Some(true)
    }

    /// The variables that the data section of this name (`.rodata`, `.maps`) lists.
    pub(crate) fn variables(&self, section: &str) -> Vec<Variable<'a>> {
        let sections =
            self.types.iter().filter(|a| a.kind == Kind::DataSection && self.string(a.name) == Some(section));
        let listed = sections.flat_map(|section| section.rest.chunks_exact(12)).filter_map(|entry| u32_at(entry, 0));
        listed
            .filter_map(|id| self.types.get(id as usize).filter(|a| a.kind == Kind::Variable))
            .filter_map(|variable| Some(Variable { name: self.string(variable.name)?, type_id: variable.size_or_type }))
            .collect()
    }

    /// The shape of a type, if it has one of `size` bytes; else that many bytes.
    pub(crate) fn shape(&self, type_id: u32, size: u32) -> Shape {
        let mut fields = MAX_FIELDS;
        self.shape_of(type_id, MAX_DEPTH, &mut fields)
            .filter(|shape| checked_size(shape) == Some(size))
            .unwrap_or(Shape::Bytes(size))
    }

    /// The shape of a type of any size; None for void and for a damaged type.
    pub(crate) fn record(&self, type_id: u32) -> Option<Shape> {
        let mut fields = MAX_FIELDS;
        self.shape_of(type_id, MAX_DEPTH, &mut fields).filter(|shape| checked_size(shape).is_some_and(|size| size > 0))
    }

    /// The id of the type of a map's values, from its definition in `.maps`.
    pub(crate) fn value_of_map(&self, map: &str) -> Option<u32> {
        let variable = self.variables(".maps").into_iter().find(|variable| variable.name == map)?;
        let mut definition = self.types.get(variable.type_id as usize)?;
        // Rust wraps a map's definition; C does not.
        for _ in 0..MAX_DEPTH {
            match definition.kind {
                Kind::Alias => definition = self.types.get(definition.size_or_type as usize)?,
                _ => break,
            }
        }
        let mut members = definition.rest.chunks_exact(12).filter(|_| definition.kind == Kind::Struct);
        let value = members.find(|member| u32_at(member, 0).and_then(|name| self.string(name)) == Some("value"))?;
        let pointer = self.types.get(u32_at(value, 4)? as usize).filter(|value| value.kind == Kind::Pointer)?;
        Some(pointer.size_or_type)
    }

    fn shape_of(&self, type_id: u32, depth: u32, fields: &mut u32) -> Option<Shape> {
        let depth = depth.checked_sub(1)?;
        let found = self.types.get(type_id as usize)?;
        match found.kind {
            Kind::Int => Some(match found.size_or_type {
                // The record has a size in bits too, but bit fields and 128-bit integers are no plain integers.
                size @ (1 | 2 | 4 | 8) => Shape::Int { size, signed: u32_at(found.rest, 0)? >> 24 & 1 == 1 },
                size => Shape::Bytes(size),
            }),
            Kind::Enum => Some(Shape::Int { size: found.size_or_type, signed: found.bit_fields }),
            Kind::Pointer => Some(Shape::Bytes(8)),
            Kind::Sized => Some(Shape::Bytes(found.size_or_type)),
            Kind::Array => {
                let element = self.shape_of(u32_at(found.rest, 0)?, depth, fields)?;
                Some(Shape::Array(Box::new(element), u32_at(found.rest, 8)?))
            }
            Kind::Alias => self.shape_of(found.size_or_type, depth, fields),
            Kind::Struct => self.struct_of(found, depth, fields),
            Kind::Void | Kind::Variable | Kind::DataSection | Kind::Sizeless => None,
        }
    }

    fn struct_of(&self, found: &Type<'_>, depth: u32, left: &mut u32) -> Option<Shape> {
        let mut fields = Vec::new();
        for member in found.rest.chunks_exact(12) {
            *left = left.checked_sub(1)?;
            let (name, type_id, offset) = (u32_at(member, 0)?, u32_at(member, 4)?, u32_at(member, 8)?);
            let (bits, offset) = if found.bit_fields { (offset >> 24, offset & 0xff_ffff) } else { (0, offset) };
            if bits != 0 || offset % 8 != 0 {
                // Bit fields share their bytes, so no field of the struct can be set alone.
                return Some(Shape::Bytes(found.size_or_type));
            }
            let shape = self.shape_of(type_id, depth, left)?;
            fields.push(Field { name: self.string(name)?.to_owned(), offset: offset / 8, shape });
        }
        // Rust wraps values in structs: Global<u32> holds UnsafeCell<u32>, which holds u32. A user writes the number.
        let rust_name =
            self.string(found.name).is_some_and(|name| name.starts_with("Global") || name.starts_with("UnsafeCell"));
        match fields.as_slice() {
            [only] if (rust_name || only.name == "__0") && checked_size(&only.shape) == Some(found.size_or_type) => {
                fields.pop().map(|only| only.shape)
            }
            _ => Some(Shape::Struct { size: found.size_or_type, fields }),
        }
    }

    fn string(&self, offset: u32) -> Option<&'a str> {
        let rest = self.strings.get(offset as usize..)?;
        std::str::from_utf8(rest.split(|byte| *byte == 0).next()?).ok()
    }
}

impl<'a> Type<'a> {
    /// The first record of the table, and the table after it.
    fn read(table: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (name, info, size_or_type) = (u32_at(table, 0)?, u32_at(table, 4)?, u32_at(table, 8)?);
        let members = (info & 0xffff) as usize;
        let (kind, length) = match info >> 24 & 0x1f {
            1 => (Kind::Int, 4),
            2 => (Kind::Pointer, 0),
            3 => (Kind::Array, 12),
            4 => (Kind::Struct, 12 * members),
            5 => (Kind::Sized, 12 * members),
            6 => (Kind::Enum, 8 * members),
            7 | 12 => (Kind::Sizeless, 0),
            8..=11 | 18 => (Kind::Alias, 0),
            13 => (Kind::Sizeless, 8 * members),
            14 => (Kind::Variable, 4),
            15 => (Kind::DataSection, 12 * members),
            16 => (Kind::Sized, 0),
            17 => (Kind::Sizeless, 4),
            19 => (Kind::Enum, 12 * members),
            _ => return None,
        };
        let rest = table.get(12..12 + length)?;
        Some((Self { name, kind, bit_fields: info >> 31 == 1, size_or_type, rest }, &table[12 + length..]))
    }
}

/// [`Shape::size`] of a shape that may be damaged; None where the fields do not fit.
fn checked_size(shape: &Shape) -> Option<u32> {
    match shape {
        Shape::Array(element, length) => checked_size(element)?.checked_mul(*length),
        Shape::Struct { size, fields } => {
            let fits = |field: &Field| Some(field.offset.checked_add(checked_size(&field.shape)?)? <= *size);
            fields.iter().all(|field| fits(field) == Some(true)).then_some(*size)
        }
        Shape::Bytes(size) | Shape::Int { size, .. } => Some(*size),
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A section of these records and strings.
    fn section(types: &[u32], strings: &[u8]) -> Vec<u8> {
        let length = types.len() as u32 * 4;
        let mut bytes = MAGIC.to_le_bytes().to_vec();
        bytes.extend([1, 0]);
        for word in [24, 0, length, length, strings.len() as u32].iter().chain(types) {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(strings);
        bytes
    }

    const STRINGS: &[u8] = b"\0u16\0a\0b\0s\0";
    const U16: [u32; 4] = [1, 1 << 24, 2, 16];

    #[test]
    fn reads_structs_and_arrays() {
        let mut types = U16.to_vec();
        types.extend([0, 3 << 24, 0, 1, 1, 3]);
        types.extend([9, 4 << 24 | 2, 8, 5, 1, 0, 7, 2, 16]);
        let bytes = section(&types, STRINGS);
        let btf = Btf::parse(&bytes).expect("a section");
        let u16 = Shape::Int { size: 2, signed: false };
        let fields = vec![
            Field { name: "a".into(), offset: 0, shape: u16.clone() },
            Field { name: "b".into(), offset: 2, shape: Shape::Array(Box::new(u16), 3) },
        ];
        assert_eq!(btf.shape(3, 8), Shape::Struct { size: 8, fields });
        assert_eq!(btf.shape(3, 9), Shape::Bytes(9), "a size that is not the type's");
    }

    #[test]
    fn a_type_that_holds_itself_is_bare_bytes() {
        let bytes = section(&[9, 4 << 24 | 2, 8, 5, 1, 0, 7, 1, 0], STRINGS);
        assert_eq!(Btf::parse(&bytes).expect("a section").shape(1, 8), Shape::Bytes(8));
        let bytes = section(&[0, 8 << 24, 1], STRINGS);
        assert_eq!(Btf::parse(&bytes).expect("a section").shape(1, 8), Shape::Bytes(8));
    }

    #[test]
    fn damage_is_an_error() {
        let bytes = section(&U16, STRINGS);
        for end in 0..bytes.len() {
            assert!(Btf::parse(&bytes[..end]).is_err(), "{end} bytes");
        }
        assert_eq!(Btf::parse(&section(&U16[..3], STRINGS)).err(), Some(BtfError::Type(1)));
        assert_eq!(Btf::parse(&section(&[0, 31 << 24, 0], STRINGS)).err(), Some(BtfError::Type(1)));
    }
}
