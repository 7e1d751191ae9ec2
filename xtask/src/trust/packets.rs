//! `packets`: random packets through every behavior of one router, in the kernel and in the reference model of SRv6. Both have to make
//! the same of each, byte for byte. A runner compares any two sides (`Side`).
//!
//! Behaviors with a VRF are not here: some kernels have none. The tests with packets of `segbox/tests/behaviors` have them.

mod kernel;
mod make;
mod model;

use segbox_lab::{Frame, Port, difference};
use segbox_vm::Chance;

use super::campaign::{Campaign, Place, Work};
use crate::failure::Failure;
use kernel::Kernel;
use model::Model;

pub(super) const PACKETS: Campaign = Campaign {
    name: "packets",
    what: "random packets, lengths, flags, tags, TLVs and extension headers through every behavior and headend: the kernel makes of \
           each what the reference model makes, byte for byte",
    unit: "packets",
    goal: 1_000_000,
    short: Some(10_000),
    prepare: |place| Ok(Box::new(Packets::new(place)?)),
};

/// Packets that are sent before the first is looked at: far fewer than the kernel queues per CPU (1,000), and than a tap holds.
const BATCH: u32 = 100;

/// What became of a packet: the frames that left, in the order of ports.
type Left = Vec<(Port, Frame)>;

/// One of the two that are compared.
trait Side {
    /// Has these packets forwarded. Each ends with four bytes that are its place among them.
    fn pass(&mut self, packets: &[Vec<u8>]) -> Result<Vec<Left>, String>;
}

struct Packets {
    sides: [Box<dyn Side>; 2],
}

impl Packets {
    fn new(place: &Place) -> Result<Self, Failure> {
        Ok(Self { sides: [Box::new(Model::new()), Box::new(Kernel::new(place)?)] })
    }
}

impl Work for Packets {
    fn case(&mut self, _: u64, chance: &mut Chance) -> Result<u64, String> {
        let packets: Vec<Vec<u8>> = (0..BATCH).map(|number| make::packet(chance, number)).collect();
        let [expected, got] = &mut self.sides;
        let (expected, got) = (expected.pass(&packets)?, got.pass(&packets)?);
        for ((packet, expected), got) in packets.iter().zip(expected).zip(got) {
            if expected != got {
                return Err(format!("{}\n{}", hex::encode(packet), difference(&expected, &got)));
            }
        }
        Ok(u64::from(BATCH))
    }
}
