//! The segbox command.
fn main() {}
