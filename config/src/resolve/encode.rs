//! Values as the bytes a BPF program sees: TOML's types by the object's.
//!
//! | the object's type | in the file |
//! |---|---|
//! | integer, bool, enum | a number that it holds, little endian; `true` and `false` are 1 and 0 |
//! | 16 bytes, but for an integer or a struct of several fields | an IPv6 address as text, in network byte order |
//! | 4 bytes, integers too | an IPv4 address as text, in network byte order |
//! | 6 bytes | a MAC address as text |
//! | bytes of any length | `"0x…"`, two hexadecimal digits a byte; or a list of numbers to 255 |
//! | 1, 2, 4 or 8 bytes without a type | also a number, little endian |
//! | array | a list, all its elements |
//! | struct | a table by field names; a field that is not there is zero; one of a single field also as that field |
//!
//! Keys of a map's rows are texts: a number is written as `7` or `0x7`, the key of an LPM trie as a prefix, and a struct as its
//! fields in order with a space between them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::fault::{Fault, FaultKind, ProgramFault, TextFault, listed, near};
use crate::forms;
use crate::object::{Field, MapKind, MapShape, Shape};
use crate::place::At;
use crate::read::Value;

/// A value's bytes; None where it has a fault, which is added. `name` is what a fault calls it.
pub(super) fn encode(shape: &Shape, name: &str, value: &At<Value>, faults: &mut Vec<Fault>) -> Option<Vec<u8>> {
    let mut bytes = vec![0; shape.size() as usize];
    let before = faults.len();
    fill(shape, name, value, &mut bytes, faults);
    (faults.len() == before && value.value != Value::Bad).then_some(bytes)
}

/// The bytes of a row's key.
pub(super) fn encode_key(map: &MapShape, name: &str, key: &str) -> Result<Vec<u8>, FaultKind> {
    let mut bytes = vec![0; map.key.size() as usize];
    if map.kind == MapKind::LpmTrie {
        trie_key(name, key, &mut bytes)?;
    } else {
        key_text(&map.key, name, key, &mut bytes)?;
    }
    Ok(bytes)
}

fn fill(shape: &Shape, name: &str, value: &At<Value>, bytes: &mut [u8], faults: &mut Vec<Fault>) {
    let done = match (&value.value, shape) {
        (Value::Bad, _) => Ok(()),
        (Value::Table(entries), Shape::Struct { fields, .. }) => {
            for (key, value) in entries {
                let Some(field) = fields.iter().find(|field| *field.name == *key.value) else {
                    let near = near(&key.value, fields.iter().map(|field| field.name.as_str()));
                    let missing = ProgramFault::NoSuchField { name: name.into(), field: key.value.to_string(), near };
                    faults.push(Fault::new(key.span, missing));
                    continue;
                };
                let start = field.offset as usize;
                fill(&field.shape, &field.name, value, &mut bytes[start..start + field.shape.size() as usize], faults);
            }
            Ok(())
        }
        (_, Shape::Struct { fields, size }) if only_field(fields, *size).is_some() => {
            fill(&fields[0].shape, name, value, bytes, faults);
            Ok(())
        }
        (Value::List(items), Shape::Array(of, length)) => {
            if items.len() == *length as usize {
                let step = of.size() as usize;
                items
                    .iter()
                    .zip(bytes.chunks_mut(step.max(1)))
                    .for_each(|(item, bytes)| fill(of, name, item, bytes, faults));
                Ok(())
            } else {
                let (wanted, found) = (*length as usize, items.len());
                Err(ProgramFault::ValueLength { name: name.into(), wanted, found, unit: "elements" })
            }
        }
        (Value::List(items), Shape::Bytes(size)) => {
            if items.len() == *size as usize {
                let of = Shape::Int { size: 1, signed: false };
                items.iter().zip(bytes.chunks_mut(1)).for_each(|(item, bytes)| fill(&of, name, item, bytes, faults));
                Ok(())
            } else {
                let (wanted, found) = (*size as usize, items.len());
                Err(ProgramFault::ValueLength { name: name.into(), wanted, found, unit: "bytes" })
            }
        }
        (Value::Text(text), shape) => from_text(shape, name, text, bytes),
        (Value::Int(int), shape) => number(shape, name, *int, bytes),
        (Value::Bool(bool), Shape::Int { .. }) => number(shape, name, i128::from(*bool), bytes),
        (found, shape) => Err(mismatch(shape, name, found.kind())),
    };
    if let Err(fault) = done {
        faults.push(Fault::new(value.span, fault));
    }
}

