//! Names that the kernel limits. Not here: whether an interface of that name exists.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A network interface's name: 1 to 15 bytes, by the rules of the kernel's `dev_valid_name` (net/core/dev.c).
///
/// It is 16 bytes without an allocation (`Copy`), since each of a hundred thousand routes has one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IfName([u8; 16]);

/// The rule for interface names that a text breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IfNameError {
    /// An empty text.
    #[error("at least one character is needed")]
    Empty,
    /// Over the kernel's IFNAMSIZ - 1.
    #[error("at most 15 bytes are allowed")]
    TooLong,
    /// `.` and `..` are folders of sysfs.
    #[error("`.` and `..` are reserved")]
    Dots,
    /// The kernel refuses white space, `/` and `:`. A control character or a byte outside ASCII cannot be typed in a shell.
    #[error("only printable ASCII characters are allowed, without white space, `/` and `:`")]
    Character,
}

impl IfName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        std::str::from_utf8(&self.0[..end]).expect("only ASCII gets in")
    }
}

impl FromStr for IfName {
    type Err = IfNameError;

    fn from_str(text: &str) -> Result<Self, IfNameError> {
        match text {
            "" => return Err(IfNameError::Empty),
            "." | ".." => return Err(IfNameError::Dots),
            _ if text.len() > 15 => return Err(IfNameError::TooLong),
            _ if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b':') => {
                return Err(IfNameError::Character);
            }
            _ => {}
        }
        let mut name = [0; 16];
        name[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self(name))
    }
}

impl fmt::Display for IfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for IfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Serialize for IfName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for IfName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_the_names_that_the_kernel_accepts() {
        for good in ["e", "eth0", "enp3s0f1np1", "a23456789012345", "eth0.100"] {
            assert_eq!(good.parse::<IfName>().map(|name| name.to_string()), Ok(good.to_owned()));
        }
        assert_eq!("".parse::<IfName>(), Err(IfNameError::Empty));
        assert_eq!("a234567890123456".parse::<IfName>(), Err(IfNameError::TooLong));
        assert_eq!("..".parse::<IfName>(), Err(IfNameError::Dots));
        for bad in ["a b", "a/b", "a:b", "a\tb", "ä"] {
            assert_eq!(bad.parse::<IfName>(), Err(IfNameError::Character));
        }
    }
}
