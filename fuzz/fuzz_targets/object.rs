//! No ELF object makes the reader panic, whatever program or attacker wrote it. The reader itself catches panics of its ELF library, and
//! makes errors of them: those are no fault.

#![no_main]

use std::sync::Once;

static QUIET: Once = Once::new();

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // libFuzzer's own hook ends the process at any panic, also at one that is caught. One that is not caught still ends it.
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    drop(segbox_linux::bpf::read_object(bytes));
});
