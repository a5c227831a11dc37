//! `sealift user add`

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use secrecy::SecretString;

use super::store::{Store, refusal};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::password_prompt::{self, PasswordSource};
use crate::config::Config;
use crate::users::Role;

/// Add a user
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The mail address, which is the name to log in with
    email: String,
    /// What the user may do
    #[arg(long, default_value_t = Role::Admin, value_parser = roles())]
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

/// Stores the user; the service checks address and password.
async fn add_user(config: Config, email: String, role: Role, password: SecretString) -> Result<(), CliError> {
    let store = Store::open(&config).await?;
    let added = store.users.add(&email, password, role).await;
    store.close().await?;
    added.map_err(refusal)?;
    Ok(())
}

/// The roles with what they are, for the help.
fn roles() -> impl TypedValueParser<Value = Role> {
    let known = Role::ALL.map(|role| PossibleValue::new(role.as_str()).help(role.description()));
    PossibleValuesParser::new(known).try_map(|name| name.parse::<Role>())
}
