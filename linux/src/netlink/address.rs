//! Addresses and neighbours, encoded for netlink and decoded from it. Not here: which ones a router should have.

use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage, AddressProtocol};
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState};
use netlink_packet_route::route::{RouteProtocol, RouteType};
use segbox_config::Mac;
use segbox_plan::state::{AddressKey, NeighborKey, PROTOCOL};

use super::frame::{address_of, attributes, u8_of, u16_of, u32_of};
use super::links::Links;
use super::reply::TalkError;
use super::socket::Socket;
use super::uapi;

fn family(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}

/// The request that adds or removes an address.
pub(super) fn address(index: u32, address: IpNet) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = family(address.addr());
    message.header.prefix_len = address.prefix_len();
    message.header.index = index;
    message.attributes = vec![
        AddressAttribute::Local(address.addr()),
        AddressAttribute::Address(address.addr()),
        AddressAttribute::Protocol(AddressProtocol::from(PROTOCOL)),
    ];
    if address.addr().is_ipv6() {
        // Duplicate address detection takes one to two seconds. Neighbours cannot resolve the address until it ends, so all packets of
        // that time would be lost, on a router that forwards milliseconds after power-on.
        message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
    }
    message
}

/// Who made an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Maker {
    Segbox,
    /// The kernel, after a router advertisement.
    Advertisement,
    Another,
}

/// Every address with its interface and its maker.
pub(super) fn addresses(socket: &mut Socket, links: &Links) -> Result<Vec<(AddressKey, Maker)>, TalkError> {
    socket.dump(libc::RTM_GETADDR, &AddressMessage::default(), |payload| decode_address(payload, links))
}

/// Reads an RTM_NEWADDR's payload (struct ifaddrmsg and attributes).
pub(super) fn decode_address(payload: &[u8], links: &Links) -> Option<(AddressKey, Maker)> {
    let &[_, prefix_length, _, _, ..] = payload else { return None };
    let index = u32_of(payload.get(4..)?)?;
    let (mut local, mut address, mut protocol) = (None, None, 0);
    for (attribute, value) in attributes(payload.get(8..)?) {
        match attribute {
            libc::IFA_LOCAL => local = address_of(value),
            libc::IFA_ADDRESS => address = address_of(value),
            uapi::IFA_PROTO => protocol = u8_of(value)?,
            _ => {}
        }
    }
    // On a point-to-point link IFA_ADDRESS is the address of the far end. IPv6 has no IFA_LOCAL where both are the same.
    let address = IpNet::new(local.or(address)?, prefix_length).ok()?;
    let maker = match protocol {
        PROTOCOL => Maker::Segbox,
        uapi::IFAPROT_KERNEL_RA => Maker::Advertisement,
        _ => Maker::Another,
    };
    Some((AddressKey { interface: links.name(index)?, address }, maker))
}

/// The address of a message, with its prefix length.
pub(super) fn prefix(payload: &[u8]) -> Option<IpNet> {
    let (mut local, mut address) = (None, None);
    for (attribute, value) in attributes(payload.get(8..)?) {
        match attribute {
            libc::IFA_LOCAL => local = address_of(value),
            libc::IFA_ADDRESS => address = address_of(value),
            _ => {}
        }
    }
    IpNet::new(local.or(address)?, *payload.get(1)?).ok()
}

/// The request that puts or removes a permanent neighbour.
pub(super) fn neighbor(index: u32, address: IpAddr, mac: Option<Mac>) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = family(address);
    message.header.ifindex = index;
    message.header.state = NeighbourState::Permanent;
    message.header.kind = RouteType::Unspec;
    message.attributes = vec![NeighbourAttribute::Destination(NeighbourAddress::from(address))];
    if let Some(mac) = mac {
        message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.0.to_vec()));
        message.attributes.push(NeighbourAttribute::Protocol(RouteProtocol::from(PROTOCOL)));
    }
    message
}

/// The permanent neighbours that segbox made.
pub(super) fn neighbors(socket: &mut Socket, links: &Links) -> Result<Vec<(NeighborKey, Mac)>, TalkError> {
    socket.dump(libc::RTM_GETNEIGH, &NeighbourMessage::default(), |payload| decode_neighbor(payload, links))
}

/// Reads an RTM_NEWNEIGH's payload (struct ndmsg and attributes).
pub(super) fn decode_neighbor(payload: &[u8], links: &Links) -> Option<(NeighborKey, Mac)> {
    let index = u32_of(payload.get(4..)?)?;
    let state = u16_of(payload.get(8..)?)?;
    let (mut address, mut mac, mut protocol) = (None, None, 0);
    for (attribute, value) in attributes(payload.get(12..)?) {
        match attribute {
            libc::NDA_DST => address = address_of(value),
            libc::NDA_LLADDR => mac = <[u8; 6]>::try_from(value).ok().map(Mac),
            uapi::NDA_PROTOCOL => protocol = u8_of(value)?,
            _ => {}
        }
    }
    if protocol != PROTOCOL || state & libc::NUD_PERMANENT == 0 {
        return None;
    }
    Some((NeighborKey { interface: links.name(index)?, address: address? }, mac?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_stumbles_over_a_truncated_row() {
        let whole: Vec<u8> = (0..=255).collect();
        for length in 0..whole.len() {
            decode_address(&whole[..length], &Links::default());
            decode_neighbor(&whole[..length], &Links::default());
        }
    }
}
