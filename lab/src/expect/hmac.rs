//! The HMAC TLV (RFC 8754 section 2.1.2), with SHA-256.

use std::net::Ipv6Addr;

use sha2::{Digest, Sha256};

use super::Srh;

/// The flag that Linux sets in an SRH with an HMAC, and without which Linux looks for none (SR6_FLAG1_HMAC). It is the H-flag
/// of an early draft; RFC 8754 dropped it.
pub const FLAG_HMAC: u8 = 1 << 3;

/// Length in bytes of the whole TLV.
pub const HMAC_TLV_LEN: usize = 40;

/// Appends the HMAC TLV for this source address and key.
pub fn sign(srh: &mut Srh, source: Ipv6Addr, key_id: u32, secret: &[u8]) {
    srh.flags |= FLAG_HMAC;
    let text = text(srh, source, key_id);
    // Type 5, 38 bytes; the D-bit and 15 reserved bits.
    srh.tlvs.extend([5, 38, 0, 0]);
    srh.tlvs.extend(key_id.to_be_bytes());
    srh.tlvs.extend(hmac_sha256(secret, &text));
}

/// The text that is signed (section 2.1.2.1): source address, last entry, flags, key id, all segments.
fn text(srh: &Srh, source: Ipv6Addr, key_id: u32) -> Vec<u8> {
    let last_entry = u8::try_from(srh.segments.len() - 1).expect("an SRH of a test");
    let mut text = [&source.octets()[..], &[last_entry, srh.flags], &key_id.to_be_bytes()].concat();
    srh.segments.iter().for_each(|segment| text.extend(segment.octets()));
    text
}

/// HMAC (RFC 2104) with SHA-256.
pub fn hmac_sha256(secret: &[u8], text: &[u8]) -> [u8; 32] {
    let mut key = [0; 64];
    if secret.len() > key.len() {
        key[..32].copy_from_slice(&Sha256::digest(secret));
    } else {
        key[..secret.len()].copy_from_slice(secret);
    }
    let inner = Sha256::new().chain_update(key.map(|byte| byte ^ 0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(key.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_rfc_4231() {
        let digest = hmac_sha256(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hex::encode(digest), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let digest = hmac_sha256(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(hex::encode(digest), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }

    #[test]
    fn the_text_is_in_the_order_of_the_rfc() {
        let address = |text: &str| -> Ipv6Addr { text.parse().expect("an address") };
        let mut srh = Srh::new(&[address("fc00::1"), address("fc00::2")]);
        sign(&mut srh, address("2001:db8::1"), 7, b"secret");
        assert_eq!((srh.tlvs.len(), srh.wire_len() % 8, srh.flags), (HMAC_TLV_LEN, 0, 8));
        let expected = "20010db8000000000000000000000001\
            01080000\
            0007\
            fc000000000000000000000000000002\
            fc000000000000000000000000000001";
        let text = hex::decode(expected).expect("hexadecimal");
        assert_eq!(srh.tlvs[..8], [5, 38, 0, 0, 0, 0, 0, 7]);
        assert_eq!(srh.tlvs[8..], hmac_sha256(b"secret", &text));
    }
}
