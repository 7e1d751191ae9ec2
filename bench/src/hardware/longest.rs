//! The longest packets of the cases, which the ports must carry: as sent to the box, and as the model says they come back.

use super::HardwareError;
use crate::case::{Case, Expected};
use crate::traffic::{Sizes, Spread, Stream};

/// Lengths of the longest IP packets in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Longest {
    /// Between the tester's sending port and the box.
    pub(crate) sent: u32,
    /// Between the box and the tester's receiving port.
    pub(crate) received: u32,
}

impl Longest {
    /// MTUs that the box's two ports must be set to; None if the default is enough.
    pub(crate) fn mtus(self) -> [Option<u32>; 2] {
        const ETHERNET: u32 = 1500;
        [self.sent, self.received].map(|longest| (longest > ETHERNET).then_some(longest))
    }
}

/// The longest packets of these cases. `sizes` is for cases without sizes.
///
/// # Errors
/// [`HardwareError::Blueprint`]: a case cannot have packets of this size.
pub(crate) fn longest(cases: &[Case], sizes: &Sizes) -> Result<Longest, HardwareError> {
    const ETHERNET: u32 = 14;
    let mut most = Longest::default();
    for case in cases {
        let sizes = case.sizes.as_ref().unwrap_or(sizes);
        let spread = Spread { flows: 1, targets: case.targets };
        let stream = Stream::new(&case.shape, ([2; 6], [4; 6]), sizes, spread, 1)?;
        most.sent = most.sent.max(stream.longest() - ETHERNET);
        for sequence in 0..stream.templates().len() as u64 {
            let bytes = match (case.expect)(&segbox_lab::Frame(stream.frame(sequence, 0))) {
                Some(Expected::Packet(packet)) => packet.len() as u32,
                Some(Expected::Frame(frame)) => frame.len() as u32 - ETHERNET,
                None => 0,
            };
            most.received = most.received.max(bytes);
        }
    }
    Ok(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encapsulation_makes_packets_longer_and_a_decapsulation_shorter() {
        let of = |id: &str, sizes: Sizes| {
            let case = crate::case::all().into_iter().find(|case| case.id == id).expect("a case");
            let found = longest(&[case], &sizes).expect("it fits");
            (found.sent, found.received)
        };
        // IPv6, and an SRH of two segments.
        assert_eq!(of("headend-seg6-encap", Sizes::Packet(1500)), (1500, 1580));
        assert_eq!(of("headend-seg6-encap", Sizes::Imix), (1500, 1580));
        // The frame's header is inside as well.
        assert_eq!(of("headend-seg6-l2encap", Sizes::Packet(1500)), (1500, 1594));
        assert_eq!(of("end", Sizes::Packet(1500)), (1500, 1500));
        assert_eq!(of("end-dx6", Sizes::Packet(1500)), (1500, 1420));
        assert_eq!(of("end", Sizes::Payload(64)), (152, 152));
        assert_eq!(of("end-size-1500", Sizes::Payload(64)), (1500, 1500), "the case has a size");
    }
}
