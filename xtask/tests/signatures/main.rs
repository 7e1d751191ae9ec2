//! Whether the image can be trusted: the same bytes wherever it is built, signatures that hold for what was built and for nothing
//! else, firmware that starts what is signed only, and keys that are refused before anything is lost.
//!
//! Compiles nothing: `cargo xtask image` has to have run, as it has in `./dev test`. Images are assembled anew, which takes seconds.
//! Root only.

mod built;
mod bytes;
mod keys;
mod refused;
#[path = "../../src/image/released.rs"]
mod released;
mod secure_boot;
mod signed;
