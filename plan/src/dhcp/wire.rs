//! DHCP messages and ARP probes as bytes, by smoltcp's codec. Not here: what a message means.

use std::net::Ipv4Addr;

use segbox_config::Mac;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpHardware, ArpOperation, ArpPacket, ArpRepr, DHCP_CLIENT_PORT, DHCP_SERVER_PORT, DhcpFlags, DhcpMessageType,
    DhcpOpCode, DhcpOption, DhcpPacket, EthernetAddress, IpProtocol, Ipv4Packet, Ipv4Repr, UdpPacket, UdpRepr,
};

use super::LONGEST;
use super::lie::Lie;
use super::options::{self, Options};

/// The shortest message that every relay passes on (RFC 1542, 2.1).
const SHORTEST: usize = 300;
/// The fields before the options, with the magic cookie.
const FIXED: usize = 240;
const COOKIE: u32 = 0x6382_5363;

/// The kind of a client's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Who has an address?
    Discover,
    /// This address is asked for, again or for the first time.
    Request,
    /// The address is another's.
    Decline,
    /// The address is given back.
    Release,
}

/// A message of the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its kind.
    pub kind: Kind,
    /// The transaction.
    pub xid: u32,
    /// Seconds since the client began.
    pub secs: u16,
    /// The client's hardware address.
    pub mac: Mac,
    /// The client's address, where it uses it already.
    pub client: Option<Ipv4Addr>,
    /// The address that is asked for (option 50).
    pub address: Option<Ipv4Addr>,
    /// The server that is meant (option 54).
    pub server: Option<Ipv4Addr>,
    /// The box's name (option 12).
    pub hostname: Option<String>,
}

impl Request {
    /// The message, as UDP's payload.
    fn payload(&self) -> Vec<u8> {
        let mut bytes = vec![0; FIXED];
        let mut packet = DhcpPacket::new_unchecked(&mut bytes);
        packet.set_opcode(DhcpOpCode::Request);
        packet.set_hardware_type(ArpHardware::Ethernet);
        packet.set_hardware_len(6);
        packet.set_transaction_id(self.xid);
        packet.set_secs(self.secs);
        // The socket takes what comes to the port's hardware address, so a server need not broadcast.
        packet.set_flags(DhcpFlags::empty());
        packet.set_client_ip(self.client.unwrap_or(Ipv4Addr::UNSPECIFIED));
        packet.set_client_hardware_address(EthernetAddress(self.mac.0));
        packet.set_magic_number(COOKIE);
        let mut add = |kind: u8, data: &[u8]| {
            let start = bytes.len();
            bytes.resize(start + 2 + data.len(), 0);
            let mut writer = smoltcp::wire::DhcpOptionWriter::new(&mut bytes[start..]);
            writer
                .emit(DhcpOption { kind, data })
                .expect("there is room for it, and no option is longer than 255 bytes");
        };
        let kind = match self.kind {
            Kind::Discover => DhcpMessageType::Discover,
            Kind::Request => DhcpMessageType::Request,
            Kind::Decline => DhcpMessageType::Decline,
            Kind::Release => DhcpMessageType::Release,
        };
        add(options::MESSAGE_TYPE, &[kind.into()]);
        let mut identifier = [1; 7];
        identifier[1..].copy_from_slice(&self.mac.0);
        add(options::CLIENT_IDENTIFIER, &identifier);
        if let Some(address) = self.address {
            add(options::REQUESTED_ADDRESS, &address.octets());
        }
        if let Some(server) = self.server {
            add(options::SERVER_IDENTIFIER, &server.octets());
        }
        if matches!(self.kind, Kind::Discover | Kind::Request) {
            let longest = u16::try_from(LONGEST - 28).expect("it is below 65536");
            add(options::MAXIMUM_MESSAGE_SIZE, &longest.to_be_bytes());
            add(options::PARAMETER_LIST, &options::ASKED);
            let name = self.hostname.as_deref().filter(|name| (1..=63).contains(&name.len()));
            name.into_iter().for_each(|name| add(options::HOST_NAME, name.as_bytes()));
        }
        bytes.push(options::END);
        bytes.resize(bytes.len().max(SHORTEST), 0);
        bytes
    }

