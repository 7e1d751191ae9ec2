//! Makes, renames and changes links. Not here: listing them (links).

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::link as packet;
use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage};
use rtnetlink::{LinkDummy, LinkIfb, LinkMessageBuilder, LinkUnspec, LinkVlan, LinkVrf};
use rustix::io::Errno;
use segbox_config::IfName;
use segbox_config::model::{Matcher, VlanProtocol};
use segbox_plan::rename::name_aside;
use segbox_plan::state::{LINK_ALIAS, LINK_GROUP, Link};

use super::bond;
use super::links::{LinkRow, Links};
use super::reply::{Refusal, TalkError};
use super::socket::Socket;

/// Makes a device with segbox's marks, and brings it up. A port comes up by a step of its own: a VLAN after its parent, since the kernel refuses
/// to bring it up before (net/8021q/vlan_dev.c, vlan_dev_open), and a bond after it has its members. `parent` is the index of a VLAN's parent.
pub(super) fn make(socket: &mut Socket, name: IfName, link: Link, parent: u32) -> Result<(), TalkError> {
    let mut message = message(name, link, parent);
    message.attributes.push(LinkAttribute::Group(LINK_GROUP));
    socket.ask(libc::RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &message)?;
    // The kernel ignores an alias in the request that makes a device (net/core/rtnetlink.c, rtnl_create_link).
    let marks = LinkUnspec::new_with_name(name.as_str()).alias(LINK_ALIAS);
    let marked = set(socket, if link.is_port() { marks } else { marks.up() });
    if marked.is_err() {
        // A step that fails leaves nothing. The first error is reported, not that of the removal.
        let _ = socket.ask(libc::RTM_DELLINK, 0, &LinkUnspec::new_with_name(name.as_str()).build());
    }
    marked
}

/// The request for a device, without segbox's mark.
fn message(name: IfName, link: Link, parent: u32) -> LinkMessage {
    match link {
        Link::Vrf(table) => LinkVrf::new(name.as_str(), table).build(),
        Link::Vlan(vlan) => {
            let protocol = match vlan.protocol {
                VlanProtocol::Dot1Q => packet::VlanProtocol::Ieee8021Q,
                VlanProtocol::Dot1Ad => packet::VlanProtocol::Ieee8021Ad,
            };
            LinkVlan::new(name.as_str(), parent, vlan.id).protocol(protocol).build()
        }
        Link::Bond(bonding) => bond::message(name, bonding),
        Link::Dummy => LinkDummy::new(name.as_str()).build(),
        Link::Ifb => LinkIfb::new(name.as_str()).build(),
    }
}

/// Has the kernel load its module of VRFs, whose sysctl must be set before the first device appears. A VRF without a table is refused once the
/// module is there (drivers/net/vrf.c, vrf_newlink), so this makes no device. Without a module the write to the sysctl says so.
pub(super) fn load_vrf(socket: &mut Socket) {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Vrf)]));
    let _ = socket.ask(libc::RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &message);
}

/// Removes a device; no error where there is none.
pub(super) fn remove(socket: &mut Socket, index: u32) -> Result<(), TalkError> {
    match socket.ask(libc::RTM_DELLINK, 0, &LinkUnspec::new_with_index(index).build()) {
        Err(error) if error.errno() == Some(Errno::NODEV.raw_os_error()) => Ok(()),
        other => other,
    }
}

/// Changes a link that is there.
pub(super) fn set(socket: &mut Socket, builder: LinkMessageBuilder<LinkUnspec>) -> Result<(), TalkError> {
    socket.ask(libc::RTM_SETLINK, 0, &builder.build())
}

/// Brings a link up or down.
pub(super) fn set_up(socket: &mut Socket, index: u32, up: bool) -> Result<(), TalkError> {
    let builder = LinkUnspec::new_with_index(index);
    set(socket, if up { builder.up() } else { builder.down() })
}

/// Gives a link a name that no other link has. It is found by its index, so its present name does not matter.
pub(super) fn rename(socket: &mut Socket, link: &LinkRow, name: IfName) -> Result<(), TalkError> {
    let renamed = |socket: &mut Socket| set(socket, LinkUnspec::new_with_index(link.index).name(name.as_str()));
    match renamed(socket) {
        // Before Linux 6.2 (net/core/dev.c, dev_change_name) only a link that is down changes its name.
        Err(error) if error.errno() == Some(Errno::BUSY.raw_os_error()) && link.up => {
            set_up(socket, link.index, false)?;
            let result = renamed(socket);
            set_up(socket, link.index, true)?;
            result
        }
        other => other,
    }
}

/// Gives a link a name that another may have. The other has a name of its own meanwhile: where two links swap their names, the other's step
/// finds it by its hardware. One that nothing tells from others could never be found again, so it keeps its name.
pub(super) fn rename_over(socket: &mut Socket, links: &Links, link: &LinkRow, name: IfName) -> Result<(), TalkError> {
    if link.name == name {
        return Ok(());
    }
    if let Some(other) = links.named(name) {
        let seen: Vec<_> = links.iter().map(LinkRow::seen).collect();
        if Matcher::of(&other.seen(), &seen).is_none() {
            return Err(TalkError::Refused(Refusal { errno: Errno::EXIST.raw_os_error(), words: None }));
        }
        rename(socket, other, name_aside(|name| links.named(name).is_some()))?;
    }
    rename(socket, link, name)
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::Emitable;
    use segbox_config::model::Vlan;

    use super::super::links::decode;
    use super::*;

    /// The kernel lists a device with the attributes that made it.
    #[test]
    fn a_vlan_is_read_back_as_it_is_written() {
        let name = |text: &str| -> IfName { text.parse().expect("a name") };
        for protocol in [VlanProtocol::Dot1Q, VlanProtocol::Dot1Ad] {
            let vlan = Link::Vlan(Vlan { parent: name("eth0"), id: 0x123, protocol });
            let mut message = message(name("eth0.291"), vlan, 7);
            message.attributes.push(LinkAttribute::Group(LINK_GROUP));
            message.header.index = 9;
            let mut bytes = vec![0; message.buffer_len()];
            message.emit(&mut bytes);
            // IFLA_VLAN_PROTOCOL is in network order (include/uapi/linux/if_link.h).
            let [high, low] = protocol.ethertype().to_be_bytes();
            assert!(bytes.windows(6).any(|six| six == [6, 0, 5, 0, high, low]), "{bytes:02x?}");
            let mut eth0 = message.clone();
            eth0.header.index = 7;
            eth0.attributes = vec![LinkAttribute::IfName("eth0".into())];
            let mut port = vec![0; eth0.buffer_len()];
            eth0.emit(&mut port);
            let links = Links::of([bytes, port].iter().filter_map(|bytes| decode(bytes)).collect());
            assert_eq!(links.named(name("eth0.291")).and_then(|link| link.own), Some(vlan));
            assert_eq!(links.named(name("eth0")).and_then(|link| link.own), None);
        }
    }
}
