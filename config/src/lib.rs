//! segbox.toml: text in, a [`Config`] that cannot be wrong out. Pure: no file, no kernel, no clock.
//!
//! What a file can only be checked against (the objects and keys it names, the box, the kernel) comes in as [`Surroundings`].

mod behavior;
mod kernel;
mod model;
mod names;
mod object;
mod surroundings;

pub use behavior::{BEHAVIORS, Behavior, Csid, Endpoint, Flavors, HEADEND_BEHAVIORS, HeadendMode, Lookup};
pub use kernel::{Feature, Kernel, NEEDS, Need};
pub use model::{
    Config, Hardware, HmacAlgorithm, HmacKey, HmacMode, Interface, LocalSid, Mac, Matcher, Neighbor, Policy, Program,
    Route, Steer, System, Vrf,
};
pub use names::{IfName, IfNameError};
pub use object::{Field, Hook, MapKind, MapShape, Object, ObjectProgram, Shape};
pub use surroundings::{LinkSeen, SecretFile, Surroundings};
