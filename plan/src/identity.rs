//! Names made of hashes: a program's name has the hash of all that defines it, a secret's name is its digest. Not here: what they name.

use segbox_config::model::Program;
use sha2::{Digest, Sha256};

/// The loaded name of a `[program.NAME]` table: `NAME@` and 32 hexadecimal digits. The digits are a hash of the object, the chosen
/// program, its globals, and the names of the maps that the file fills. The kernel compares End.BPF routes by this name only
/// (net/ipv6/seg6_local.c, cmp_nla_bpf), so the name must change with everything that changes what is done to a packet,
/// and nobody may find a second object with the same one: 128 bits of the hash. The kernel keeps 255 bytes of a name (MAX_PROG_NAME in
/// net/ipv6/seg6_local.c and net/core/lwt_bpf.c); NAME has at most 200.
///
/// The rows of maps are not hashed: they change in place, and the program's other maps keep their content.
pub fn program_name(table: &str, program: &Program) -> String {
    let mut hash = Sha256::new();
    // The length comes before each part, so that different parts never give the same bytes.
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
    format!("{table}@{}", hex::encode(&hash.finalize()[..16]))
}

/// Whether a program has this name, or had it in an earlier version of segbox, whose hashes were shorter.
pub fn is_name_of(name: &str, program: &Program) -> bool {
    const FEWEST: usize = "@1a2b3c4d".len();
    let table = name.rsplit_once('@').map_or(name, |(table, _)| table);
    name.len() >= table.len() + FEWEST && program_name(table, program).starts_with(name)
}

/// The digest of an HMAC secret in a state: the first 8 bytes of its SHA-256, in hexadecimal.
pub fn secret_digest(secret: &[u8]) -> String {
    hex::encode(&Sha256::digest(secret)[..8])
}
