//! The desired state of a router, its actual state, and the steps between. Pure: nothing here reads or writes a kernel, a file or a clock.

/// The rest of a configuration on a box that lacks interfaces.
pub mod degrade;
mod describe;
mod desired;
mod diff;
mod hop;
mod identity;
mod materials;
/// Names of NICs.
pub mod nic_names;
mod rename;
mod rounds;
mod route;
mod rows;
mod state;
mod step;
/// The sysctls that segbox reads and sets.
pub mod sysctl;
/// Tuning a machine by its hardware profile.
pub mod tune;
mod unkept;

pub use desired::{Context, Desired, desired, nothing};
pub use diff::{Plan, Stage, diff};
pub use hop::{Encap, Hop, Hops};
pub use identity::{program_name, secret_digest};
pub use materials::{Materials, Secret};
pub use rounds::{ROUNDS, foresee};
pub use route::{Route, RouteKey, RouteKind};
pub use state::{
    ANCHOR, Actual, AddressKey, Bytes, HmacKey, LINK_ALIAS, Link, MAIN_TABLE, NeighborKey, PROTOCOL, RowKey, Rule,
    Setting, State,
};

pub use step::{Delta, Phase, Step, Verb};
pub use unkept::{TRIES, note_unkept};
