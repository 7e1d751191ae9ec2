//! The options of a DHCP message (RFC 2132), put together from the places where a server may write them: behind the fixed fields, and in `file`
//! and `sname` (option 52). An option that comes in parts is one (RFC 3396). Not here: what they say together (`lease`).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use smoltcp::wire::DhcpPacket;

use super::lie::Lie;

pub(super) const SUBNET_MASK: u8 = 1;
pub(super) const ROUTER: u8 = 3;
pub(super) const DNS: u8 = 6;
pub(super) const HOST_NAME: u8 = 12;
pub(super) const DOMAIN_NAME: u8 = 15;
pub(super) const MTU: u8 = 26;
pub(super) const NTP: u8 = 42;
pub(super) const REQUESTED_ADDRESS: u8 = 50;
pub(super) const LEASE_TIME: u8 = 51;
const OVERLOAD: u8 = 52;
pub(super) const MESSAGE_TYPE: u8 = 53;
pub(super) const SERVER_IDENTIFIER: u8 = 54;
pub(super) const PARAMETER_LIST: u8 = 55;
pub(super) const MESSAGE: u8 = 56;
pub(super) const MAXIMUM_MESSAGE_SIZE: u8 = 57;
pub(super) const RENEWAL: u8 = 58;
pub(super) const REBINDING: u8 = 59;
pub(super) const CLIENT_IDENTIFIER: u8 = 61;
pub(super) const DOMAIN_SEARCH: u8 = 119;
pub(super) const CLASSLESS_ROUTES: u8 = 121;
pub(super) const END: u8 = 255;
const PAD: u8 = 0;

/// What a server is asked for. Routes with prefix lengths come before the router, as RFC 3442 has it.
pub(super) const ASKED: [u8; 11] =
    [SUBNET_MASK, CLASSLESS_ROUTES, ROUTER, DNS, DOMAIN_NAME, DOMAIN_SEARCH, MTU, NTP, LEASE_TIME, RENEWAL, REBINDING];

/// Where the options begin, and where `sname` and `file` lie (RFC 2131, figure 1).
const START: usize = 240;
const SNAME: std::ops::Range<usize> = 44..108;
const FILE: std::ops::Range<usize> = 108..236;

/// The options of a message, by their codes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options(BTreeMap<u8, Vec<u8>>);

impl Options {
    /// Reads those of a message that has all fixed fields.
    pub(super) fn read(message: &[u8]) -> Result<Self, Lie> {
        let mut options = Self::default();
        options.add(&message[START..])?;
        let places: &[_] = match options.0.get(&OVERLOAD).map(Vec::as_slice) {
            Some([1]) => &[FILE],
            Some([2]) => &[SNAME],
            Some([3]) => &[FILE, SNAME],
            _ => &[],
        };
        for place in places {
            options.add(&message[place.clone()])?;
        }
        Ok(options)
    }

    /// Adds the options of one place, whose last one is followed by the end.
    fn add(&mut self, place: &[u8]) -> Result<(), Lie> {
        // The codec knows the options of a whole message.
        let whole = [&[0; START], place].concat();
        let pads = |from: usize| from + whole[from..].iter().take_while(|byte| **byte == PAD).count();
        let mut at = pads(START);
        for option in DhcpPacket::new_unchecked(&whole).options() {
            self.0.entry(option.kind).or_default().extend(option.data);
            at = pads(at + 2 + option.data.len());
        }
        // The codec stops where an option is longer than the rest.
        if whole.get(at) == Some(&END) { Ok(()) } else { Err(Lie::CutOff) }
    }

    /// The kind of the message.
    pub(super) fn kind(&self) -> Option<u8> {
        match self.bytes(MESSAGE_TYPE)? {
            [kind] => Some(*kind),
            _ => None,
        }
    }

    pub(super) fn bytes(&self, code: u8) -> Option<&[u8]> {
        self.0.get(&code).map(Vec::as_slice)
    }

    pub(super) fn address(&self, code: u8) -> Option<Ipv4Addr> {
        <[u8; 4]>::try_from(self.bytes(code)?).ok().map(Into::into)
    }

    /// A list of addresses; what is left over at its end is ignored.
    pub(super) fn addresses(&self, code: u8) -> impl Iterator<Item = Ipv4Addr> {
        let (whole, _) = self.bytes(code).unwrap_or_default().as_chunks::<4>();
        whole.iter().map(|bytes| Ipv4Addr::from(*bytes))
    }

    pub(super) fn number(&self, code: u8) -> Option<u32> {
        match *self.bytes(code)? {
            [a, b] => Some(u32::from(u16::from_be_bytes([a, b]))),
            [a, b, c, d] => Some(u32::from_be_bytes([a, b, c, d])),
            _ => None,
        }
    }

    /// The server that speaks.
    pub(super) fn server(&self) -> Option<Ipv4Addr> {
        self.address(SERVER_IDENTIFIER).filter(|server| !server.is_unspecified())
    }

    /// What a server says to people, made printable.
    pub(super) fn said(&self) -> Option<String> {
        let text = String::from_utf8_lossy(self.bytes(MESSAGE)?).into_owned();
        let text = text.trim_end_matches('\0').chars().take(80).map(|one| if one.is_control() { '?' } else { one });
        Some(text.collect()).filter(|text: &String| !text.is_empty())
    }

    #[cfg(test)]
    pub(super) fn of(rows: &[(u8, &[u8])]) -> Self {
        Self(rows.iter().map(|(code, data)| (*code, data.to_vec())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(options: &[u8], file: &[u8]) -> Vec<u8> {
        let mut message = vec![0; START];
        message[FILE][..file.len()].copy_from_slice(file);
        message.extend(options);
        message
    }

    #[test]
    fn parts_are_put_together_and_file_and_sname_are_read_where_the_server_says_so() {
        let long = [[6, 4, 192, 0, 2, 1], [6, 4, 192, 0, 2, 2]].concat();
        let file = [15, 3, b'l', b'a', b'b', 255];
        let read = |overload: u8| {
            Options::read(&message(&[&[53, 1, 2, 0, 52, 1, overload][..], &long, &[255]].concat(), &file))
        };
        let options = read(1).expect("whole");
        assert_eq!(options.kind(), Some(2));
        let servers: Vec<Ipv4Addr> = options.addresses(DNS).collect();
        assert_eq!(servers, [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)]);
        assert_eq!(options.bytes(DOMAIN_NAME), Some(&b"lab"[..]));
        assert_eq!(read(0).expect("whole").bytes(DOMAIN_NAME), None);
        assert_eq!(read(2), Err(Lie::CutOff), "an empty sname has no end");
    }

    #[test]
    fn what_is_cut_off_anywhere_is_a_lie() {
        let whole = [53, 1, 2, 0, 0, 54, 4, 192, 0, 2, 1, 3, 4, 192, 0, 2, 1, 255];
        assert!(Options::read(&message(&whole, &[])).is_ok());
        for length in 0..whole.len() {
            assert_eq!(Options::read(&message(&whole[..length], &[])), Err(Lie::CutOff), "{length}");
        }
    }
}
