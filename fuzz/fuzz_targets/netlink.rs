//! No datagram makes the netlink readers panic, whatever kernel, or program with segbox's protocol number, is behind it.

#![no_main]

libfuzzer_sys::fuzz_target!(|datagram: &[u8]| segbox_linux::netlink::read_anything(datagram));
