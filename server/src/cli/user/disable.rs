//! `sealift user disable`

use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::config::Config;

/// Lock a user out at once
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The user's mail address
    email: String,
}

/// Disables a user.
pub(super) async fn run(config: Config, args: Args) -> Result<Exit, CliError> {
    disable_user(config, args.email).await?;
    Ok(Exit::Done)
}

/// Wiring: disables the user and ends the user's sessions.
#[expect(clippy::unused_async, reason = "awaits once it is wired")]
async fn disable_user(_config: Config, _email: String) -> Result<(), CliError> {
    Err(CliError::No("this build has no users".to_owned()))
}
