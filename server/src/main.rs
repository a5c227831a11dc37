//! The `sealift` program: parses, configures, wires, runs.

use std::env;
use std::process::ExitCode;

use sealift::cli;

fn main() -> ExitCode {
    // Libraries that ask for the process's default provider get the one that we name everywhere else.
    // The only failure is that somebody installed one before.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let variables: Vec<(String, String)> = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    cli::main(env::args_os(), &variables).into()
}
