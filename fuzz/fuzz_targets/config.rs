//! Any text is read, held against a box and told of without a panic, and is TOML where the `toml` crate says so.
#![no_main]

use libfuzzer_sys::fuzz_target;
use segbox_config::fault::{FaultKind, SyntaxFault};
use segbox_config::{Kernel, LinkSeen, Surroundings, read};

fuzz_target!(|text: &str| {
    let link = LinkSeen { mac: "52:54:00:12:34:56".parse().ok(), ..LinkSeen::named("eth0".parse().expect("a name")) };
    let around = Surroundings {
        links: Some(vec![link]),
        kernel: Some(Kernel { version: (6, 18), ..Kernel::default() }),
        ..Surroundings::default()
    };
    let draft = read(text.to_owned(), "fuzz.toml");
    draft.needs();
    let faults = draft.check(&around).unwrap_or_else(|faults| faults);
    assert!(faults.to_string().lines().count() >= faults.len());
    for fault in faults.iter() {
        let (start, end) = (fault.span.start as usize, fault.span.end as usize);
        assert!(start <= end && end <= text.len());
    }

    // Integers of more than 64 bits are TOML and no value of ours; dates we pass over without a look inside.
    let syntax = |kind: &FaultKind| {
        matches!(kind, FaultKind::Syntax(fault) if !matches!(fault, SyntaxFault::NumberTooLong { .. } | SyntaxFault::TooMuch))
    };
    let ours = !faults.iter().any(|fault| syntax(&fault.kind));
    let theirs = toml::de::DeTable::parse(text);
    let dated = theirs.as_ref().is_err_and(|error| error.message().contains("date") || error.message().contains("time"));
    assert!(dated || ours == theirs.is_ok(), "{ours} {:?}", theirs.err());
});
