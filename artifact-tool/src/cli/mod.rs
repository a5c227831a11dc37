//! The command line: one file per subcommand.
//!
//! Data goes to standard output, everything else to standard error. Exit status: 0 done, 1 the answer is no
//! (invalid artifact or signature), 2 wrong use, 3 a file could not be reached.

mod describe;
mod diff;
mod documents;
mod dump;
mod failure;
mod files;
mod image;
mod inspect;
mod keygen;
mod modify;
mod pkcs11;
mod print;
mod pubkey;
mod read;
mod resign;
mod scripts;
mod server;
mod sign;
mod signing;
mod size;
mod validate;
mod verify;
mod verifying;
mod write;

use std::process::ExitCode;

use artifact::compression::Encoding;
use clap::{ArgAction, CommandFactory, Parser, Subcommand};
pub(crate) use failure::Failure;

/// Reads, writes, signs and checks update artifacts.
#[derive(Debug, Parser)]
#[command(name = "artifact-tool", version, disable_version_flag = true)]
#[command(
    after_help = "Exit status: 0 done, 1 the answer is no, 2 wrong use, 3 a file could not be reached.\n\n\
Examples:\n  \
artifact-tool keygen --type p256 --out release\n  \
artifact-tool write module-image -n app-1.0 -t beaglebone -T single-file -f app.bin -o app.mender -k release.private.pem\n  \
artifact-tool validate -k release.public.pem app.mender\n  \
artifact-tool read --json app.mender"
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    /// Print the version
    #[arg(short = 'v', short_alias = 'V', long, action = ArgAction::Version)]
    version: (),
    #[command(subcommand)]
    command: Option<Command>,
}

/// Flags before the subcommand.
#[derive(Debug, clap::Args)]
#[group(id = "global")]
pub(crate) struct Global {
    /// Compression of what is written; that of the subcommand wins
    #[arg(id = "global_compression", long = "compression", hide = true, value_name = "KIND[:LEVEL]")]
    compression: Option<Encoding>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Keygen(keygen::Args),
    Pubkey(pubkey::Args),
    #[command(subcommand)]
    Write(write::Command),
    Sign(sign::Args),
    Validate(validate::Args),
    Read(read::Args),
    Dump(dump::Args),
    Modify(Box<modify::Args>),
    Cat(image::cat::Args),
    #[command(visible_alias = "copy")]
    Cp(Box<image::cp::Args>),
    Install(Box<image::install::Args>),
    Rm(Box<image::rm::Args>),
    Diff(diff::Args),
    Inspect(inspect::Args),
    Verify(verify::Args),
    Login(server::login::Args),
    Upload(server::upload::Args),
    Deploy(server::deploy::Args),
    Completions(documents::CompletionsArgs),
    Man(documents::ManArgs),
}

/// Parses the command line and does what it says.
pub(crate) fn run() -> ExitCode {
    let Cli { global, command, version: () } = Cli::parse();
    let Some(command) = command else {
        // The original tool does the same.
        let _unwritable = Cli::command().print_help();
        return ExitCode::SUCCESS;
    };
    let done = match command {
        Command::Keygen(args) => keygen::run(&args),
        Command::Pubkey(args) => pubkey::run(&args),
        Command::Write(command) => write::run(&command, &global),
        Command::Sign(args) => sign::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Read(args) => read::run(&args),
        Command::Dump(args) => dump::run(&args),
        Command::Modify(args) => modify::run(&args, &global),
        Command::Cat(args) => image::cat::run(&args),
        Command::Cp(args) => image::cp::run(&args),
        Command::Install(args) => image::install::run(&args),
        Command::Rm(args) => image::rm::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Login(args) => server::login::run(&args),
        Command::Upload(args) => server::upload::run(&args),
        Command::Deploy(args) => server::deploy::run(&args),
        Command::Completions(args) => documents::completions(&args, Cli::command()),
        Command::Man(args) => documents::man(&args, Cli::command()),
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