    /// The whole IPv4 packet.
    pub fn packet(&self, from: Ipv4Addr, to: Ipv4Addr) -> Vec<u8> {
        datagram((from, DHCP_CLIENT_PORT), (to, DHCP_SERVER_PORT), &self.payload())
    }
}

/// An IPv4 packet with a UDP datagram.
pub(super) fn datagram(from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), payload: &[u8]) -> Vec<u8> {
    let checksums = ChecksumCapabilities::default();
    let udp = UdpRepr { src_port: from.1, dst_port: to.1 };
    let payload_len = udp.header_len() + payload.len();
    let ip = Ipv4Repr { src_addr: from.0, dst_addr: to.0, next_header: IpProtocol::Udp, payload_len, hop_limit: 64 };
    let mut bytes = vec![0; ip.buffer_len() + payload_len];
    ip.emit(&mut Ipv4Packet::new_unchecked(&mut bytes[..]), &checksums);
    let mut inner = UdpPacket::new_unchecked(&mut bytes[ip.buffer_len()..]);
    let copy = |room: &mut [u8]| room.copy_from_slice(payload);
    udp.emit(&mut inner, &from.0.into(), &to.0.into(), payload.len(), copy, &checksums);
    bytes
}

/// The kind of a server's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// DHCPOFFER.
    Offer,
    /// DHCPACK.
    Ack,
    /// DHCPNAK.
    Nak,
}

/// A message of a server to this client. What its options say is not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its kind.
    pub answer: Answer,
    /// The transaction.
    pub xid: u32,
    /// The address that the client gets.
    pub address: Ipv4Addr,
    /// Its options, those in `file` and `sname` too.
    pub options: Options,
    /// The hardware address that it came from: the server's, or a relay's.
    pub from: Mac,
}

/// Reads an IPv4 packet. `from` is the hardware address that it came from, `checksummed` is false where the kernel has put off the checksum of a
/// packet that never was on a wire. Ok(None): it is not for this client.
///
/// # Errors
/// It is for this client, and is damaged.
pub fn read(packet: &[u8], from: Mac, own: Mac, checksummed: bool) -> Result<Option<Reply>, Lie> {
    if packet.len() > LONGEST {
        return Err(Lie::Huge);
    }
    let Some(payload) = payload(packet, checksummed) else { return Ok(None) };
    let Ok(message) = DhcpPacket::new_checked(payload) else { return Ok(None) };
    let for_this_client = message.opcode() == DhcpOpCode::Reply
        && message.hardware_len() == 6
        && message.client_hardware_address() == EthernetAddress(own.0)
        && message.magic_number() == COOKIE;
    if !for_this_client {
        return Ok(None);
    }
    let options = Options::read(payload)?;
    let answer = match options.kind().map(DhcpMessageType::from) {
        Some(DhcpMessageType::Offer) => Answer::Offer,
        Some(DhcpMessageType::Ack) => Answer::Ack,
        Some(DhcpMessageType::Nak) => Answer::Nak,
        _ => return Err(Lie::NoKind),
    };
    Ok(Some(Reply { answer, xid: message.transaction_id(), address: message.your_ip(), options, from }))
}

/// The payload of a UDP datagram to the client's port.
fn payload(packet: &[u8], checksummed: bool) -> Option<&[u8]> {
    let ip = Ipv4Packet::new_checked(packet).ok()?;
    let (from, to) = (ip.src_addr(), ip.dst_addr());
    let whole = ip.version() == 4 && ip.verify_checksum() && !ip.more_frags() && ip.frag_offset() == 0;
    if !whole || ip.next_header() != IpProtocol::Udp {
        return None;
    }
    let udp = UdpPacket::new_checked(ip.payload()).ok()?;
    let sound = !checksummed || udp.verify_checksum(&from.into(), &to.into());
    (sound && udp.dst_port() == DHCP_CLIENT_PORT).then(|| udp.payload())
}

