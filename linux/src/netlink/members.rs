//! Members of bonds: links join and leave them. And the kernel's module of bonds. Not here: which links belong to which (plan), and the
//! messages of bonds themselves (bond).

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage};
use rtnetlink::LinkUnspec;

use super::device;
use super::keeping::{self, Cycle};
use super::links::{LinkRow, Links};
use super::reply::TalkError;
use super::socket::Socket;

/// Has the kernel load its module of bonds. The module makes a bond0 of its own (max_bonds), which would take the name: one that was not there
/// before goes again. An address of zeroes is refused once the module is there (drivers/net/bonding/bond_netlink.c, bond_validate): this makes
/// no bond.
pub(super) fn load(socket: &mut Socket) -> Result<(), TalkError> {
    let before = Links::read(socket)?;
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bond)]));
    message.attributes.push(LinkAttribute::Address(vec![0; 6]));
    let _ = socket.ask(libc::RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &message);
    let now = Links::read(socket)?;
    for unasked in now.iter().filter(|link| link.bond.is_some() && before.named(link.name).is_none()) {
        device::remove(socket, unasked.index)?;
    }
    Ok(())
}

/// Gives a link another master or none, where one of both is a bond. What joins must be down, and what leaves is taken down and gets its own
/// address and MTU back (drivers/net/bonding/bond_main.c, bond_enslave and __bond_release_one): here it is up afterwards as it was before.
pub(super) fn set_master(
    socket: &mut Socket,
    links: &Links,
    link: &LinkRow,
    master: Option<u32>,
) -> Result<(), TalkError> {
    let joins = master.is_some_and(|index| links.is_bond(index));
    let this = || LinkUnspec::new_with_index(link.index);
    if joins && link.up {
        keeping::set(socket, link.index, Cycle::Down, this().down())?;
    }
    let change = match master {
        Some(master) => this().controller(master),
        None => this().nocontroller(),
    };
    let changed = keeping::set(socket, link.index, Cycle::Down, change);
    if !link.up || (joins && changed.is_ok()) {
        return changed;
    }
    // The first error is reported.
    let up = device::set_up(socket, link.index, true);
    changed.and(up)
}

/// Has all members leave a bond.
pub(super) fn release(socket: &mut Socket, links: &Links, bond: u32) -> Result<(), TalkError> {
    links.iter().filter(|link| link.master == bond).try_for_each(|link| set_master(socket, links, link, None))
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::Emitable;
    use netlink_packet_route::link::{
        BondAdInfo, BondMode as Mode, BondPortState, InfoBond, InfoBondPort, InfoPortData, InfoPortKind, MiiStatus,
    };
    use rtnetlink::LinkBond;
    use segbox_config::model::BondMode;
    use segbox_config::{IfName, Mac};
    use segbox_plan::bonds::{Bonding, MemberSeen};
    use segbox_plan::state::{LINK_GROUP, Link};

    use super::super::bond::{BondRow, message};
    use super::super::links;
    use super::*;

    fn name(text: &str) -> IfName {
        text.parse().expect("a name")
    }

    fn bytes(message: &LinkMessage) -> Vec<u8> {
        let mut bytes = vec![0; message.buffer_len()];
        message.emit(&mut bytes);
        bytes
    }

    /// The kernel lists a bond with the attributes that made it.
    #[test]
    fn a_bond_is_read_back_as_it_is_written() {
        for mode in [BondMode::Dot3Ad, BondMode::ActiveBackup] {
            let bonding = Bonding::of(mode);
            let mut bond = message(name("bond0"), bonding);
            bond.header.index = 9;
            bond.attributes.push(LinkAttribute::Group(LINK_GROUP));
            let row = links::decode(&bytes(&bond)).expect("a link");
            assert_eq!(row.own, Some(Link::Bond(bonding)));
            assert_eq!(row.bond, Some(BondRow { bonding, partner: None }));
        }
    }

    #[test]
    fn a_member_has_its_own_address_and_a_bond_its_partner() {
        let mut member = LinkUnspec::new_with_name("eth2").controller(9).build();
        member.attributes.push(LinkAttribute::Address(vec![2, 0, 0, 0, 0, 9]));
        let data = vec![
            InfoBondPort::BondPortState(BondPortState::Active),
            InfoBondPort::MiiStatus(MiiStatus::Up),
            InfoBondPort::PermHwaddr(vec![2, 0, 0, 0, 0, 2]),
        ];
        let info = vec![LinkInfo::PortKind(InfoPortKind::Bond), LinkInfo::PortData(InfoPortData::BondPort(data))];
        member.attributes.push(LinkAttribute::LinkInfo(info));
        let row = links::decode(&bytes(&member)).expect("a link");
        assert_eq!(row.mac, Some(Mac([2, 0, 0, 0, 0, 2])));
        assert_eq!(row.member, Some(MemberSeen { carrier: true, active: true }));
        let data =
            [InfoBond::Mode(Mode::Ieee8023Ad), InfoBond::AdInfo(vec![BondAdInfo::PartnerMac([2, 0, 0, 0, 0, 7])])];
        let mut bond = LinkBond::new("bond0");
        for parameter in data {
            bond = bond.append_info_data(parameter);
        }
        let row = links::decode(&bytes(&bond.build())).expect("a link").bond.expect("a bond");
        assert_eq!(row.partner, Some(Mac([2, 0, 0, 0, 0, 7])));
    }
}
