//! The command line: one file per subcommand.
//!
//! Data goes to standard output, everything else to standard error. Exit status: 0 done, 1 the answer is no
//! (invalid artifact or signature), 2 wrong use, 3 a file could not be reached.

mod describe;
mod failure;
mod files;
mod keygen;
mod print;
mod read;
mod sign;
mod validate;
mod write;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
pub(crate) use failure::Failure;

/// Reads, writes, signs and checks update artifacts.
#[derive(Debug, Parser)]
#[command(name = "artifact-tool", version, arg_required_else_help = true)]
#[command(
    after_help = "Exit status: 0 done, 1 the answer is no, 2 wrong use, 3 a file could not be reached.\n\n\
Examples:\n  \
artifact-tool keygen --type p256 --out release\n  \
artifact-tool write module-image -n app-1.0 -t beaglebone -T single-file -f app.bin -o app.mender -k release.private.pem\n  \
artifact-tool validate -k release.public.pem app.mender\n  \
artifact-tool read --json app.mender"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Keygen(keygen::Args),
    #[command(subcommand)]
    Write(write::Command),
    Sign(sign::Args),
    Validate(validate::Args),
    Read(read::Args),
}

/// Parses the command line and does what it says.
pub(crate) fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Keygen(args) => keygen::run(&args),
        Command::Write(command) => write::run(&command),
        Command::Sign(args) => sign::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Read(args) => read::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            print::error(&failure.message);
            ExitCode::from(failure.status)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