/// The type of a struct's one field that fills it: what `struct in6_addr` and a Rust newtype come down to.
fn only_field(fields: &[Field], size: u32) -> Option<&Shape> {
    match fields {
        [field] if field.offset == 0 && field.shape.size() == size => Some(&field.shape),
        _ => None,
    }
}

fn number(shape: &Shape, name: &str, value: i128, bytes: &mut [u8]) -> Result<(), ProgramFault> {
    let (size, signed) = match *shape {
        Shape::Int { size, signed } => (size, signed),
        Shape::Bytes(size @ (1 | 2 | 4 | 8)) => (size, value < 0),
        _ => return Err(mismatch(shape, name, "a number".into())),
    };
    let bits = (size * 8).min(64);
    let (min, max) =
        if signed { (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1) } else { (0, (1_i128 << bits) - 1) };
    if !(min..=max).contains(&value) {
        return Err(ProgramFault::ValueRange { name: name.into(), value, min, max });
    }
    bytes.copy_from_slice(&value.to_le_bytes()[..size as usize]);
    Ok(())
}

fn from_text(shape: &Shape, name: &str, text: &str, bytes: &mut [u8]) -> Result<(), ProgramFault> {
    let untyped = is_bytes(shape);
    if untyped && let Some(digits) = text.strip_prefix("0x") {
        return hex(name, digits, text, bytes);
    }
    let plain = !matches!(shape, Shape::Int { .. } | Shape::Struct { .. });
    let octets: Option<Vec<u8>> = match bytes.len() {
        16 if plain => text.parse::<Ipv6Addr>().ok().map(|address| address.octets().into()),
        4 if plain || matches!(shape, Shape::Int { .. }) => {
            text.parse::<Ipv4Addr>().ok().map(|address| address.octets().into())
        }
        6 if plain => forms::mac(text).ok().map(|mac| mac.0.into()),
        _ => None,
    };
    let octets = octets.ok_or_else(|| mismatch(shape, name, format!("`{text}`")))?;
    bytes.copy_from_slice(&octets);
    Ok(())
}

/// Whether it is bytes without a meaning of their own.
fn is_bytes(shape: &Shape) -> bool {
    match shape {
        Shape::Bytes(_) => true,
        Shape::Array(of, _) => matches!(**of, Shape::Int { size: 1, .. } | Shape::Bytes(1)),
        _ => false,
    }
}

fn hex(name: &str, digits: &str, text: &str, bytes: &mut [u8]) -> Result<(), ProgramFault> {
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) || !digits.len().is_multiple_of(2) {
        let wanted = "`0x` and two hexadecimal digits a byte".to_owned();
        return Err(ProgramFault::ValueType { name: name.into(), wanted, found: format!("`{text}`") });
    }
    if digits.len() / 2 != bytes.len() {
        let (wanted, found) = (bytes.len(), digits.len() / 2);
        return Err(ProgramFault::ValueLength { name: name.into(), wanted, found, unit: "bytes" });
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[index * 2..index * 2 + 2], 16).expect("two hexadecimal digits");
    }
    Ok(())
}

