//! `sealift user reset-2fa`

use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::config::Config;

/// Take a user's second factor away, so that the password alone logs in
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The user's mail address
    email: String,
}

/// Removes the second factor.
pub(super) async fn run(config: Config, args: Args) -> Result<Exit, CliError> {
    reset_2fa(config, args.email).await?;
    Ok(Exit::Done)
}

/// Wiring: removes the second factor and ends the user's sessions.
#[expect(clippy::unused_async, reason = "awaits once it is wired")]
async fn reset_2fa(_config: Config, _email: String) -> Result<(), CliError> {
    Err(CliError::No("this build has no users".to_owned()))
}
