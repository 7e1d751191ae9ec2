//! Objects read, programs loaded into this kernel, pins kept and lost. Takes root, Linux 5.14, clang and libbpf's headers,
//! and fails where they are missing. Not here: packets through the programs.

mod events;
mod house;
mod objects;
mod pins;
mod recovery;
mod rows;
mod verifier;
