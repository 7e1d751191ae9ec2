//! No types of a program (BTF) make their readers panic.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| segbox_linux::bpf::read_any_types(bytes));
