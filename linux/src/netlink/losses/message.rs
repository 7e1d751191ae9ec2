//! A notification of the kernel, read as far as it tells of a loss. Not here: whether the router misses what it tells of.

use std::net::IpAddr;

use segbox_config::IfName;
use segbox_plan::nexthop::{END, FIRST_HOP};
use segbox_plan::repair;
use segbox_plan::route::RouteKey;
use segbox_plan::state::{AddressKey, NeighborKey, PROTOCOL};

use super::super::frame::{Frame, address_of, attributes, text_of, u8_of, u16_of, u32_of};
use super::super::links::{self, LinkRow};
use super::super::{address, nexthop, route, rule, uapi};

/// RTM_NEWNETCONF (include/uapi/linux/rtnetlink.h): a sysctl of a link changed, forwarding or rp_filter among them.
const NEWNETCONF: u16 = 80;
/// NFTA_TABLE_NAME and its kin (include/uapi/linux/netfilter/nf_tables.h).
const TABLE_NAME: u16 = 1;
/// The table that segbox has in each family of nf_tables.
const TABLE: &str = "segbox";

/// What a notification tells.
pub(super) enum Told {
    /// Nothing that segbox could miss.
    Nothing,
    /// Something that has no name here.
    Change,
    /// A link: None where it is gone.
    Link { index: u32, row: Option<LinkRow> },
    /// A thing of segbox's was taken away.
    Thing { thing: String, protocol: Option<String> },
    /// A route of any program, whole.
    Route { key: RouteKey, own: bool, gone: bool, protocol: String },
}

/// Reads a message of rtnetlink. `name` finds a link's name.
pub(super) fn read(frame: Frame<'_>, name: impl Fn(u32) -> Option<IfName>) -> Told {
    let payload = frame.payload;
    let told = match frame.kind {
        libc::RTM_NEWLINK => link(payload, true),
        libc::RTM_DELLINK => link(payload, false),
        // An address of another program may be one that the file asks for, too.
        libc::RTM_DELADDR => address_gone(payload, &name).or(Some(Told::Change)),
        libc::RTM_DELROUTE | libc::RTM_NEWROUTE => a_route(frame),
        uapi::RTM_DELNEXTHOP => nexthop::id_and_own(payload)
            .filter(|(_, own)| *own)
            .map(|(id, _)| Told::Thing { thing: repair::nexthop(id), protocol: None }),
        // Another may have replaced one of ours.
        uapi::RTM_NEWNEXTHOP => {
            nexthop::id_and_own(payload).filter(|(id, own)| !own && (FIRST_HOP..END).contains(id)).map(|_| Told::Change)
        }
        libc::RTM_DELRULE => {
            rule::decode(payload).map(|rule| Told::Thing { thing: repair::rule(&rule), protocol: None })
        }
        libc::RTM_DELNEIGH | libc::RTM_NEWNEIGH => neighbor(frame, &name),
        NEWNETCONF => Some(Told::Change),
        _ => None,
    };
    told.unwrap_or(Told::Nothing)
}

fn link(payload: &[u8], there: bool) -> Option<Told> {
    let index = u32_of(payload.get(4..)?)?;
    let row = if there { Some(links::decode(payload)?) } else { None };
    Some(Told::Link { index, row })
}

fn address_gone(payload: &[u8], name: impl Fn(u32) -> Option<IfName>) -> Option<Told> {
    let interface = name(u32_of(payload.get(4..)?)?)?;
    let address = address::prefix(payload)?;
    Some(Told::Thing { thing: repair::address(&AddressKey { interface, address }), protocol: None })
}

fn a_route(frame: Frame<'_>) -> Option<Told> {
    let (key, protocol) = route::key_and_protocol(frame.payload)?;
    let gone = frame.kind == libc::RTM_DELROUTE;
    let own = protocol == PROTOCOL;
    // A route of segbox's that comes is no loss.
    if own && !gone {
        return None;
    }
    Some(Told::Route { key, own, gone, protocol: route::protocol_name(protocol) })
}

/// A permanent neighbour of segbox's that is gone, or is no longer permanent.
fn neighbor(frame: Frame<'_>, name: impl Fn(u32) -> Option<IfName>) -> Option<Told> {
    let payload = frame.payload;
    let interface = name(u32_of(payload.get(4..)?)?)?;
    let permanent = u16_of(payload.get(8..)?)? & libc::NUD_PERMANENT != 0;
    let (mut address, mut protocol): (Option<IpAddr>, _) = (None, 0);
    for (attribute, value) in attributes(payload.get(12..)?) {
        match attribute {
            libc::NDA_DST => address = address_of(value),
            uapi::NDA_PROTOCOL => protocol = u8_of(value)?,
            _ => {}
        }
    }
    let lost = frame.kind == libc::RTM_DELNEIGH || !permanent;
    let key = NeighborKey { interface, address: address? };
    (lost && protocol == PROTOCOL).then(|| Told::Thing { thing: repair::neighbor(&key), protocol: None })
}

/// Whether a message of nf_tables tells that something was taken out of a table of segbox's. The table's name is the first attribute of
/// tables, chains, rules, sets and elements (include/uapi/linux/netfilter/nf_tables.h).
pub(super) fn takes_from_own_table(frame: Frame<'_>) -> bool {
    // The upper byte is the subsystem, NFNL_SUBSYS_NFTABLES.
    let takes = DELETES.iter().any(|kind| frame.kind == 10 << 8 | kind);
    takes
        && frame.payload.get(4..).is_some_and(|payload| {
            attributes(payload).any(|(attribute, value)| attribute == TABLE_NAME && text_of(value) == Some(TABLE))
        })
}

/// NFT_MSG_DELTABLE, _DELCHAIN, _DELRULE, _DELSET, _DELSETELEM, _DELOBJ, _DELFLOWTABLE.
const DELETES: [u16; 7] = [2, 5, 8, 11, 14, 20, 24];
