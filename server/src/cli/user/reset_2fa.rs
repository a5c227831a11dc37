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

/// Makes sure that the user has no second factor, and ends the user's sessions.
async fn reset_2fa(config: Config, email: String) -> Result<(), CliError> {
    let wanted: Email = email.parse().map_err(|err: InvalidEmail| refusal(err.into()))?;
    let store = Store::open(&config).await?;
    let filter = UserFilter { emails: vec![wanted], ..UserFilter::default() };
    let found = store.users.list(&filter).await;
    let reset = match found.as_deref() {
        Ok([user, ..]) => Some(store.second_factors.reset(&store.scope, user.id).await),
        Ok([]) | Err(_) => None,
    };
    store.close().await?;
    found.map_err(refusal)?;
    let reset = reset.ok_or_else(|| refusal(UserError::NotFound(email)))?;
    let was_there = reset.map_err(|err| CliError::unreachable("failed to reset the second factor", err))?;
    if !was_there {
        print_error("the user has no second factor");
    }
    Ok(())
}
