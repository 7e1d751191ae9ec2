//! Any bytes are read as an SRH without a panic; one that is read has its segments and TLVs within its length, and the reference model
//! reads the same. A header that is written is read as what was written.

#![no_main]

use segbox_fastpath_ebpf::{NewSrh, Srh};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(srh) = Srh::parse(bytes) {
        assert!(srh.total_len() <= bytes.len());
        assert_eq!(srh.segments().len(), usize::from(srh.last_entry()) + 1);
        assert_eq!(srh.segment(srh.last_entry()), srh.segments().next_back());
        let mut length = 8 + 16 * srh.segments().len();
        for tlv in srh.tlvs() {
            let Ok(tlv) = tlv else { break };
            length += tlv.wire_len();
        }
        assert!(length <= srh.total_len(), "{length} of {}", srh.total_len());
    }
    let (segments, _) = bytes.as_chunks::<16>();
    let fresh = NewSrh::new(41, segments);
    let mut out = vec![0; fresh.wire_len()];
    if let Ok(length) = fresh.write(&mut out) {
        let read = Srh::parse(&out[..length]).expect("what was written can be read");
        // The last segment comes first.
        assert!(read.segments().eq(segments.iter().rev().copied()));
    }
});
