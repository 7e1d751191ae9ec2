//! TLVs of an SRH as arguments (RFC 8754 section 2.1): read from hexadecimal, and padded to a multiple of 8 bytes.

use std::str::FromStr;

/// A whole TLV: type, length, value. Pad1 is a single 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tlv(Vec<u8>);

const PAD1: u8 = 0;
const PADN: u8 = 4;
/// Longest segment list and TLVs of an SRH in bytes: its length field is one byte and counts 8-byte units, without the first
/// (RFC 8754 section 2).
const LONGEST_SRH: usize = 255 * 8;

impl FromStr for Tlv {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.len().is_multiple_of(2) {
            return Err(format!("it has {} digits; each byte needs two", text.len()));
        }
        let digits: Option<Vec<u8>> = text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
        let digits = digits.ok_or("it is not hexadecimal; 7c06010203040506 has type 124 and 6 bytes of value")?;
        let bytes: Vec<u8> = digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect();
        match bytes[..] {
            [PAD1] => Ok(Self(bytes)),
            [] | [_] => Err("it has no length; write type, length and value, each byte with two digits".to_owned()),
            [_, length, ref value @ ..] if usize::from(length) != value.len() => {
                Err(format!("its length is {length}, but its value has {} bytes", value.len()))
            }
            _ => Ok(Self(bytes)),
        }
    }
}

/// All TLVs, followed by Pad1 or PadN up to a multiple of 8 bytes.
///
/// # Errors
/// With this many segments the SRH would be too long.
pub(super) fn padded(tlvs: &[Tlv], segments: usize) -> Result<Vec<u8>, String> {
    let mut bytes: Vec<u8> = tlvs.iter().flat_map(|Tlv(bytes)| bytes.iter().copied()).collect();
    let all = 16 * segments + bytes.len();
    if all > LONGEST_SRH {
        return Err(format!(
            "{segments} segments and these TLVs have {all} bytes, which is longer than an SRH can be ({LONGEST_SRH})"
        ));
    }
    match bytes.len().next_multiple_of(8) - bytes.len() {
        0 => {}
        1 => bytes.push(PAD1),
        missing => {
            let value = missing - 2;
            bytes.extend([PADN, value as u8]);
            bytes.resize(bytes.len() + value, 0);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &[&str]) -> Vec<u8> {
        let tlvs: Vec<Tlv> = text.iter().map(|text| text.parse().expect("a TLV")).collect();
        padded(&tlvs, 2).expect("it fits")
    }

    #[test]
    fn what_is_missing_is_padded_and_no_more() {
        assert!(of(&[]).is_empty());
        assert_eq!(of(&["7c06010203040506"]), [124, 6, 1, 2, 3, 4, 5, 6]);
        assert_eq!(of(&["7C050102030405"]), [124, 5, 1, 2, 3, 4, 5, 0]);
        assert_eq!(of(&["7c0401020304"]), [124, 4, 1, 2, 3, 4, 4, 0]);
        assert_eq!(of(&["00"]), [0, 4, 5, 0, 0, 0, 0, 0]);
    }
}
