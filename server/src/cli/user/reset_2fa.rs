//! `sealift user reset-2fa`

use super::store::{Store, refusal};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::print_error;
use crate::config::Config;
use crate::users::{Email, InvalidEmail, UserError, UserFilter};

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

/// Makes sure that the user has no second factor. None can be set yet, so the user must only exist.
async fn reset_2fa(config: Config, email: String) -> Result<(), CliError> {
    let wanted: Email = email.parse().map_err(|err: InvalidEmail| refusal(err.into()))?;
    let store = Store::open(&config).await?;
    let filter = UserFilter { emails: vec![wanted], ..UserFilter::default() };
    let found = store.users.list(&filter).await;
    store.close().await?;
    if found.map_err(refusal)?.is_empty() {
        return Err(refusal(UserError::NotFound(email)));
    }
    print_error("the user has no second factor");
    Ok(())
}
