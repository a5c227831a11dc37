//! `sealift migrate`

use super::error::CliError;
use super::exit::Exit;
use crate::config::Config;

/// Bring the database up to date without starting the server, which would do so too
#[derive(clap::Args, Clone, Copy, Debug)]
pub(super) struct Args {}

/// Brings the database up to date.
pub(super) async fn run(config: Config, _args: Args) -> Result<Exit, CliError> {
    migrate_database(config).await?;
    Ok(Exit::Done)
}

/// Wiring: opens the database and applies what is missing.
#[expect(clippy::unused_async, reason = "awaits once it is wired")]
async fn migrate_database(_config: Config) -> Result<(), CliError> {
    Err(CliError::No("this build has no database".to_owned()))
}
