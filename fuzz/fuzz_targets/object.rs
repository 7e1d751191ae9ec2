//! No ELF object makes the reader panic, whatever program or attacker wrote it.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| drop(segbox_linux::bpf::read_object(bytes)));
