//! All links of a network, each with a tap: on which of them a payload passed, in which direction, and in which packet.
//!
//! Passages of different links are not in the order of time: each tap has a queue.

use std::fmt::Write as _;

use crate::{Error, Frame, Wire, outline};

/// A frame that passed a link.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Passage {
    /// The node it came from.
    pub from: String,
    /// The node it went to.
    pub to: String,
    /// The frame.
    pub frame: Frame,
}

/// Tapped links, and everything that has passed them.
#[derive(Debug, Default)]
pub struct Links {
    taps: Vec<(String, String, Wire)>,
    seen: Vec<Passage>,
}

impl Links {
    /// Taps a link by its end at `here`; the other end is at `there`.
    pub fn tap(&mut self, here: &str, there: &str, wire: Wire) {
        self.taps.push((here.to_owned(), there.to_owned(), wire));
    }

    /// Every passage, so far, of a packet that ends with this payload.
    ///
    /// # Errors
    /// As [`Wire::drain`].
    pub fn passages(&mut self, payload: &[u8]) -> Result<Vec<Passage>, Error> {
        for (here, there, wire) in &self.taps {
            self.seen.extend(wire.drain()?.into_iter().map(|captured| {
                let (from, to) = if captured.outgoing { (here, there) } else { (there, here) };
                Passage { from: from.clone(), to: to.clone(), frame: captured.frame }
            }));
        }
        Ok(self.seen.iter().filter(|passage| passage.frame.ends_with(payload)).cloned().collect())
    }

    /// Checks that a payload passed in these packets, each from one node to another, and in no others. `Err` shows the packets
    /// that it passed in.
    ///
    /// # Panics
    /// As [`Wire::drain`] fails.
    pub fn expect(&mut self, payload: &[u8], expected: &[(&str, &str, Vec<u8>)]) -> Result<(), String> {
        let seen = self.passages(payload).expect("the taps are read in time");
        let mut got: Vec<_> = seen.iter().map(|seen| (&*seen.from, &*seen.to, seen.frame.packet().to_vec())).collect();
        let mut expected = expected.to_vec();
        got.sort();
        expected.sort();
        if got == expected { Ok(()) } else { Err(difference(&expected, &got)) }
    }
}

fn difference(expected: &[(&str, &str, Vec<u8>)], got: &[(&str, &str, Vec<u8>)]) -> String {
    let mut text = String::new();
    for (title, packets) in [("expected", expected), ("got", got)] {
        let _ = write!(text, "  {title}:");
        for (from, to, packet) in packets {
            let bytes: String = packet.iter().map(|byte| format!("{byte:02x}")).collect();
            let _ =
                write!(text, "\n    {from} → {to}  {}\n      {bytes}", outline(&Frame::new([0; 6], [0; 6], packet)));
        }
        text.push('\n');
    }
    text
}
