//! Errors about encapsulated packets, handed back to the hosts that sent them (RFC 2473, section 8; RFC 8986, 5.1 encapsulates as RFC 2473
//! does).
//!
//! An ICMPv6 error about an encapsulated packet goes to the outer source: this box. The kernel knows no sender for it, so the host never
//! learns that its packet was too big. Here an error is read ([`read`]), compared with the policy that its quoted packet must have met
//! ([`Quote::fits`]), and turned into the error that the host understands ([`Quote::answer`]), within limits ([`Limits`]).
//!
//! Everything is pure: bytes in, bytes out. Not here: sockets, and the routing table that gives the policy (`linux`, `services`).

mod answer;
mod counts;
mod limits;
mod policy;
mod quote;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Unanswered};
pub use counts::Counts;
pub use limits::Limits;
pub(crate) use quote::Outer;
pub use quote::{Arrived, Cause, Inner, Quote, Refused, read};
