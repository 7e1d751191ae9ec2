//! Keys of maps as the bytes that a BPF program reads. A key of TOML is a string, so each type has a form as a string: a number as `7`
//! or `0x7`, the key of an LPM trie as a prefix, a struct as its fields in order with a space between them. Other types have the form
//! of a value. Not here: values ([`super::encode`]).

use std::net::IpAddr;

use super::encode::{from_text, names, number, only_field};
use crate::fault::{FaultKind, ProgramFault, TextFault};
use crate::forms;
use crate::object::{MapKind, MapShape, Shape};

/// The bytes of a key.
pub(super) fn encode_key(map: &MapShape, name: &str, key: &str) -> Result<Vec<u8>, FaultKind> {
    let mut bytes = vec![0; map.key.size() as usize];
    if map.kind == MapKind::LpmTrie {
        trie_key(name, key, &mut bytes)?;
    } else {
        key_text(&map.key, name, key, &mut bytes).map_err(|fault| of_a_key(fault, name))?;
    }
    Ok(bytes)
}

/// A fault of the map's whole key says so; one of a field has the field's name.
fn of_a_key(mut fault: ProgramFault, map: &str) -> ProgramFault {
    if let ProgramFault::ValueType { of, name, .. }
    | ProgramFault::ValueRange { of, name, .. }
    | ProgramFault::ValueLength { of, name, .. } = &mut fault
        && name == map
    {
        *of = "a key of ";
    }
    fault
}

fn key_text(shape: &Shape, name: &str, text: &str, bytes: &mut [u8]) -> Result<(), ProgramFault> {
    match shape {
        Shape::Struct { fields, size } if only_field(fields, *size).is_none() => {
            let parts: Vec<_> = text.split_whitespace().collect();
            if parts.len() != fields.len() {
                let wanted = format!("{} with a space between them", names(fields));
                return Err(ProgramFault::ValueType { of: "", name: name.into(), wanted, found: format!("`{text}`") });
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

/// A prefix in the form of struct bpf_lpm_trie_key: its length in bits as a u32, then the address.
fn trie_key(name: &str, key: &str, bytes: &mut [u8]) -> Result<(), FaultKind> {
    let wrong = |wanted: &str| -> FaultKind {
        ProgramFault::ValueType { of: "a key of ", name: name.into(), wanted: wanted.into(), found: format!("`{key}`") }
            .into()
    };
    let Some((length, address)) = bytes.split_at_mut_checked(4) else {
        return Err(wrong("no entry: the keys of this map are shorter than a prefix length"));
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
        _ => return Err(wrong("no entry: the keys of this map hold neither an IPv6 nor an IPv4 address")),
    }
    length.copy_from_slice(&u32::from(prefix.prefix_len()).to_le_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trie_s_key_is_a_length_and_an_address() {
        let map =
            |size| MapShape { kind: MapKind::LpmTrie, key: Shape::Bytes(size), value: Shape::Bytes(1), max_entries: 1 };
        assert_eq!(encode_key(&map(8), "m", "10.0.0.0/8").ok(), Some(vec![8, 0, 0, 0, 10, 0, 0, 0]));
        let v6 = encode_key(&map(20), "m", "2001:db8::/32").expect("it is a prefix");
        assert_eq!(v6[..8], [32, 0, 0, 0, 0x20, 0x01, 0x0d, 0xb8]);
        for (size, bad) in
            [(8, "::/0"), (20, "10.0.0.0/8"), (20, "2001:db8::1/32"), (20, "x"), (3, "::/0"), (12, "::/0")]
        {
            assert!(encode_key(&map(size), "m", bad).is_err(), "{size} {bad}");
        }
    }

    #[test]
    fn numbers_are_written_as_numbers() {
        let key = |shape| MapShape { kind: MapKind::Hash, key: shape, value: Shape::Bytes(1), max_entries: 1 };
        let int = |size| Shape::Int { size, signed: true };
        assert_eq!(encode_key(&key(int(4)), "m", "-2").ok(), Some(vec![0xfe, 0xff, 0xff, 0xff]));
        assert_eq!(encode_key(&key(int(2)), "m", "0x10").ok(), Some(vec![16, 0]));
        assert_eq!(encode_key(&key(Shape::Bytes(4)), "m", "192.0.2.1").ok(), Some(vec![192, 0, 2, 1]));
        assert!(encode_key(&key(int(1)), "m", "128").is_err() && encode_key(&key(int(1)), "m", "").is_err());
    }
}
