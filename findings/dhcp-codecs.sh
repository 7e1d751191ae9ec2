#!/bin/bash
# Software:  dhcproto 0.15.0, a codec of DHCP in Rust, beside smoltcp 0.14.0
# Behavior:  A server's message whose length of the hardware address is above 16 is decoded without an error, and then `Message::chaddr` panics. The
#            crate depends on hickory-proto, and with it on more than 40 crates for internationalised names.
# A guess:   A codec that is used for packets of strangers returns an error.
# Output seen:
#   dhcproto panics; smoltcp reads on
# Needs:     cargo and the registry. Exits with 1 if it behaves in another way, with 2 if something is missing.
set -euo pipefail
type cargo >/dev/null || { echo "this needs cargo"; exit 2; }

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat >"$folder/Cargo.toml" <<'TOML'
[package]
name = "codecs"
version = "0.1.0"
edition = "2024"
[dependencies]
dhcproto = "=0.15.0"
smoltcp = { version = "=0.14.0", default-features = false, features = ["medium-ethernet", "proto-dhcpv4", "socket-raw"] }
[workspace]
TOML
cat >"$folder/src/main.rs" <<'RUST'
use std::panic::catch_unwind;

use dhcproto::{Decodable, Decoder, v4};

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    // A reply whose fields are zero, for a hardware address of 200 bytes: an offer without options.
    let mut offer = vec![0; 236];
    offer[..3].copy_from_slice(&[2, 1, 200]);
    offer.extend([99, 130, 83, 99, 53, 1, 2, 255]);
    let word = |panics: bool| if panics { "panics" } else { "reads on" };
    let dhcproto = catch_unwind(|| v4::Message::decode(&mut Decoder::new(&offer)).map(|read| read.chaddr().len()));
    let smoltcp = catch_unwind(|| {
        let read = smoltcp::wire::DhcpPacket::new_checked(&offer).expect("long enough");
        (read.client_hardware_address(), read.options().count())
    });
    println!("dhcproto {}; smoltcp {}", word(dhcproto.is_err()), word(smoltcp.is_err()));
}
RUST
said="$(cd "$folder" && CARGO_TARGET_DIR="$folder/target" cargo run --quiet 2>"$folder/log")" || { tail -3 "$folder/log"; exit 2; }
echo "$said"
[ "$said" = "dhcproto panics; smoltcp reads on" ]
