//! Reads, writes, signs and checks update artifacts.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
