//! From the text of a segbox.toml to a [`Config`] without faults. Pure: it reads no file, asks no kernel and no clock.
//!
//! [`read()`] takes the text and never fails: its [`Draft`] has all that is well-formed, and the faults. [`Draft::needs`] names the
//! files that belong into [`Surroundings`], beside the box's interfaces and kernel. [`Draft::resolve`] checks the Draft against them
//! and gives the Config, or all [`Faults`] at once.

pub mod behavior;
mod bond;
pub mod domain;
mod fast_path;
pub mod fault;
pub mod features;
pub mod fixes;
mod forms;
pub mod grammar;
mod hop_limit;
pub mod kernel;
mod mac;
mod management;
pub mod model;
mod names;
pub mod object;
mod overhead;
mod password;
mod place;
mod policy;
pub mod profile;
mod read;
mod resolve;
mod segments;
pub mod surroundings;
mod toml;
pub mod visible;
mod vlan;
mod ways;

pub use behavior::{Behavior, Endpoint, Flavors, HeadendMode};
pub use fault::Faults;
pub use kernel::{Feature, Kernel};
pub use model::{Config, IfName, Mac};
pub use object::Hook;
pub use password::PasswordHash;
pub use read::{Draft, read};
pub use resolve::Checked;
pub use segments::Segments;
pub use surroundings::{Hazard, LinkSeen, Surroundings};
