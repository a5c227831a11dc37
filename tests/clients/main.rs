//! TODO
fn main() -> std::process::ExitCode { harness::suite::run(2, Vec::new()) }
