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
    let syntax = |kind: &FaultKind| matches!(kind, FaultKind::Syntax(fault) if !matches!(fault, SyntaxFault::NumberTooLong { .. } | SyntaxFault::TooMuch));
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

#[test]
fn a_file_of_garbage_is_not_read_to_its_end_and_its_faults_are_counted_up_to_a_thousand() {
    let faults = |text: String| read(text, "").check(&Surroundings::default()).expect_err("it has faults");
    for (count, more) in [(999, false), (1000, true), (3000, true)] {
        let found = faults("this is prose\n".repeat(count));
        assert_eq!((found.len(), found.more()), (count.min(1000), more));
    }
    let many = faults("[[srv6.sid]]\n".repeat(700));
    assert_eq!((many.len(), many.more()), (1000, true), "two missing keys each");
    let too_much = |text: String| {
        let found = faults(text);
        found.iter().filter(|fault| fault.kind == FaultKind::Syntax(SyntaxFault::TooMuch)).count()
    };
    assert_eq!(too_much("x = [".to_owned() + &"1,".repeat(600_000)), 1);
    assert_eq!(too_much("a".to_owned() + &".a".repeat(100_000) + " = 1\n"), 1);
    assert_eq!(too_much((0..20_000).map(|row| format!("a{row}{} = 1\n", ".b".repeat(79))).collect()), 1);
    assert_eq!(too_much("[srv6]\nlocator = [1, 2, 3]\n".to_owned()), 0);
    // What comes after it would be a fault of its own.
    assert_eq!(too_much("x = [".to_owned() + &"1,".repeat(600_000) + "]\ny = [" + &"1,".repeat(600_000)), 1);
}

#[test]
fn a_header_that_is_not_closed_ends_with_its_line() {
    // More tokens than one stretch of the text has.
    let text = format!("[vrf.x\n{}", "[interface.a]\nmtu = 1500\n".repeat(2));
    let rows: String = (0..1000).map(|row| format!("[interface.e{row}]\nmtu = 1500\n")).collect();
    let found = read(text + &rows, "").check(&Surroundings::default()).expect_err("it has faults");
    assert_eq!(found.len(), 2, "{found}");
}

#[test]
fn a_long_word_is_cut_in_its_fault() {
    let long = "a".repeat(1_000_000);
    for text in [
        format!("{long} = 1\n"),
        format!("[system]\nhostname = \"{long}\"\n"),
        format!("[vrf.\"{long}\"]\ntable = 1\n"),
    ] {
        let found = read(text, "").check(&Surroundings::default()).expect_err("it has a fault");
        assert!(found.to_string().len() < 10_000, "{:.300}", found.to_string());
        assert!(found.iter().all(|fault| !found.can_be_drawn(fault)));
    }
}
