//! Generic netlink: the numbers of families, and messages of a command and attributes. Not here: the messages of any family.

use netlink_packet_core::{DefaultNla, Emitable};
use rustix::io::Errno;

use super::frame::{attributes, text_of, u16_of, u32_of};
use super::reply::{Refusal, TalkError};
use super::socket::{Raw, Socket};

/// GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_* (include/uapi/linux/genetlink.h).
const CONTROL: u16 = 0x10;
const GET_FAMILY: u8 = 3;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;
const MULTICAST_GROUPS: u16 = 7;
const GROUP_NAME: u16 = 1;
const GROUP_ID: u16 = 2;

/// The version of the families SEG6, ethtool and nlctrl.
const VERSION: u8 = 1;

/// Bytes of struct genlmsghdr. The attributes follow it.
pub(super) const HEADER: usize = 4;

/// NLA_F_NESTED: families that check strictly require it on every nest.
const NESTED: u16 = 1 << 15;

/// A family, with the numbers that the kernel gave it at boot.
#[derive(Debug, Clone, Default)]
pub(super) struct Family {
    pub(super) id: u16,
    /// Multicast groups by name.
    pub(super) groups: Vec<(String, u32)>,
}

/// Asks for a family by its name.
///
/// # Errors
/// ENOENT: the kernel has no family of that name.
pub(super) fn family(socket: &mut Socket, name: &str) -> Result<Family, TalkError> {
    let name = [name.as_bytes(), b"\0"].concat();
    let answer = socket.ask_for(CONTROL, &Raw(&message(GET_FAMILY, [(FAMILY_NAME, name)])), |payload| {
        let mut family = Family::default();
        for (kind, value) in attributes(payload.get(HEADER..)?) {
            match kind {
                FAMILY_ID => family.id = u16_of(value)?,
                MULTICAST_GROUPS => {
                    family.groups = attributes(value).filter_map(|(_, group)| group_of(group)).collect()
                }
                _ => {}
            }
        }
        (family.id != 0).then_some(family)
    })?;
    answer.ok_or(TalkError::Refused(Refusal { errno: Errno::NOENT.raw_os_error(), words: None }))
}

fn group_of(group: &[u8]) -> Option<(String, u32)> {
    let find = |wanted| attributes(group).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    Some((text_of(find(GROUP_NAME)?)?.to_owned(), u32_of(find(GROUP_ID)?)?))
}

/// A message: its header (command, version, 2 reserved bytes) and attributes.
pub(super) fn message(command: u8, parts: impl IntoIterator<Item = (u16, Vec<u8>)>) -> Vec<u8> {
    let mut bytes = vec![command, VERSION, 0, 0];
    bytes.extend(attributes_of(parts));
    bytes
}

/// An attribute that holds attributes.
pub(super) fn nest(kind: u16, parts: impl IntoIterator<Item = (u16, Vec<u8>)>) -> (u16, Vec<u8>) {
    (kind | NESTED, attributes_of(parts))
}

/// Attributes one after another.
pub(super) fn attributes_of(parts: impl IntoIterator<Item = (u16, Vec<u8>)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, value) in parts {
        let attribute = DefaultNla::new(kind, value);
        let start = bytes.len();
        bytes.resize(start + attribute.buffer_len(), 0);
        attribute.emit(&mut bytes[start..]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nest_says_that_it_is_one() {
        let bytes = message(7, [nest(1, [(2, b"eth0\0".to_vec())])]);
        assert_eq!(bytes[..HEADER], [7, 1, 0, 0]);
        assert_eq!(u16_of(&bytes[6..]), Some(1 | NESTED));
        let (kind, inner) = attributes(&bytes[HEADER..]).next().expect("the nest");
        assert_eq!((kind, attributes(inner).next()), (1, Some((2, &b"eth0\0"[..]))));
    }
}
