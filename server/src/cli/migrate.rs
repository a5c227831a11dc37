//! `sealift migrate`

use super::error::CliError;
use super::exit::Exit;
use crate::app::open_database;
use crate::clock::SystemClock;
use crate::config::Config;

/// Bring the database up to date without starting the server, which would do so too
#[derive(clap::Args, Clone, Copy, Debug)]
pub(super) struct Args {}

/// Brings the database up to date.
pub(super) async fn run(config: Config, _args: Args) -> Result<Exit, CliError> {
    migrate_database(config).await?;
    Ok(Exit::Done)
}

/// Opens the database, which applies what is missing, and closes it.
async fn migrate_database(config: Config) -> Result<(), CliError> {
    let failed = |err| CliError::unreachable("failed to bring the database up to date", err);
    let database = open_database(&config, &SystemClock).await.map_err(failed)?;
    database.close().await.map_err(|err| failed(err.into()))
}
