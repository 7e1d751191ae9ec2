//! What a router should be, what it is, and the steps between. Pure: nothing here reads or writes a kernel, a file or a clock.

mod describe;
mod desired;
mod diff;
mod identity;
mod materials;
mod rows;
mod state;
mod step;
/// The sysctls that segbox has a say in.
pub mod sysctl;
/// Tuning a machine by its hardware profile.
pub mod tune;

pub use desired::{Context, Desired, desired, nothing};
pub use diff::{Plan, Stage, diff};
pub use identity::{program_name, secret_digest};
pub use materials::{Materials, Secret};
pub use state::{
    ANCHOR, Actual, AddressKey, Bytes, Encap, HmacKey, LINK_ALIAS, Link, MAIN_TABLE, NeighborKey, PROTOCOL, Route,
    RouteKey, RowKey, Rule, Setting, State,
};
pub use step::{Delta, Phase, RouteKind, Step, Verb};
