//! What the fast path (`src/bin/xdp_fast_path.rs`) and user space share: the rows that say what is done to a packet, the table of ports, the
//! control block, and the counters. Not here: which rows there are (plan), and the program.

use core::mem::size_of;

/// Nothing: the packet goes on to the kernel, which has the same SIDs and policies. Every doubt is this action.
pub const KERNEL: u8 = 0;
/// End: on to the next segment (RFC 8986, 4.1).
pub const END: u8 = 1;
/// End.X: the next segment by way of a next hop (RFC 8986, 4.2).
pub const END_X: u8 = 2;
/// End.DT6 with the main table: the inner packet by its own destination (RFC 8986, 4.6).
pub const END_DT6: u8 = 3;
/// End.DX6: the inner packet to a next hop (RFC 8986, 4.4).
pub const END_DX6: u8 = 4;
/// H.Encaps and H.Encaps.Red: outer headers in front (RFC 8986, 5.1 and 5.2).
pub const ENCAPS: u8 = 5;

/// Flag of a row: the flavor PSP.
pub const PSP: u8 = 1;

/// Flag of a port: packets to SIDs are taken here.
pub const TAKES_SIDS: u64 = 1 << 48;
/// Flag of a port: packets may leave by it.
pub const EGRESS: u64 = 1 << 49;
/// Flag of a port: packets are taken here.
pub const INGRESS: u64 = 1 << 50;
/// The bits of a port's word that hold its Ethernet address.
pub const MAC: u64 = (1 << 48) - 1;

/// Most segments of a policy: the outer headers of six take 136 bytes, and some drivers (igb) leave room for 152.
pub const MOST_SEGMENTS: usize = 6;
/// Bytes of the longest outer headers, in whole words.
pub const OUTER_WORDS: usize = (40 + 8 + 16 * MOST_SEGMENTS) / 8;
/// Most rows that are counted. A counter takes 16 bytes for each CPU.
pub const MOST_SLOTS: u32 = 1 << 17;
/// Most prefixes of `routes` and `aside`.
pub const MOST_ROUTES: usize = 1 << 20;
/// Ports by their index: those above stay with the kernel.
pub const MOST_PORTS: usize = 4096;
/// Entries of the first level of each CPU.
pub const CACHE: usize = 4096;
/// Next hops that are remembered.
pub const MOST_HOPS: usize = 4096;

/// Bytes of a key of the LPM tries: the prefix's length in bits as a u32, then the address in the order of the network.
pub const PREFIX: usize = 20;

/// A row of the map `routes`: what is done to packets to a prefix. 168 bytes.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// [`KERNEL`], [`END`] and so on.
    pub action: u8,
    /// [`PSP`].
    pub flags: u8,
    /// Bytes of outer headers.
    pub push: u8,
    /// The length of the row's prefix.
    pub length: u8,
    /// Its place in the map `counted`.
    pub slot: u32,
    /// The next hop of End.X and End.DX6.
    pub next_hop: [u8; 16],
    /// The outer headers: IPv6 and SRH. What depends on the packet is zero.
    pub outer: [u64; OUTER_WORDS],
}

/// What the freshness service tells the program, 16 bytes. Each field is one store.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// Changes with everything that may make a next hop another one.
    pub generation: u64,
    /// Until when the program may forward, in nanoseconds of CLOCK_MONOTONIC_COARSE. After that the service has died.
    pub lease: u64,
}

/// What a prefix of the map `aside` has, which only the kernel handles.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aside {
    /// It is more than 0 where a route to the prefix has several next hops: flows are spread by the kernel.
    pub several: u32,
    /// One more than the prefix's length, where another program's route has a tunnel; 0 elsewhere.
    pub tunnel: u32,
}

/// Packets of a row that the program has forwarded, per CPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Packets.
    pub packets: u64,
    /// Bytes from the IPv6 header on, as they came in.
    pub bytes: u64,
}

/// What the program did with packets beside forwarding them, per CPU. In this order they are in `status`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Answers that were looked up anew.
    pub misses: u64,
    /// Passed: the service has not renewed the lease.
    pub no_lease: u64,
    /// Passed so that the kernel keeps the neighbour's entry fresh.
    pub refreshed: u64,
    /// Passed: what the packet is, or its length, is for the kernel to judge.
    pub doubtful: u64,
}

