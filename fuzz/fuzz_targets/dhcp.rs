//! Packets of DHCP servers and messages of routers: no bytes make the reader stumble, and no lease gives a route to nowhere.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| segbox_plan::dhcp::read_anything(bytes));
