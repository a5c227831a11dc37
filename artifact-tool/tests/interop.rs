//! Interoperation with other programs.

fn main() {}
