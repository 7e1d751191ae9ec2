//! Reads objects, loads programs into this kernel, keeps and loses pins. Needs root, Linux 5.14, clang and libbpf's headers, and fails
//! where they are missing. Not here: packets through the programs.

mod events;
mod house;
mod objects;
mod pins;
mod ports;
mod recovery;
mod rows;
mod verifier;
