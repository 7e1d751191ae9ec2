#!/bin/bash
# Software:  crate minisign 0.10.0
# Behavior:  Two signatures of the same bytes by the same key, with the same comments, differ, and both are right. The
#            crate signs with fresh random numbers each time. So a file with its signature is not reproducible, even for
#            the owner of the key.
# A guess:   Ed25519 is deterministic (RFC 8032, 5.1.6): the same key and the same bytes give the same signature.
# Output seen:
#   the first verifies: true, the second verifies: true
#   they are the same: false
# Needs:     cargo, crates.io. Exits with 1 if it behaves in another way, with 2 if something is missing.
set -euo pipefail
type cargo >/dev/null || { echo "this needs cargo"; exit 2; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"
[dependencies]
minisign = "=0.10.0"
[workspace]
TOML
cat >src/main.rs <<'RUST'
use std::io::Cursor;

fn main() {
    let keys = minisign::KeyPair::generate_unencrypted_keypair().expect("random numbers are there");
    let data = || Cursor::new(b"the same bytes");
    let sign = || {
        let signed = minisign::sign(Some(&keys.pk), &keys.sk, data(), Some("trusted"), Some("untrusted"));
        signed.expect("a buffer in memory can be read")
    };
    let (first, second) = (sign(), sign());
    let right = |signature| minisign::verify(&keys.pk, signature, data(), true, false, false).is_ok();
    println!("the first verifies: {}, the second verifies: {}", right(&first), right(&second));
    println!("they are the same: {}", first.to_string() == second.to_string());
}
RUST
cargo build --quiet 2>log || { cat log; echo "the crate does not build here"; exit 2; }
target/debug/finding | tee said
[ "$(tr '\n' ' ' <said)" = "the first verifies: true, the second verifies: true they are the same: false " ]
