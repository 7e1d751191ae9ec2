//! Messages of nf_tables, and the batch that the kernel takes as a whole or not at all. Not here: what they are about.

use netlink_packet_core::{NLM_F_ACK, NLM_F_CREATE};

use super::uapi::*;
use crate::netlink::generic::attributes_of;
use crate::netlink::reply::{TalkError, refusal};
use crate::netlink::socket::{Raw, Socket, append};

/// The name of segbox's tables, one per address family.
pub(super) const TABLE: &str = "segbox";

/// One request of a batch.
pub(super) struct Request {
    pub(super) kind: u16,
    /// Besides NLM_F_ACK.
    pub(super) flags: u16,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// Makes something, or leaves it as it is.
    pub(super) fn make(kind: u16, family: u8, parts: impl IntoIterator<Item = (u16, Vec<u8>)>) -> Self {
        Self { kind, flags: NLM_F_CREATE, body: body(family, 0, parts) }
    }

    pub(super) fn remove(kind: u16, family: u8, parts: impl IntoIterator<Item = (u16, Vec<u8>)>) -> Self {
        Self { kind, flags: 0, body: body(family, 0, parts) }
    }
}

/// A message's content: its header (family, version, resource) and attributes.
pub(in crate::netlink) fn body(family: u8, resource: u16, parts: impl IntoIterator<Item = (u16, Vec<u8>)>) -> Vec<u8> {
    let [high, low] = resource.to_be_bytes();
    [vec![family, 0, high, low], attributes_of(parts)].concat()
}

/// Numbers of nf_tables are in network byte order.
pub(in crate::netlink) fn number(value: u32) -> Vec<u8> {
    value.to_be_bytes().into()
}

pub(in crate::netlink) fn text(value: &str) -> Vec<u8> {
    [value.as_bytes(), b"\0"].concat()
}

/// Does all of the requests or none of them.
///
/// A batch is one datagram. The kernel takes as long a one as the socket's send buffer holds, which [`Socket::room_to_send`] sees to.
pub(super) fn send(socket: &mut Socket, requests: &[Request]) -> Result<(), TalkError> {
    if requests.is_empty() {
        return Ok(());
    }
    let count = u32::try_from(requests.len()).expect("a batch has fewer than 2^32 requests");
    let first = socket.sequences(count + 2);
    let last = first.wrapping_add(count);
    let mut buffer = Vec::new();
    append(&mut buffer, NFNL_MSG_BATCH_BEGIN, 0, first, &Raw(&body(0, NFNL_SUBSYS_NFTABLES, [])));
    for (request, at) in requests.iter().zip(1..) {
        append(&mut buffer, request.kind, request.flags | NLM_F_ACK, first.wrapping_add(at), &Raw(&request.body));
    }
    append(&mut buffer, NFNL_MSG_BATCH_END, 0, last.wrapping_add(1), &Raw(&body(0, NFNL_SUBSYS_NFTABLES, [])));
    socket.room_to_send(buffer.len());
    socket.send(&buffer)?;
    // Each request has a reply, also after one that was refused. The refusal of a whole batch has the first sequence number
    // (net/netfilter/nfnetlink.c, nfnetlink_rcv_batch).
    let mut refused = None;
    loop {
        for frame in socket.receive()?.filter(Socket::is_reply) {
            let no = refusal(frame.flags, frame.payload);
            let whole = frame.sequence == first && no.is_some();
            refused = refused.or(no);
            if whole || frame.sequence == last {
                return refused.map_or(Ok(()), |no| Err(TalkError::Refused(no)));
            }
        }
    }
}
