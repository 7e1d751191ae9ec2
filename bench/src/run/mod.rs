//! `segbench run`: the forwarding table, measured on this machine in network namespaces.

mod bed;
pub(crate) mod check;
mod measure;
mod rounds;
mod router;
mod show;

pub(crate) use rounds::{HARNESS, Plan, run};
pub(crate) use router::Segbox;
pub(crate) use show::table;
