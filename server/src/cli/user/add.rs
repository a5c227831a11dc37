//! `sealift user add`

use secrecy::SecretString;

use super::role::Role;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::password_prompt::{self, PasswordSource};
use crate::config::Config;

/// Add a user
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The mail address, which is the name to log in with
    email: String,
    /// What the user may do
    #[arg(long, value_enum, default_value_t = Role::Admin)]
    role: Role,
    /// Read the password from standard input, one line, instead of asking at the terminal
    #[arg(long)]
    password_stdin: bool,
}

/// Adds a user.
pub(super) async fn run(config: Config, args: Args) -> Result<Exit, CliError> {
    let source = if args.password_stdin { PasswordSource::Stdin } else { PasswordSource::Terminal };
    let password = password_prompt::ask(source)?;
    add_user(config, args.email, args.role, password).await?;
    Ok(Exit::Done)
}

/// Wiring: checks address and password, stores the user.
#[expect(clippy::unused_async, reason = "awaits once it is wired")]
async fn add_user(
    _config: Config,
    _email: String,
    _role: Role,
    _password: SecretString,
) -> Result<(), CliError> {
    Err(CliError::No("this build has no users".to_owned()))
}
