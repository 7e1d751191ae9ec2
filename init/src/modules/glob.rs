//! Matches the patterns of modules.alias, as fnmatch(3) does: `*`, `?` and `[..]`. Allocates no memory and never recurses.
//! Patterns come from a file, and the time must stay below the pattern's length times the text's length.

/// Whether the whole of `text` matches `pattern`.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut on) = (0, 0);
    // The last star, and the current end of its match. On a mismatch it takes one more character.
    let mut star: Option<(usize, usize)> = None;
    while on < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, on));
                at += 1;
            }
            Some(_) if let Some(next) = one(pattern, at, text[on]) => {
                at = next;
                on += 1;
            }
            _ => {
                let Some((back, taken)) = star else { return false };
                star = Some((back, taken + 1));
                (at, on) = (back + 1, taken + 1);
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

/// Matches one character at `at`; returns where the pattern continues.
fn one(pattern: &[u8], at: usize, character: u8) -> Option<usize> {
    match pattern[at] {
        b'?' => Some(at + 1),
        b'[' => class(&pattern[at + 1..], character).map(|length| at + 1 + length),
        plain => (plain == character).then_some(at + 1),
    }
}

/// Matches a class, `0-9a]` without its opening bracket; returns its length if it contains the character.
fn class(class: &[u8], character: u8) -> Option<usize> {
    let end = class.iter().position(|byte| *byte == b']')?;
    let mut members = &class[..end];
    let mut found = false;
    while let [first, rest @ ..] = members {
        if let [b'-', last, rest @ ..] = rest {
            found |= (*first..=*last).contains(&character);
            members = rest;
        } else {
            found |= *first == character;
            members = rest;
        }
    }
    found.then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn fits_what_the_kernel_writes() {
        let virtio = "pci:v00001AF4d00001041sv00001AF4sd00001100bc02sc00i00";
        assert!(fits("pci:v00001AF4d*sv*sd*bc*sc*i*", virtio));
        assert!(!fits("pci:v00001AF5d*sv*sd*bc*sc*i*", virtio));
        assert!(fits("virtio:d00000001v*", "virtio:d00000001v00001AF4"));
        assert!(fits("usb:v*p*d*dc*dsc*dp*ic08isc06ip50in*", "usb:v46F4p0001d0000dc00dsc00dp00ic08isc06ip50in00"));
        assert!(fits("acpi*:QEMU0002:*", "acpi:QEMU0002:"));
        assert!(fits("dmi*:[bs]vn*", "dmi:bvnSeaBIOS"));
        assert!(fits(
            "x86cpu:vendor:*:family:*:model:*:feature:*00[8-9A]*",
            "x86cpu:vendor:0:family:6:model:1:feature:,009,"
        ));
    }

    #[test]
    fn a_pattern_fits_the_whole_text_or_nothing() {
        for (pattern, text) in [("ab", "abc"), ("abc", "ab"), ("", "a"), ("a?", "a"), ("[a-", "a"), ("*b", "abc")] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", ""), ("*", ""), ("**", "a"), ("*c", "abcbc"), ("a*b*c", "aXbYbZc"), ("[abc]", "b")]
        {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
    }
}