/// The ARP request that asks whether somebody has an address (RFC 5227, 2.1.1).
pub fn probe(own: Mac, address: Ipv4Addr) -> Vec<u8> {
    let probe = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr: EthernetAddress(own.0),
        source_protocol_addr: Ipv4Addr::UNSPECIFIED,
        target_hardware_addr: EthernetAddress([0; 6]),
        target_protocol_addr: address,
    };
    let mut bytes = vec![0; probe.buffer_len()];
    probe.emit(&mut ArpPacket::new_unchecked(&mut bytes));
    bytes
}

/// The address that an ARP packet of another station speaks of as its own, or asks for as this client does.
pub fn claims(packet: &[u8], own: Mac) -> Option<Ipv4Addr> {
    let arp = ArpRepr::parse(&ArpPacket::new_checked(packet).ok()?).ok()?;
    let ArpRepr::EthernetIpv4 { operation, source_hardware_addr, source_protocol_addr, target_protocol_addr, .. } = arp
    else {
        return None;
    };
    let probes = operation == ArpOperation::Request && source_protocol_addr.is_unspecified();
    let claimed = if probes { target_protocol_addr } else { source_protocol_addr };
    (source_hardware_addr != EthernetAddress(own.0)).then_some(claimed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const OTHER: Mac = Mac([2, 0, 0, 0, 0, 2]);

    #[test]
    fn a_request_is_what_a_server_reads() {
        let request = Request {
            kind: Kind::Request,
            xid: 7,
            secs: 3,
            mac: OWN,
            client: None,
            address: Some([192, 0, 2, 9].into()),
            server: Some([192, 0, 2, 1].into()),
            hostname: Some("r2".to_owned()),
        };
        let packet = request.packet(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);
        let ip = Ipv4Packet::new_checked(&packet[..]).expect("whole");
        let udp = UdpPacket::new_checked(ip.payload()).expect("whole");
        assert!(ip.verify_checksum() && udp.verify_checksum(&ip.src_addr().into(), &ip.dst_addr().into()));
        assert_eq!((udp.src_port(), udp.dst_port(), udp.payload().len()), (68, 67, 300));
        let message = DhcpPacket::new_checked(udp.payload()).expect("whole");
        let read = smoltcp::wire::DhcpRepr::parse(&message).expect("a message");
        assert_eq!(read.message_type, DhcpMessageType::Request);
        assert_eq!((read.transaction_id, read.secs), (7, 3));
        assert_eq!(read.requested_ip, request.address);
        assert_eq!(read.server_identifier, request.server);
        assert_eq!(read.client_identifier, Some(EthernetAddress(OWN.0)));
        assert_eq!(read.max_size, Some(1472));
    }

    #[test]
    fn no_packet_stumbles_and_what_is_not_for_this_client_is_nothing() {
        let whole: Vec<u8> = (0..=255).cycle().take(700).collect();
        for length in 0..whole.len() {
            assert_eq!(read(&whole[..length], OTHER, OWN, true), Ok(None));
            claims(&whole[..length], OWN);
        }
        let own = Request {
            kind: Kind::Discover,
            xid: 7,
            secs: 0,
            mac: OWN,
            client: None,
            address: None,
            server: None,
            hostname: None,
        };
        let asked = datagram((Ipv4Addr::UNSPECIFIED, 68), (Ipv4Addr::BROADCAST, 68), &own.payload());
        assert_eq!(read(&asked, OTHER, OWN, true), Ok(None), "a request is no reply");
        assert_eq!(read(&vec![0; 1501], OTHER, OWN, true), Err(Lie::Huge));
    }

    #[test]
    fn a_probe_is_no_claim_of_its_sender_and_one_of_another_is() {
        let address = Ipv4Addr::new(192, 0, 2, 9);
        assert_eq!(claims(&probe(OWN, address), OWN), None);
        assert_eq!(claims(&probe(OTHER, address), OWN), Some(address));
    }
}
