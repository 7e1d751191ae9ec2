//! A text inside the page's HTML and SVG. Markdown and CSV have their quoting in their files.

/// The text with the characters replaced that HTML gives a meaning.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
