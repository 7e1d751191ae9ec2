//! A packet that may be for the fast path, read in place. Not here: what is done to it.

use aya_ebpf::bindings::xdp_md;

pub(crate) const ETHERNET: usize = 14;
pub(crate) const IPV6: usize = 40;
/// Ethernet, IPv6, and 8 bytes more: the fixed part of an SRH, or of UDP.
const HEADERS: usize = ETHERNET + IPV6 + 8;
/// ETH_P_IPV6 as it is in a frame.
pub(crate) const ETH_P_IPV6: u16 = 0x86ddu16.to_be();
pub(crate) const TCP: u8 = 6;
const UDP: u8 = 17;
const INNER_IPV6: u8 = 41;
const ROUTING: u8 = 43;
const GRE: u8 = 47;
const ESP: u8 = 50;
const ICMPV6: u8 = 58;
const SCTP: u8 = 132;
/// The routing type of an SRH.
const SRH: u8 = 4;
/// The last entry of the longest SRH that is read.
const LAST_ENTRY: u8 = 15;

/// A packet with an SRH that has segments left.
pub(crate) const IN_PATH: u8 = 1;
/// A packet with an IPv6 packet inside, and no segment left.
pub(crate) const AT_END: u8 = 2;
/// Any other packet, for a policy.
pub(crate) const PLAIN: u8 = 3;

/// A packet. All of it is in registers.
#[derive(Clone, Copy)]
pub(crate) struct Packet {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The first word of the IPv6 header: version, class and label, length, next header, hop limit.
    pub(crate) head: u64,
    pub(crate) source: [u64; 2],
    pub(crate) destination: [u64; 2],
    /// [`IN_PATH`], [`AT_END`] or [`PLAIN`].
    pub(crate) shape: u8,
    /// The next segment, the inner destination, or the source.
    pub(crate) second: [u64; 2],
    pub(crate) segments_left: u8,
    pub(crate) srh_next: u8,
    /// Bytes of the SRH, if there is one.
    pub(crate) srh_length: usize,
    /// Bytes of the headers around the inner packet.
    pub(crate) strip: usize,
}

/// A word of the packet. Fields of packed structures would be read byte by byte, which takes a fifth of the program's time.
#[inline(always)]
pub(crate) fn load<T: Copy>(at: usize) -> T {
    // SAFETY: the caller has compared the place with the packet's end, or the verifier refuses the program. x86 and BPF's JIT for it read at any
    // address.
    unsafe { *(at as *const T) }
}

/// Writes a word of the packet.
#[inline(always)]
pub(crate) fn store<T>(at: usize, value: T) {
    // SAFETY: as for `load`.
    unsafe { *(at as *mut T) = value };
}

/// Where a frame begins and ends now.
#[inline(always)]
pub(crate) fn bounds(context: *mut xdp_md) -> (usize, usize) {
    // SAFETY: the kernel calls the program with its context.
    unsafe { ((*context).data as usize, (*context).data_end as usize) }
}

impl Packet {
    /// The packet of a frame; None: it is for the kernel.
    #[inline(always)]
    pub(crate) fn read(start: usize, end: usize) -> Option<Self> {
        if start + HEADERS > end || load::<u16>(start + 12) != ETH_P_IPV6 {
            return None;
        }
        let head: u64 = load(start + ETHERNET);
        let protocol = (head >> 48) as u8;
        let srh: u64 = load(start + 54);
        let source = [load(start + 22), load(start + 30)];
        let mut packet = Self {
            start,
            end,
            head,
            source,
            destination: [load(start + 38), load(start + 46)],
            shape: PLAIN,
            second: source,
            segments_left: (srh >> 24) as u8,
            srh_next: srh as u8,
            srh_length: 0,
            strip: IPV6,
        };
        match protocol {
            ROUTING => packet.read_srh(srh)?,
            INNER_IPV6 => packet.read_inner()?,
            TCP | UDP | ICMPV6 | GRE | ESP | SCTP => {}
            // Extension headers, and what is no transport.
            _ => return None,
        }
        Some(packet)
    }

    #[inline(always)]
    fn read_srh(&mut self, srh: u64) -> Option<()> {
        let (length, kind, last_entry) = ((srh >> 8) as u8, (srh >> 16) as u8, (srh >> 32) as u8);
        // TLVs, HMACs among them, are for the kernel.
        if kind != SRH || last_entry > LAST_ENTRY || length != last_entry * 2 + 2 {
            return None;
        }
        self.srh_length = 8 + (length as usize & 0x3e) * 8;
        if self.segments_left == 0 {
            self.strip = IPV6 + self.srh_length;
            return (self.srh_next == INNER_IPV6).then(|| self.read_inner())?;
        }
        // A reduced SRH has one segment less.
        if self.segments_left > last_entry + 1 {
            return None;
        }
        let at = self.start + HEADERS + ((self.segments_left as usize - 1) & LAST_ENTRY as usize) * 16;
        if at + 16 > self.end {
            return None;
        }
        (self.shape, self.second) = (IN_PATH, [load(at), load(at + 8)]);
        Some(())
    }

    #[inline(always)]
    fn read_inner(&mut self) -> Option<()> {
        let at = self.start + ETHERNET + self.strip;
        if at + IPV6 > self.end {
            return None;
        }
        (self.shape, self.second) = (AT_END, [load(at + 24), load(at + 32)]);
        Some(())
    }

    /// What follows the IPv6 header.
    #[inline(always)]
    pub(crate) fn protocol(&self) -> u8 {
        (self.head >> 48) as u8
    }

    #[inline(always)]
    pub(crate) fn hop_limit(&self) -> u8 {
        (self.head >> 56) as u8
    }

    #[inline(always)]
    pub(crate) fn payload_length(&self) -> u16 {
        u16::from_be((self.head >> 32) as u16)
    }

    /// Whether a router forwards it at all.
    #[inline(always)]
    pub(crate) fn is_fine(&self) -> bool {
        is_forwarded(self.head, self.source[0] as u8)
    }

    /// The first word with another length, next header and hop limit.
    #[inline(always)]
    pub(crate) fn head_with(&self, length: u16, next: u8, hop_limit: u8) -> u64 {
        let (length, next) = (u64::from(length.to_be()) << 32, u64::from(next) << 48);
        (self.head & 0xffff_ffff) | length | next | (u64::from(hop_limit) << 56)
    }
}

/// Whether a packet with this first word, and a source that begins with this byte, is forwarded: not one at its last hop, and not one from ::/8,
/// fe80::/9 or ff00::/8.
#[inline(always)]
pub(crate) fn is_forwarded(head: u64, class: u8) -> bool {
    // The low byte of a word of memory is its first.
    (head as u8) >> 4 == 6 && (head >> 56) as u8 > 1 && class != 0 && class < 0xfe
}

/// Whether this protocol hides no TCP.
#[inline(always)]
pub(crate) fn is_plain(protocol: u8) -> bool {
    matches!(protocol, UDP | ICMPV6 | GRE | ESP | SCTP)
}
