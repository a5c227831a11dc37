//! `sealift user list`

use super::store::{Store, refusal};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::output::print_line;
use crate::config::Config;
use crate::users::{RoleName, User, UserFilter};

/// List users: one line each, with mail address, roles and state
#[derive(clap::Args, Clone, Copy, Debug)]
pub(super) struct Args {}

/// Lists users.
pub(super) async fn run(config: Config, _args: Args) -> Result<Exit, CliError> {
    for line in list_users(config).await? {
        print_line(&line)?;
    }
    Ok(Exit::Done)
}

/// One line a user, sorted by address, fields apart by tabs.
async fn list_users(config: Config) -> Result<Vec<String>, CliError> {
    let store = Store::open(&config).await?;
    let found = store.users.list(&UserFilter::default()).await;
    store.close().await?;
    Ok(found.map_err(refusal)?.iter().map(line).collect())
}

fn line(user: &User) -> String {
    let state = if user.enabled { "enabled" } else { "disabled" };
    let roles: Vec<_> = user.roles.iter().map(RoleName::as_str).collect();
    format!("{}\t{}\t{state}", user.email, roles.join(","))
}
