//! Reading a text never panics, and agrees with the `toml` crate on whether the text is TOML.
#![expect(clippy::expect_used, reason = "a test stops on a surprise")]

use std::fs;

use proptest::prelude::*;
use segbox_config::fault::{FaultKind, SyntaxFault};
use segbox_config::{Surroundings, read};

/// A file with everything in it.
fn full() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/full.toml")).expect("the example is there")
}

/// Whether it is TOML, by our reader.
fn is_toml(text: &str) -> bool {
    let faults = read(text.to_owned(), "").check(&Surroundings::default()).unwrap_or_else(|faults| faults);
    // Every fault can be printed: its place is in the text.
    assert!(faults.to_string().lines().count() >= faults.len());
    assert!(faults.iter().all(|fault| fault.span.start <= fault.span.end && fault.span.end as usize <= text.len()));
    // A number over 64 bits is TOML, and a fault of ours.
    let syntax = |kind: &FaultKind| matches!(kind, FaultKind::Syntax(fault) if !matches!(fault, SyntaxFault::NumberTooLong { .. }));
    !faults.iter().any(|fault| syntax(&fault.kind))
}

fn agrees(text: &str) {
    let theirs = toml::de::DeTable::parse(text);
    // A segbox.toml has no dates, so dates are not compared.
    let dated =
        theirs.as_ref().is_err_and(|error| error.message().contains("date") || error.message().contains("time"));
    if !dated {
        assert_eq!(is_toml(text), theirs.is_ok(), "{text:?}: {:?}", theirs.err());
    }
}

/// Pieces of TOML in any order: they are more often near to TOML than random bytes.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "\n",
        "\n",
        "\n",
        " ",
        "a",
        "b",
        "c",
        ".",
        ".",
        "=",
        " = ",
        "1",
        "true",
        "\"x\"",
        "'y'",
        "\"\\u0041\"",
        "\"\"\"z\n\"\"\"",
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        ",",
        "# c",
        "[a]\n",
        "[a.b]\n",
        "[[a]]\n",
        "[[a.b]]\n",
        "[b]\n",
        "a = 1\n",
        "a.b = 1\n",
        "b = {}\n",
        "a = []\n",
        "c = { a.b = 1, a.c = 2 }\n",
        "\"a\" = 2\n",
        "\"\\u0061\" = 3\n",
        "a.b.c = 1\n",
        "[a.b.c]\n",
        "\r\n",
        "\r",
        "\u{7f}",
        "é",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_toml_is_what_the_toml_crate_says(text in pieces()) {
        agrees(&text);
    }

    #[test]
    fn a_mutated_file_is_read_without_a_panic(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), pieces()), 1..4),
    ) {
        let mut text = full();
        for (start, length, piece) in cuts {
            let mut start = start.index(text.len() + 1);
            let mut end = (start + length.index(40)).min(text.len());
            while !text.is_char_boundary(start) { start -= 1; }
            while !text.is_char_boundary(end) { end += 1; }
            text.replace_range(start..end, &piece);
        }
        agrees(&text);
    }
}

#[test]
fn a_table_of_many_keys_is_read_in_linear_time_and_knows_its_doubles() {
    use std::fmt::Write as _;
    let mut text = String::new();
    for index in 0..50_000 {
        writeln!(text, "[interface.e{index}]\nmtu = 1500").expect("a String takes it all");
    }
    text += "[interface.e7]\n[interface.\"e\\u0038\"]\n";
    let faults = read(text, "").check(&Surroundings::default()).expect_err("two are there twice");
    assert_eq!(faults.len(), 2);
}

#[test]
fn a_tower_of_brackets_is_a_fault() {
    let text = format!("a = {}", "[".repeat(100_000));
    assert!(read(text, "").check(&Surroundings::default()).is_err());
}
