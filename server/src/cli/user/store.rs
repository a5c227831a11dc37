//! The users of a data directory, with or without a server beside.

use std::sync::Arc;

use crate::app::open_database;
use crate::audit::Actor;
use crate::cli::error::CliError;
use crate::cli::os_user::os_user;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::crypto::password::{PasswordPolicy, PasswordPool};
use crate::crypto::random::SystemRandom;
use crate::ids::TenantId;
use crate::storage::Database;
use crate::users::{UserError, Users};

/// The users, and the database that they are in.
pub(super) struct Store {
    /// The users of the default tenant.
    pub(super) users: Users,
    database: Database,
}

impl Store {
    /// Opens the database, made and brought up to date when needed.
    pub(super) async fn open(config: &Config) -> Result<Self, CliError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let database = open_database(config, &*clock)
            .await
            .map_err(|err| CliError::unreachable("failed to open the data directory", err))?;
        let passwords = PasswordPool::new(1, Arc::new(SystemRandom::new()))
            .map_err(|err| CliError::unreachable("failed to prepare password checks", err))?;
        let policy = PasswordPolicy::new(config.users.password_min_length);
        let scope = database.scope(TenantId::DEFAULT).acting(Arc::new(Actor::console(os_user())));
        let users = Users::new(scope, passwords, policy, clock);
        Ok(Self { users, database })
    }

    /// Closes the database.
    pub(super) async fn close(self) -> Result<(), CliError> {
        let closed = self.database.close().await;
        closed.map_err(|err| CliError::unreachable("failed to close the database", err))
    }
}

/// What a refusal means to the person at the terminal.
pub(super) fn refusal(err: UserError) -> CliError {
    match err {
        UserError::InvalidEmail(_) => CliError::WrongUse(err.to_string()),
        UserError::PasswordRefused(_)
        | UserError::EmailTaken
        | UserError::NotFound(_)
        | UserError::NotFirst => CliError::No(err.to_string()),
        UserError::Password(_) | UserError::Storage(_) => {
            CliError::unreachable("failed to reach the users", err)
        }
    }
}
