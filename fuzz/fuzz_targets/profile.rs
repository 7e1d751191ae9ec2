//! Any text is read as a hardware profile without a panic, and every fault has its place in the text.

#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(faults) = segbox_config::profile::read(text.to_owned(), "fuzz.toml") {
        assert!(faults.to_string().lines().count() >= faults.len());
        for fault in faults.iter() {
            let (start, end) = (fault.span.start as usize, fault.span.end as usize);
            assert!(start <= end && end <= text.len());
        }
    }
});
