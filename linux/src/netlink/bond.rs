//! Bonds in messages: their parameters written and read, and how they run. Not here: joining and leaving them (members).

use netlink_packet_route::link::{BondLacpRate, BondMode as Mode, BondXmitHashPolicy, InfoKind, LinkAttribute};
use netlink_packet_route::link::{InfoBond, InfoData, LinkInfo, LinkMessage};
use rtnetlink::{LinkBond, LinkUnspec};
use segbox_config::model::BondMode;
use segbox_config::{IfName, Mac};
use segbox_plan::bonds::{Bonding, MemberSeen};

use super::frame::{attributes, u8_of, u32_of};
use super::reply::TalkError;
use super::socket::Socket;
use super::uapi;

/// The request for a bond. The kernel refuses the keys of LACP in other modes (drivers/net/bonding/bond_options.c, bond_opts).
pub(super) fn message(name: IfName, bonding: Bonding) -> LinkMessage {
    let bond = LinkBond::new(name.as_str()).mode(Mode::from(bonding.mode)).miimon(bonding.miimon);
    if !has_lacp(bonding.mode) {
        return bond.build();
    }
    let hash = BondXmitHashPolicy::from(bonding.xmit_hash);
    bond.xmit_hash_policy(hash).ad_lacp_rate(BondLacpRate::from(bonding.lacp_rate)).build()
}

/// Changes what changes while a bond is up and has members.
pub(super) fn change(socket: &mut Socket, index: u32, bonding: Bonding) -> Result<(), TalkError> {
    let mut parameters = vec![InfoBond::MiiMon(bonding.miimon)];
    if has_lacp(bonding.mode) {
        parameters.push(InfoBond::XmitHashPolicy(BondXmitHashPolicy::from(bonding.xmit_hash)));
    }
    let mut message = LinkUnspec::new_with_index(index).build();
    let info = vec![LinkInfo::Kind(InfoKind::Bond), LinkInfo::Data(InfoData::Bond(parameters))];
    message.attributes.push(LinkAttribute::LinkInfo(info));
    // RTM_SETLINK ignores the parameters of a kind (net/core/rtnetlink.c, do_setlink).
    socket.ask(libc::RTM_NEWLINK, 0, &message)
}

fn has_lacp(mode: u8) -> bool {
    mode == BondMode::Dot3Ad.number()
}

/// A bond of any program, as far as the link itself tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BondRow {
    pub(super) bonding: Bonding,
    /// The other end's system identifier.
    pub(super) partner: Option<Mac>,
}

/// Reads the IFLA_INFO_DATA of a bond.
pub(super) fn decode(data: &[u8]) -> Option<BondRow> {
    let mut row = BondRow { bonding: Bonding::default(), partner: None };
    let bonding = &mut row.bonding;
    for (attribute, value) in attributes(data) {
        match attribute {
            uapi::IFLA_BOND_MODE => bonding.mode = u8_of(value)?,
            uapi::IFLA_BOND_MIIMON => bonding.miimon = u32_of(value)?,
            uapi::IFLA_BOND_XMIT_HASH_POLICY => bonding.xmit_hash = u8_of(value)?,
            uapi::IFLA_BOND_AD_LACP_RATE => bonding.lacp_rate = u8_of(value)?,
            uapi::IFLA_BOND_AD_INFO => {
                let partner = attributes(value).find(|(kind, _)| *kind == uapi::IFLA_BOND_AD_INFO_PARTNER_MAC);
                row.partner = partner.and_then(|(_, value)| mac(value));
            }
            _ => {}
        }
    }
    if !has_lacp(bonding.mode) {
        // They have values there, too, which decide nothing.
        (bonding.xmit_hash, bonding.lacp_rate) = (0, 0);
    }
    Some(row)
}

/// Reads the IFLA_INFO_SLAVE_DATA of a member, with the address that it has outside of the bond.
pub(super) fn decode_member(data: &[u8]) -> (MemberSeen, Option<Mac>) {
    let (mut active, mut carrier, mut own) = (false, false, None);
    for (attribute, value) in attributes(data) {
        match attribute {
            uapi::IFLA_BOND_SLAVE_STATE => active = u8_of(value) == Some(uapi::BOND_STATE_ACTIVE),
            uapi::IFLA_BOND_SLAVE_MII_STATUS => carrier = u8_of(value) == Some(uapi::BOND_LINK_UP),
            uapi::IFLA_BOND_SLAVE_PERM_HWADDR => own = mac(value),
            _ => {}
        }
    }
    (MemberSeen { carrier, active: active && carrier }, own)
}

/// An Ethernet address; None for all zeroes, which lo has, and a bond for a partner that it does not have.
pub(super) fn mac(value: &[u8]) -> Option<Mac> {
    <[u8; 6]>::try_from(value).ok().filter(|mac| *mac != [0; 6]).map(Mac)
}
