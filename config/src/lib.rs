//! From the text of a segbox.toml to a [`Config`] without faults. Pure: it reads no file, asks no kernel and no clock.
//!
//! [`read()`] takes the text and never fails: its [`Draft`] has all that is well-formed, and the faults. [`Draft::needs`] names the
//! files that belong into [`Surroundings`], beside the box's interfaces and kernel. [`Draft::resolve`] checks the Draft against them
//! and gives the Config, or all [`Faults`] at once.

mod behavior;
mod fault;
pub mod features;
mod forms;
mod grammar;
mod kernel;
mod model;
mod names;
mod object;
mod place;
pub mod profile;
mod read;
mod resolve;
mod surroundings;
mod toml;

pub use behavior::{
    Behavior, Csid, ENDPOINTS, Endpoint, Flavor, Flavors, HEADENDS, HeadendMode, Inner, Lookup, Parameters, Row,
};
pub use fault::{
    Fault, FaultKind, Faults, NetworkFault, ProfileFault, ProgramFault, ShapeFault, Srv6Fault, SurroundingsFault,
    SyntaxFault, TextFault,
};
pub use grammar::{reference, schema};
pub use kernel::{Feature, Kernel};
pub use model::{
    Config, Hardware, HmacAlgorithm, HmacKey, HmacMode, Interface, LocalSid, Mac, Matcher, Neighbor, Policy, Program,
    Route, Steer, System, Vrf,
};
pub use names::{IfName, IfNameError};
pub use object::{Field, Hook, MapKind, MapShape, Object, ObjectProgram, Shape};
pub use place::Span;
pub use read::{Draft, read};
pub use resolve::Checked;
pub use surroundings::{LinkSeen, Needs, SecretFile, Surroundings};
