//! `sealift user list`

use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::print_line;
use crate::config::Config;

/// List users: one line each, with mail address, role and state
#[derive(clap::Args, Clone, Copy, Debug)]
pub(super) struct Args {}

/// Lists users.
pub(super) async fn run(config: Config, _args: Args) -> Result<Exit, CliError> {
    for line in list_users(config).await? {
        print_line(&line)?;
    }
    Ok(Exit::Done)
}

/// Wiring: one line a user, sorted by address, fields apart by tabs.
#[expect(clippy::unused_async, reason = "awaits once it is wired")]
async fn list_users(_config: Config) -> Result<Vec<String>, CliError> {
    Err(CliError::No("this build has no users".to_owned()))
}
