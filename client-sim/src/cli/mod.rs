//! The command line. Data goes to standard output, everything else to standard error.

mod exit;
mod output;
mod progress;
mod run;
mod scenario;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::exit::Exit;

/// Runs simulated devices against an update server.
#[derive(Parser)]
#[command(name = "client-sim", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Switches on a fleet of devices and waits until each has been updated.
    Run(Box<run::Args>),
}

/// Parses the command line, runs it, says what went wrong.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(err) => return output::fail(Exit::Unreachable, &err),
    };
    let result = runtime.block_on(async {
        match cli.command {
            Command::Run(args) => run::run(*args).await,
        }
    });
    // A thread that still stores an artifact must not hold up the end.
    runtime.shutdown_background();
    match result {
        Ok(exit) => exit.into(),
        Err(err) => output::fail(err.exit(), &err),
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
