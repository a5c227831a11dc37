//! Reads, writes, signs and checks update artifacts.

fn main() {}
