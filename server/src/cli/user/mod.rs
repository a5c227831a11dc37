//! `sealift user`: beside a running server or on a stopped one.

mod add;
mod disable;
mod list;
mod reset_2fa;
mod reset_password;
mod store;

use super::error::CliError;
use super::exit::Exit;
use crate::config::Config;

const EXAMPLES: &str = "\
Examples:
  sealift user add admin@example.com
  sealift user add ci@example.com --role ci --password-stdin < password.txt
  sealift user list
  sealift user reset-password admin@example.com

These commands work beside a running server and on a stopped one.";

/// Manage users
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Add(add::Args),
    List(list::Args),
    ResetPassword(reset_password::Args),
    #[command(name = "reset-2fa")]
    Reset2fa(reset_2fa::Args),
    Disable(disable::Args),
}

/// Does what the subcommand says.
pub(super) async fn run(config: Config, args: Args) -> Result<Exit, CliError> {
    match args.command {
        Command::Add(args) => add::run(config, args).await,
        Command::List(args) => list::run(config, args).await,
        Command::ResetPassword(args) => reset_password::run(config, args).await,
        Command::Reset2fa(args) => reset_2fa::run(config, args).await,
        Command::Disable(args) => disable::run(config, args).await,
    }
}
