//! The users of a data directory, with or without a server beside.

use std::sync::Arc;

use crate::app::{open_database, password_policy};
use crate::audit::Actor;
use crate::cli::error::CliError;
use crate::cli::os_user::os_user;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::crypto::password::{HashScheme, PasswordPool};
use crate::crypto::random::SystemRandom;
use crate::crypto::second_factor::FactorKeys;
use crate::ids::TenantId;
use crate::keyring::Keyring;
use crate::storage::{Database, Scope};
use crate::users::{SecondFactors, UserError, Users};

/// The users, and the database that they are in.
pub(super) struct Store {
    /// The users of the default tenant.
    pub(super) users: Users,
    /// The second factors of users.
    pub(super) second_factors: SecondFactors,
    /// The rows of the default tenant, for who sits at the machine.
    pub(super) scope: Scope,
    database: Database,
}

impl Store {
    /// Opens the database, made and brought up to date when needed.
    pub(super) async fn open(config: &Config) -> Result<Self, CliError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let database = open_database(config, &*clock)
            .await
            .map_err(|err| CliError::unreachable("failed to open the data directory", err))?;
        let random = Arc::new(SystemRandom::new());
        // All of them, so that a key file of another database is noticed.
        let keyring = Keyring::open(&database, &config.data_dir, &*random, clock.now())
            .await
            .map_err(|err| CliError::unreachable("failed to open the server's keys", err))?;
        let scheme = HashScheme::new(config.users.hash_cost(), &keyring.master)
            .map_err(|err| CliError::unreachable("failed to prepare password checks", err))?;
        let keys = FactorKeys::new(keyring.master, Arc::<SystemRandom>::clone(&random));
        let second_factors = SecondFactors::new(keys, Arc::clone(&clock), config.issuer.clone());
        let passwords = PasswordPool::new(1, scheme, random)
            .map_err(|err| CliError::unreachable("failed to prepare password checks", err))?;
        let policy = password_policy(config);
        let scope = database.scope(TenantId::DEFAULT).acting(Arc::new(Actor::console(os_user())));
        let users = Users::new(scope.clone(), passwords, policy, clock);
        Ok(Self { users, second_factors, scope, database })
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
        | UserError::CurrentPassword
        | UserError::ForeignPassword
        | UserError::Changed
        | UserError::NotFirst => CliError::No(err.to_string()),
        UserError::Password(_) | UserError::Storage(_) => {
            CliError::unreachable("failed to reach the users", err)
        }
    }
}
