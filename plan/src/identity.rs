//! Names that say what they stand for: a program's by the hash of all that makes it what it is, a secret's by its digest.

use segbox_config::model::Program;
use sha2::{Digest, Sha256};

/// The loaded name of a `[program.NAME]` table: `NAME@` and 8 hexadecimal digits over the object, which program of it, its
/// globals and which of its maps the file fills. The kernel compares End.BPF routes by this name only
/// (net/ipv6/seg6_local.c, cmp_nla_bpf), so whatever changes what a packet meets must change it.
///
/// Rows of maps are not in it: they change in place, and the program's other maps keep their content.
pub fn program_name(table: &str, program: &Program) -> String {
    let mut hash = Sha256::new();
    // Lengths first, so that no two different lists of parts run together to the same bytes.
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(&program.object);
    part(program.section.as_bytes());
    part(program.function.as_bytes());
    part(program.hook.section().as_bytes());
    for (global, value) in &program.globals {
        part(global.as_bytes());
        part(value);
    }
    for map in program.rows.keys() {
        part(map.as_bytes());
    }
    format!("{table}@{}", hex::encode(&hash.finalize()[..4]))
}

/// What a state shows of an HMAC secret: the first 8 bytes of its SHA-256, in hexadecimal.
pub fn secret_digest(secret: &[u8]) -> String {
    hex::encode(&Sha256::digest(secret)[..8])
}
