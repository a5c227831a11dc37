//! `client-sim`: thousands of simulated devices in one process.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
