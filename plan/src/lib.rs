//! What a router should be, what it is, and the steps between. Pure: nothing here reads or writes a kernel, a file or a clock.

mod adjacent;
pub mod asked;
pub mod beside;
pub mod degrade;
mod describe;
mod desired;
mod diff;
mod egress;
pub mod filter;
mod forwarding;
mod hop;
mod hop_limit;
pub mod icmp_errors;
pub mod identity;
pub mod lookup;
pub mod lost;
pub mod materials;
pub mod nic_names;
pub mod overruled;
mod rename;
pub mod repair;
pub mod rounds;
pub mod route;
mod rows;
mod source_address;
pub mod state;
pub mod step;
pub mod sysctl;
pub mod tune;
pub mod unkept;

pub use desired::{Context, Desired, desired, nothing};
pub use diff::{Plan, diff};
pub use materials::Materials;
pub use rounds::foresee;
pub use state::{Actual, Setting, State};
pub use step::{Delta, Step, Verb};
