//! `segbench run`: the forwarding table, measured on this machine in network namespaces.

mod measure;
mod open;
mod outcome;
mod plan;
mod rounds;
mod segbox;
mod table;
mod testbed;
mod turn;

pub(crate) use plan::Plan;
pub(crate) use rounds::run;
pub(crate) use segbox::Segbox;
pub(crate) use table::table;