fn key_text(shape: &Shape, name: &str, text: &str, bytes: &mut [u8]) -> Result<(), ProgramFault> {
    match shape {
        Shape::Struct { fields, size } if only_field(fields, *size).is_none() => {
            let parts: Vec<_> = text.split_whitespace().collect();
            if parts.len() != fields.len() {
                let wanted = format!("{} with a space between", names(fields));
                return Err(ProgramFault::ValueType { name: name.into(), wanted, found: format!("`{text}`") });
            }
            for (part, field) in parts.into_iter().zip(fields) {
                let start = field.offset as usize;
                key_text(&field.shape, &field.name, part, &mut bytes[start..start + field.shape.size() as usize])?;
            }
            Ok(())
        }
        Shape::Struct { fields, .. } => key_text(&fields[0].shape, name, text, bytes),
        Shape::Int { .. } | Shape::Bytes(1 | 2 | 4 | 8) => match key_number(text) {
            Some(value) => number(shape, name, value, bytes),
            None => from_text(shape, name, text, bytes),
        },
        _ => from_text(shape, name, text, bytes),
    }
}

/// `7`, `-7`, `0x7`, `true`.
fn key_number(text: &str) -> Option<i128> {
    match (text, text.strip_prefix("0x")) {
        ("true", _) => Some(1),
        ("false", _) => Some(0),
        (_, Some(digits)) => i128::from_str_radix(digits, 16).ok(),
        _ => text.parse().ok(),
    }
}

/// A prefix as struct bpf_lpm_trie_key has it: its length in bits as a u32, then the address.
fn trie_key(name: &str, key: &str, bytes: &mut [u8]) -> Result<(), FaultKind> {
    let wrong = |wanted: &str| -> FaultKind {
        ProgramFault::ValueType { name: name.into(), wanted: wanted.into(), found: format!("`{key}`") }.into()
    };
    let Some((length, address)) = bytes.split_at_mut_checked(4) else {
        return Err(wrong("no key: its type is shorter than a prefix length"));
    };
    let prefix = match forms::prefix(key) {
        Ok(prefix) => prefix,
        Err(fault @ (TextFault::HostBits { .. } | TextFault::PrefixTooLong { .. })) => return Err(fault.into()),
        Err(_) => return Err(wrong(if address.len() == 4 { "an IPv4 prefix" } else { "an IPv6 prefix" })),
    };
    match (prefix.addr(), address.len()) {
        (IpAddr::V6(net), 16) => address.copy_from_slice(&net.octets()),
        (IpAddr::V4(net), 4) => address.copy_from_slice(&net.octets()),
        (_, 16) => return Err(wrong("an IPv6 prefix")),
        (_, 4) => return Err(wrong("an IPv4 prefix")),
        _ => return Err(wrong("no prefix: its type holds neither an IPv6 nor an IPv4 address")),
    }
    length.copy_from_slice(&u32::from(prefix.prefix_len()).to_le_bytes());
    Ok(())
}

/// The fields of a struct, for a person.
fn names(fields: &[Field]) -> String {
    listed(fields.iter().map(|field| field.name.as_str()))
}

fn mismatch(shape: &Shape, name: &str, found: String) -> ProgramFault {
    ProgramFault::ValueType { name: name.into(), wanted: wanted(shape), found }
}

/// What a type takes, for a person.
fn wanted(shape: &Shape) -> String {
    match shape {
        Shape::Int { size: 4, .. } => "a number of 32 bits, or an IPv4 address as text".into(),
        Shape::Int { size, .. } => format!("a number of {} bits", size * 8),
        Shape::Struct { fields, size } if only_field(fields, *size).is_some() => wanted(&fields[0].shape),
        Shape::Struct { fields, .. } => format!("a table of the fields {}", names(fields)),
        Shape::Array(of, length) if !is_bytes(shape) => format!("a list of {length}, each {}", wanted(of)),
        shape => match shape.size() {
            16 => "16 bytes: an IPv6 address as text, or `0x` and digits".into(),
            6 => "6 bytes: a MAC address as text, or `0x` and digits".into(),
            4 => "4 bytes: an IPv4 address as text, or `0x` and digits".into(),
            size => format!("{size} bytes: `0x` and digits as text, or a list of numbers"),
        },
    }
}

impl Value {
    fn kind(&self) -> String {
        match self {
            Self::Text(_) => "a text",
            Self::Int(_) => "a number",
            Self::Bool(_) => "a truth value",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(what) => what,
            Self::Bad => "nothing",
        }
        .into()
    }
}
