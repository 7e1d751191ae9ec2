//! TOML values as the bytes that a BPF program reads, by the object's types. Not here: keys of maps ([`super::keys`]).
//!
//! docs/segbox-toml.md has the table of types and values (`crate::grammar::reference`).

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::fault::{Fault, Found, ProgramFault, listed, near};
use crate::forms;
use crate::object::{Field, Shape};
use crate::place::At;
use crate::read::Value;

/// A value's bytes; None where it has a fault, which is added. Faults call the value `name`.
pub(super) fn encode(shape: &Shape, name: &str, value: &At<Value>, faults: &mut Found) -> Option<Vec<u8>> {
    let mut bytes = vec![0; shape.size() as usize];
    let before = faults.len();
    fill(shape, name, value, &mut bytes, faults);
    (faults.len() == before && value.value != Value::Bad).then_some(bytes)
}

fn fill(shape: &Shape, name: &str, value: &At<Value>, bytes: &mut [u8], faults: &mut Found) {
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
                Err(ProgramFault::ValueLength { of: "", name: name.into(), wanted, found, unit: "elements" })
            }
        }
        (Value::List(items), Shape::Bytes(size)) => {
            if items.len() == *size as usize {
                let of = Shape::Int { size: 1, signed: false };
                items.iter().zip(bytes.chunks_mut(1)).for_each(|(item, bytes)| fill(&of, name, item, bytes, faults));
                Ok(())
            } else {
                let (wanted, found) = (*size as usize, items.len());
                Err(ProgramFault::ValueLength { of: "", name: name.into(), wanted, found, unit: "bytes" })
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

/// The type of the only field of a struct: `struct in6_addr` and a Rust newtype are such structs.
pub(super) fn only_field(fields: &[Field], size: u32) -> Option<&Shape> {
    match fields {
        [field] if field.offset == 0 && field.shape.size() == size => Some(&field.shape),
        _ => None,
    }
}

pub(super) fn number(shape: &Shape, name: &str, value: i128, bytes: &mut [u8]) -> Result<(), ProgramFault> {
    let (size, signed) = match *shape {
        Shape::Int { size, signed } => (size, signed),
        Shape::Bytes(size @ (1 | 2 | 4 | 8)) => (size, value < 0),
        _ => return Err(mismatch(shape, name, "a number".into())),
    };
    let bits = (size * 8).min(64);
    let (min, max) =
        if signed { (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1) } else { (0, (1_i128 << bits) - 1) };
    if !(min..=max).contains(&value) {
        return Err(ProgramFault::ValueRange { of: "", name: name.into(), value, min, max });
    }
    bytes.copy_from_slice(&value.to_le_bytes()[..size as usize]);
    Ok(())
}

pub(super) fn from_text(shape: &Shape, name: &str, text: &str, bytes: &mut [u8]) -> Result<(), ProgramFault> {
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

/// Whether it is bytes without a meaning that the type gives.
fn is_bytes(shape: &Shape) -> bool {
    match shape {
        Shape::Bytes(_) => true,
        Shape::Array(of, _) => matches!(**of, Shape::Int { size: 1, .. } | Shape::Bytes(1)),
        _ => false,
    }
}

fn hex(name: &str, digits: &str, text: &str, bytes: &mut [u8]) -> Result<(), ProgramFault> {
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) || !digits.len().is_multiple_of(2) {
        let wanted = "`0x` and two hexadecimal digits per byte".to_owned();
        return Err(ProgramFault::ValueType { of: "", name: name.into(), wanted, found: format!("`{text}`") });
    }
    if digits.len() / 2 != bytes.len() {
        let (wanted, found) = (bytes.len(), digits.len() / 2);
        return Err(ProgramFault::ValueLength { of: "", name: name.into(), wanted, found, unit: "bytes" });
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[index * 2..index * 2 + 2], 16).expect("two hexadecimal digits");
    }
    Ok(())
}

/// The fields of a struct, in messages.
pub(super) fn names(fields: &[Field]) -> String {
    listed(fields.iter().map(|field| field.name.as_str()))
}

fn mismatch(shape: &Shape, name: &str, found: String) -> ProgramFault {
    ProgramFault::ValueType { of: "", name: name.into(), wanted: wanted(shape), found }
}

/// The values of a type, in messages.
fn wanted(shape: &Shape) -> String {
    match shape {
        Shape::Int { size: 4, .. } => "a number of 32 bits, or an IPv4 address as a string".into(),
        Shape::Int { size, .. } => format!("a number of {} bits", size * 8),
        Shape::Struct { fields, size } if only_field(fields, *size).is_some() => wanted(&fields[0].shape),
        Shape::Struct { fields, .. } => format!("a table with the fields {}", names(fields)),
        Shape::Array(of, length) if !is_bytes(shape) => format!("an array of {length} elements, each {}", wanted(of)),
        shape => match shape.size() {
            16 => "16 bytes: a string with an IPv6 address, or with `0x` and hexadecimal digits".into(),
            6 => "6 bytes: a string with a MAC address, or with `0x` and hexadecimal digits".into(),
            4 => "4 bytes: a string with an IPv4 address, or with `0x` and hexadecimal digits".into(),
            size => format!("{size} bytes: a string with `0x` and hexadecimal digits, or an array of numbers"),
        },
    }
}

impl Value {
    fn kind(&self) -> String {
        match self {
            Self::Text(_) => "a string",
            Self::Int(_) => "a number",
            Self::Bool(_) => "a boolean",
            Self::List(_) => "an array",
            Self::Table(_) => "a table",
            Self::Other(what) => what,
            Self::Bad => "nothing",
        }
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Span;

    /// The bytes of a value, or the code of its first fault.
    fn bytes(shape: &Shape, value: Value) -> Result<Vec<u8>, String> {
        let mut faults = Found::default();
        let value = At { value, span: Span::default() };
        encode(shape, "x", &value, &mut faults).ok_or_else(|| faults.into_held().0.remove(0).code())
    }

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[test]
    fn numbers_are_little_endian_and_fit() {
        for size in [1, 2, 4, 8] {
            let most = |signed| (1_i128 << (size * 8 - u32::from(signed))) - 1;
            for signed in [false, true] {
                let shape = Shape::Int { size, signed };
                let all = bytes(&shape, Value::Int(most(signed))).expect("the largest fits");
                assert!(all[..all.len() - 1].iter().all(|byte| *byte == 0xff));
                assert_eq!(bytes(&shape, Value::Int(most(signed) + 1)), Err("segbox::value_range".into()));
                assert_eq!(bytes(&shape, Value::Int(-1)).is_ok(), signed);
            }
            assert_eq!(bytes(&Shape::Bytes(size), Value::Int(1)).expect("it fits")[0], 1);
        }
        assert_eq!(bytes(&Shape::Bytes(3), Value::Int(1)), Err("segbox::value_type".into()));
    }

    #[test]
    fn addresses_are_in_network_order() {
        let v6 = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).octets().to_vec();
        let halves = Shape::Array(Box::new(Shape::Int { size: 8, signed: false }), 2);
        let wrapped = |shape: &Shape| {
            let inner = Field { name: "in6_u".into(), offset: 0, shape: shape.clone() };
            Shape::Struct { size: shape.size(), fields: vec![inner] }
        };
        for shape in [Shape::Bytes(16), halves.clone(), wrapped(&Shape::Bytes(16)), wrapped(&wrapped(&halves))] {
            assert_eq!(bytes(&shape, text("2001:db8::1")), Ok(v6.clone()), "{shape:?}");
        }
        assert_eq!(bytes(&Shape::Bytes(4), text("192.0.2.1")), Ok(vec![192, 0, 2, 1]));
        assert_eq!(bytes(&Shape::Bytes(6), text("52:54:00:12:34:56")), Ok(vec![0x52, 0x54, 0, 0x12, 0x34, 0x56]));
        assert_eq!(bytes(&Shape::Bytes(3), text("0x0102ff")), Ok(vec![1, 2, 255]));
        assert_eq!(bytes(&Shape::Bytes(3), text("0x010")), Err("segbox::value_type".into()));
        assert_eq!(bytes(&Shape::Bytes(8), text("2001:db8::1")), Err("segbox::value_type".into()));
    }
}
