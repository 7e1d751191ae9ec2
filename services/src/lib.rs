//! What must keep running beside a router: one file per service, [`keep`] that runs those that need no process of their own, and
//! the [`supervisor`] for those that do. Not here: PID 1, or what a service looks after.

mod keep;
mod latency;
/// Starts again what has ended.
pub mod supervisor;
mod tuning;

pub use keep::{KeepError, keep};
