//! `segbench run`: the forwarding table, measured on this machine in network namespaces.

mod bed;
pub(crate) mod check;
mod measure;
mod outcome;
mod rounds;
pub(crate) mod router;
mod show;
mod turn;

pub(crate) use rounds::{Plan, run};
pub(crate) use router::Segbox;
pub(crate) use show::table;
