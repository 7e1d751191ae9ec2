//! Text from outside as a terminal may show it: a file, a kernel or a network must not move the cursor, change colors, or hide or reorder words.
//! Everything that segbox prints goes through here. Not here: printing.

use std::borrow::Cow;
use std::fmt::{self, Write};

/// The text, where each character that a terminal obeys instead of showing is written as its number: `\u{1b}`. Line ends and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    out.extend(text.chars().flat_map(shown));
    Cow::Owned(out)
}

/// The same in JSON, where such a character stands in strings only: `\u001b`.
pub fn visible_json(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        if is_obeyed(char) {
            let mut units = [0; 2];
            for unit in char.encode_utf16(&mut units) {
                out += &format!("\\u{unit:04x}");
            }
        } else {
            out.push(char);
        }
    }
    Cow::Owned(out)
}

/// A character as it may be shown: itself, or its number.
pub fn shown(char: char) -> impl Iterator<Item = char> {
    let obeyed = is_obeyed(char);
    let number = obeyed.then(|| char.escape_unicode()).into_iter().flatten();
    number.chain((!obeyed).then_some(char))
}

/// Whether a terminal obeys this character: the control characters of both sets (C1 has a CSI of one character), and what changes the direction
/// of text or separates lines.
fn is_obeyed(char: char) -> bool {
    match char {
        '\n' | '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => true,
        '\u{e0000}'..='\u{e007f}' => true,
        _ => char.is_control(),
    }
}

/// Writes a text up to a length, and shows that the rest is left out.
pub(crate) struct Short<'a, 'b> {
    to: &'a mut fmt::Formatter<'b>,
    left: usize,
}

impl<'a, 'b> Short<'a, 'b> {
    pub(crate) fn new(to: &'a mut fmt::Formatter<'b>, longest: usize) -> Self {
        Self { to, left: longest }
    }
}

impl Write for Short<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.left == 0 {
            return Ok(());
        }
        match text.char_indices().nth(self.left) {
            None => {
                self.left -= text.chars().count();
                self.to.write_str(text)
            }
            Some((end, _)) => {
                self.left = 0;
                self.to.write_str(&text[..end])?;
                self.to.write_str("...")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_becomes_visible_and_the_rest_stays() {
        for (text, shown) in [
            (
                "plain text, a \ttab and\nlines: \u{fc} \u{4e2d} \u{1f600}",
                "plain text, a \ttab and\nlines: \u{fc} \u{4e2d} \u{1f600}",
            ),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("a\rb\u{8}c\0d\u{7f}", "a\\u{d}b\\u{8}c\\u{0}d\\u{7f}"),
            ("user\u{202e}toor", "user\\u{202e}toor"),
            ("\u{2066}x\u{2069}\u{2028}", "\\u{2066}x\\u{2069}\\u{2028}"),
        ] {
            assert_eq!(visible(text), shown);
            assert_eq!(visible(&visible(text)), shown, "once is enough");
        }
    }

    #[test]
    fn json_stays_the_same_value() {
        let text = "\u{1b}[2J \u{9b}31m \u{7f} \u{202e} \u{e0041} \u{fc} \n";
        let json = serde_json::to_string(text).expect("a string");
        let shown = visible_json(&json);
        assert!(!shown.chars().any(is_obeyed), "{shown}");
        assert_eq!(serde_json::from_str::<String>(&shown).ok().as_deref(), Some(text));
    }
}
