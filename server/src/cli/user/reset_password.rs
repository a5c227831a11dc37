//! `sealift user reset-password`

use secrecy::SecretString;

use super::store::{Store, refusal};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::password_prompt::{self, PasswordSource};
use crate::config::Config;

/// Give a user a new password and end the user's sessions
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The user's mail address
    email: String,
    /// Read the password from standard input, one line, instead of asking at the terminal
    #[arg(long)]
    password_stdin: bool,
}

/// Replaces a password.
pub(super) async fn run(config: Config, args: Args) -> Result<Exit, CliError> {
    let source = if args.password_stdin { PasswordSource::Stdin } else { PasswordSource::Terminal };
    let password = password_prompt::ask(source)?;
    reset_password(config, args.email, password).await?;
    Ok(Exit::Done)
}

/// Stores the new password and ends the user's sessions.
async fn reset_password(config: Config, email: String, password: SecretString) -> Result<(), CliError> {
    let store = Store::open(&config).await?;
    let done = store.users.set_password(&email, password).await;
    store.close().await?;
    done.map_err(refusal)
}
