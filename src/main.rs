//! The `consona` command.

fn main() {}
