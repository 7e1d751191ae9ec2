//! Domain names in options: one as text (option 15), and a list in the encoding of DNS (option 119, RFC 3397). A name goes into resolv.conf, so
//! only the letters of host names pass. Not here: the options.

/// The most names of a list; resolvers take six.
const MOST: usize = 6;

/// A domain's name as text; None where it is none.
pub(crate) fn text(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?.trim_end_matches('\0').trim_end_matches('.');
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    (text.len() <= 253 && text.split('.').all(label)).then(|| text.to_owned())
}

/// The names of a list in the encoding of DNS (RFC 1035, 4.1.4), up to the first that is none.
pub(crate) fn list(bytes: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut at = 0;
    while at < bytes.len() && names.len() < MOST {
        let Some((name, next)) = one(bytes, at) else { break };
        // RDNSS pads its list with empty names.
        if !name.is_empty() {
            let Some(name) = text(&name) else { break };
            names.push(name);
        }
        at = next;
    }
    names
}

/// A name that begins at `at`, and where the next one does. A pointer leads back, so that a circle ends.
fn one(bytes: &[u8], mut at: usize) -> Option<(Vec<u8>, usize)> {
    let mut name = Vec::new();
    let mut next = None;
    loop {
        let length = usize::from(*bytes.get(at)?);
        match length {
            0 => return Some((name, next.unwrap_or(at + 1))),
            1..=63 => {
                if !name.is_empty() {
                    name.push(b'.');
                }
                name.extend(bytes.get(at + 1..at + 1 + length)?);
                at += 1 + length;
            }
            _ if length >= 0xc0 => {
                let target = (length & 0x3f) << 8 | usize::from(*bytes.get(at + 1)?);
                next = next.or(Some(at + 2));
                if target >= at {
                    return None;
                }
                at = target;
            }
            _ => return None,
        }
        if name.len() > 255 {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_with_pointers_and_nothing_else_passes() {
        // RFC 3397, section 2.
        let eng = b"\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04";
        assert_eq!(list(eng), ["eng.apple.com", "marketing.apple.com"]);
        for wrong in
            [&b"\x03eng"[..], b"\x03a\nb\x00", b"\xc0\x00", b"\x01a\xc0\x00", b"\x80a\x00", b"\xc0", b"\x03a b\x00"]
        {
            assert_eq!(list(wrong), [""; 0], "{wrong:?}");
        }
        assert_eq!(text(b"lab.example.\0").as_deref(), Some("lab.example"));
        for wrong in [&b""[..], b".", b"a..b", b"a b", b"a\nnameserver 192.0.2.66", b"\xff", &[b'a'; 64]] {
            assert_eq!(text(wrong), None, "{wrong:?}");
        }
    }
}
