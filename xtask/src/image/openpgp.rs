//! An RSA key and its signatures as OpenPGP packets (RFC 4880): the only signatures that GRUB checks without shim. Only encodes:
//! openssl signs.

/// Signature type: a binary document.
const BINARY: u8 = 0x00;
/// Public-key algorithm 1.
const RSA: u8 = 1;
/// Hash algorithm 8.
const SHA256: u8 = 8;
/// Packet tags.
const SIGNATURE: u8 = 2;
const PUBLIC_KEY: u8 = 6;
/// Subpackets: time of the signature, and identifier of the key.
const CREATED: u8 = 2;
const ISSUER: u8 = 16;

/// A public key.
pub(super) struct PublicKey(Vec<u8>);

impl PublicKey {
    /// The public key of an RSA key. Its identifier is a hash over the packet. The time in it is zero, so that the same key always has
    /// the same identifier.
    pub(super) fn new(modulus: &[u8], exponent: &[u8]) -> Self {
        let mut body = vec![4, 0, 0, 0, 0, RSA];
        body.extend(number(modulus));
        body.extend(number(exponent));
        Self(body)
    }

    /// The packet, as a keyring has it.
    pub(super) fn packet(&self) -> Vec<u8> {
        packet(PUBLIC_KEY, &self.0)
    }

    /// The bytes whose SHA-1 is the fingerprint.
    pub(super) fn fingerprinted(&self) -> Vec<u8> {
        // The same as the packet: tag 6 with a length of two bytes.
        self.packet()
    }
}

/// A signature in the making.
pub(super) struct Signing {
    hashed: Vec<u8>,
}

impl Signing {
    /// A signature of this time, in seconds since 1970.
    pub(super) fn at(time: u32) -> Self {
        let mut hashed = vec![4, BINARY, RSA, SHA256, 0, 6, 5, CREATED];
        hashed.extend(time.to_be_bytes());
        Self { hashed }
    }

    /// The bytes that are hashed and signed for a file of this content.
    pub(super) fn signed(&self, content: &[u8]) -> Vec<u8> {
        let mut all = content.to_vec();
        all.extend(&self.hashed);
        all.extend([4, 0xff, 0, 0, 0]);
        all.push(u8::try_from(self.hashed.len()).expect("twelve bytes"));
        all
    }

    /// The packet, which is a file's `.sig`. `hash` is the SHA-256 of the signed bytes, `signature` RSA's number.
    pub(super) fn packet(&self, fingerprint: &[u8; 20], hash: &[u8], signature: &[u8]) -> Vec<u8> {
        let mut body = self.hashed.clone();
        body.extend([0, 10, 9, ISSUER]);
        body.extend(&fingerprint[12..]);
        body.extend(&hash[..2]);
        body.extend(number(signature));
        packet(SIGNATURE, &body)
    }
}

/// A packet with a length field of two bytes, which suffices for keys and signatures.
fn packet(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("a key of at most 16384 bits");
    let mut packet = vec![0x80 | tag << 2 | 1];
    packet.extend(length.to_be_bytes());
    packet.extend(body);
    packet
}

/// A number with its length in bits before it.
fn number(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let digits = &bytes[zeros..];
    let bits = digits.first().map_or(0, |first| digits.len() * 8 - first.leading_zeros() as usize);
    let mut number = u16::try_from(bits).expect("a key of at most 16384 bits").to_be_bytes().to_vec();
    number.extend(digits);
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_bits_and_no_zeros_before_them() {
        assert_eq!(number(&[0, 1, 0, 1]), [0, 17, 1, 0, 1]);
        assert_eq!(number(&[0xff]), [0, 8, 0xff]);
        assert_eq!(number(&[0]), [0, 0]);
    }

    #[test]
    fn packets_are_as_the_rfc_has_them() {
        let key = PublicKey::new(&[0x80, 1], &[3]);
        assert_eq!(key.packet(), [0x99, 0, 13, 4, 0, 0, 0, 0, 1, 0, 16, 0x80, 1, 0, 2, 3]);
        let signing = Signing::at(0x0102_0304);
        assert_eq!(signing.signed(b"x"), *b"x\x04\x00\x01\x08\x00\x06\x05\x02\x01\x02\x03\x04\x04\xff\x00\x00\x00\x0c");
        let mut fingerprint = [0; 20];
        fingerprint[12..].copy_from_slice(b"12345678");
        let packet = signing.packet(&fingerprint, &[7, 8, 9], &[5]);
        assert_eq!(packet[..3], [0x89, 0, 29]);
        assert_eq!(packet[15..], *b"\x00\x0a\x09\x1012345678\x07\x08\x00\x03\x05");
    }
}
