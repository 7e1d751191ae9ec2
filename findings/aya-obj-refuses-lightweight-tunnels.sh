#!/bin/bash
# Software:  crate aya-obj 0.3.0
# Behavior:  Object::parse fails for an object with a program in the section lwt_in, lwt_out, lwt_xmit or lwt_seg6local,
#            the names that libbpf gives to the four program types of lightweight tunnels. One such section refuses the
#            whole object. The same program in the section socket/lwt_seg6local parses, since only the text before the
#            slash counts: it is taken for a socket filter.
# A guess:   The names of libbpf are known, or a program of an unknown kind can be left out or loaded by other means, as
#            aya-obj does not load programs itself.
# Output seen:
#   section socket: [SocketFilter]
#   section lwt_in: invalid program section `lwt_in`
#   section lwt_out: invalid program section `lwt_out`
#   section lwt_xmit: invalid program section `lwt_xmit`
#   section lwt_seg6local: invalid program section `lwt_seg6local`
#   section socket/lwt_seg6local: [SocketFilter]
# Needs:     cargo, python3, crates.io. Exits with 1 if it behaves in another way, with 2 if something is missing.
set -euo pipefail
type cargo python3 >/dev/null || { echo "this needs cargo and python3"; exit 2; }

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
aya-obj = "=0.3.0"
[workspace]
TOML
cat >src/main.rs <<'RUST'
fn main() {
    for section in std::env::args().skip(1) {
        let object = std::fs::read(section.replace('/', "_")).expect("the script has written it");
        match aya_obj::Object::parse(&object) {
            Ok(object) => {
                let kinds: Vec<_> = object.programs.values().map(|program| &program.section).collect();
                println!("section {section}: {kinds:?}");
            }
            Err(error) => println!("section {section}: {error}"),
        }
    }
}
RUST
cargo build --quiet 2>log || { cat log; echo "the crate does not build here"; exit 2; }

sections="socket lwt_in lwt_out lwt_xmit lwt_seg6local socket/lwt_seg6local"
# An object for each: "r0 = 0; exit" in that section, a license, a symbol for the function.
python3 - $sections <<'PYTHON'
import struct, sys

for section in sys.argv[1:]:
    code = struct.pack("<BBhi", 0xB7, 0, 0, 0) + struct.pack("<BBhi", 0x95, 0, 0, 0)
    strings = b"\0program\0" + section.encode() + b"\0license\0.symtab\0.strtab\0"
    symbols = bytes(24) + struct.pack("<IBBHQQ", 1, 0x12, 0, 1, 0, len(code))
    parts = [
        (section, 1, 6, code, 0, 0, 0),
        ("license", 1, 3, b"GPL\0", 0, 0, 0),
        (".symtab", 2, 0, symbols, 4, 1, 24),
        (".strtab", 3, 0, strings, 0, 0, 0),
    ]
    body, table = b"", bytes(64)
    for name, kind, flags, data, link, info, size in parts:
        name = strings.index(b"\0" + name.encode() + b"\0") + 1
        table += struct.pack("<IIQQQQIIQQ", name, kind, flags, 0, 64 + len(body), len(data), link, info, 8, size)
        body += data + bytes(-len(data) % 8)
    ends = struct.pack("<HHIQQQIHHHHHH", 1, 247, 1, 0, 0, 64 + len(body), 0, 64, 0, 0, 64, len(parts) + 1, len(parts))
    with open(section.replace("/", "_"), "wb") as file:
        file.write(b"\x7fELF\2\1\1" + bytes(9) + ends + body + table)
PYTHON
target/debug/finding $sections | tee said
[ "$(grep -c ': invalid program section `lwt_' said)" = 4 ] && [ "$(grep -c 'SocketFilter' said)" = 2 ]
