//! `sealift user disable`

use super::store::{Store, refusal};
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

/// Disables the user and ends the user's sessions.
async fn disable_user(config: Config, email: String) -> Result<(), CliError> {
    let store = Store::open(&config).await?;
    let disabled = store.users.disable(&email).await;
    store.close().await?;
    disabled.map_err(refusal)
}
