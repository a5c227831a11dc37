//! What the server costs, as ratios to bare floors of the same toolchain that are measured in the same run.
//!
//! `cargo bench -p sealift --bench fleet -- --help`

mod args;
mod budget;
mod files;
mod floor;
mod generator;
mod headline;
mod machine;
mod numbers;
mod process;
mod product;
mod report;
mod rows;
mod scale;
mod seed;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Args, Role};

/// Whatever ends the bench.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What may fail.
type Outcome<T> = Result<T, Failure>;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(err) => {
            say(&format!("failed: {err}"));
            let mut source = err.source();
            while let Some(cause) = source {
                say(&format!("  because: {cause}"));
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Outcome<bool> {
    match &args.role {
        Some(Role::Answer { directory }) => floor::http::serve(directory).map(|()| true),
        Some(Role::Insert { directory, millis, table }) => {
            floor::inserts::run(directory, *millis, *table).map(|()| true)
        }
        Some(Role::Read { database }) => floor::read::run(database).map(|()| true),
        None => rows::run(args),
    }
}

/// Tells whoever watches what goes on.
fn say(line: &str) {
    // Nobody left to tell is no reason to stop.
    let _ = writeln!(std::io::stderr(), "{line}");
}
