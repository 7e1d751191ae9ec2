//! The segbench command.
fn main() {}