/// A prefix of addresses: `address & mask` has to be `value`. With a mask of zero it is every address.
#[repr(C, align(8))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Masked {
    /// The address's bytes as two words of memory.
    pub value: [u64; 2],
    /// The mask's.
    pub mask: [u64; 2],
}

/// Most prefixes of sources that the program compares.
pub const MOST_SOURCES: usize = 4;

impl Masked {
    /// Of these first bits of an address.
    pub fn new(address: [u8; 16], length: u8) -> Self {
        let bits = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
        let mask = words(bits.to_be_bytes());
        let [high, low] = words(address);
        Self { value: [high & mask[0], low & mask[1]], mask }
    }

    /// Whether it is this address's prefix.
    #[inline(always)]
    pub fn holds(&self, [high, low]: [u64; 2]) -> bool {
        ((high & self.mask[0]) ^ self.value[0]) | ((low & self.mask[1]) ^ self.value[1]) == 0
    }
}

/// The two halves of an address, as words of memory.
#[inline(always)]
pub fn words([a, b, c, d, e, f, g, h, rest @ ..]: [u8; 16]) -> [u64; 2] {
    [u64::from_ne_bytes([a, b, c, d, e, f, g, h]), u64::from_ne_bytes(rest)]
}

/// The key of a prefix in the LPM tries.
pub fn prefix_key(length: u8, address: [u8; 16]) -> [u8; PREFIX] {
    let mut key = [0; PREFIX];
    key[..4].copy_from_slice(&u32::from(length).to_ne_bytes());
    key[4..].copy_from_slice(&address);
    key
}

impl Row {
    /// Bytes of a row.
    pub const SIZE: usize = size_of::<Self>();

    /// A row that leaves a prefix to the kernel.
    pub fn kernel(length: u8) -> Self {
        Self { action: KERNEL, flags: 0, push: 0, length, slot: 0, next_hop: [0; 16], outer: [0; OUTER_WORDS] }
    }

    /// The row as it is in memory.
    pub fn bytes(&self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..4].copy_from_slice(&[self.action, self.flags, self.push, self.length]);
        bytes[4..8].copy_from_slice(&self.slot.to_ne_bytes());
        bytes[8..24].copy_from_slice(&self.next_hop);
        for (place, word) in bytes[24..].chunks_exact_mut(8).zip(self.outer) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    /// The action and the slot of a row in memory; None if it is too short for one.
    pub fn action_and_slot(bytes: &[u8]) -> Option<(u8, u32)> {
        let slot = bytes.get(4..8)?.first_chunk()?;
        (bytes.len() == Self::SIZE).then(|| (bytes[0], u32::from_ne_bytes(*slot)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_in_memory_as_the_program_reads_it() {
        let mut row = Row { flags: PSP, push: 64, slot: 0x01020304, next_hop: [7; 16], ..Row::kernel(48) };
        (row.action, row.outer[0], row.outer[OUTER_WORDS - 1]) = (ENCAPS, 9, 10);
        assert_eq!((core::mem::offset_of!(Row, slot), core::mem::offset_of!(Row, next_hop)), (4, 8));
        assert_eq!((core::mem::offset_of!(Row, outer), Row::SIZE), (24, 168));
        let bytes = row.bytes();
        assert_eq!(Row::action_and_slot(&bytes), Some((ENCAPS, 0x01020304)));
        assert_eq!((bytes[1], bytes[2], bytes[3], &bytes[8..24]), (PSP, 64, 48, &[7; 16][..]));
        assert_eq!((bytes[24], bytes[160]), (9, 10));
        assert_eq!(Row::action_and_slot(&bytes[1..]), None);
    }

    #[test]
    fn a_mask_holds_the_first_bits_of_an_address() {
        let mut address_of = [0xfc, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let here = words(address_of);
        for length in [0, 1, 16, 32, 64, 65, 128] {
            assert!(Masked::new(address_of, length).holds(here), "/{length}");
        }
        address_of[3] = 4;
        assert!(!Masked::new(address_of, 32).holds(here));
        assert!(Masked::new(address_of, 31).holds(here));
        assert!(!Masked::new([0; 16], 128).holds(here));
    }

    #[test]
    fn layouts_have_the_documented_size() {
        let sizes = (size_of::<Control>(), size_of::<Aside>(), size_of::<Counted>(), size_of::<Masked>());
        assert_eq!(sizes, (16, 8, 16, 32));
    }
}
