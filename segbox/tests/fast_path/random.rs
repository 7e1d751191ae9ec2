//! Mutated packets through the fast path and through the kernel: the same frames leave, whatever their order.

use segbox_lab::Frame;

use crate::bed::{Bed, FILE};
use crate::same_bytes::packets;
use crate::support::segbox::status;
use crate::support::through::Port;

/// Packets that are sent before the frames are read: no queue overflows.
const BATCH: usize = 32;

/// A generator of numbers that is the same in each run (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }
}

/// A packet of the tables, with up to two of its bytes changed, and now and then cut or followed by others.
fn mutated([taken, passed]: &[Vec<Vec<u8>>; 2], chance: &mut Chance) -> Vec<u8> {
    let all = if chance.below(6) > 0 { taken } else { passed };
    let mut packet = all[chance.below(all.len())].clone();
    for _ in 0..chance.below(3) {
        // Lengths, types and numbers are in the first bytes of headers; addresses seldom matter.
        let place = chance.below(packet.len().min(120));
        packet[place] = match chance.below(3) {
            0 => chance.below(256) as u8,
            1 => packet[place] ^ 1 << chance.below(8),
            _ => chance.below(8) as u8,
        };
    }
    match chance.below(12) {
        0 => packet.truncate(packet.len() - 1 - chance.below(8)),
        1 => packet.resize(packet.len() + 1 + chance.below(8), 0),
        _ => {}
    }
    packet
}

/// The frames that leave the router, sorted, without ICMP errors: the kernel limits their rate.
fn through(bed: &Bed, seed: u64, count: usize) -> Vec<(Port, Frame)> {
    let (all, mut chance) = (packets(), Chance(seed));
    let mut out = Vec::new();
    for _ in 0..count.div_ceil(BATCH) {
        let batch: Vec<Frame> = (0..BATCH).map(|_| bed.through.frame_in(&mutated(&all, &mut chance))).collect();
        out.extend(bed.out_of(&batch));
    }
    out.sort();
    out
}

fn compare(seed: u64, count: usize) {
    let bed = Bed::forwarding(&FILE);
    let fast = through(&bed, seed, count);
    let status = status(bed.through.router());
    let rows = ["sids", "policies"].map(|list| status[list].as_array().cloned().unwrap_or_default());
    let taken: u64 = rows.iter().flatten().filter_map(|row| row["xdp_packets"].as_u64()).sum();
    bed.apply(&FILE.replace("\"xdp\"", "\"kernel\""));
    let kernel = through(&bed, seed, count);
    let differ = |one: &[(Port, Frame)], other: &[(Port, Frame)]| -> Vec<(Port, Frame)> {
        one.iter().filter(|frame| other.binary_search(frame).is_err()).take(3).cloned().collect()
    };
    let (lost, new) = (differ(&kernel, &fast), differ(&fast, &kernel));
    assert!(lost.is_empty() && new.is_empty(), "seed {seed}:\n{}", segbox_lab::difference(&lost, &new));
    assert_eq!(fast.len(), kernel.len(), "seed {seed}");
    assert!(taken as usize >= count / 3, "only {taken} of {count} packets took the fast path");
}

#[test]
fn mutated_packets_leave_as_the_kernel_sends_them() {
    compare(0x5e6b_0001, 4_000);
}

#[test]
fn slow_many_mutated_packets_leave_as_the_kernel_sends_them() {
    compare(0x5e6b_0002, 100_000);
}
