//! What can be asked of the users of a tenant.

use std::sync::Arc;

use secrecy::SecretString;

use super::{Email, InvalidEmail, Role, User};
use crate::audit::{Action, Event, Object};
use crate::clock::Clock;
use crate::crypto::password::{PasswordError, PasswordPolicy, PasswordPool, PasswordRefused};
use crate::ids::UserId;
use crate::storage::users::{NewUser, UserFilter};
use crate::storage::{Scope, StorageError, WriteScope, sessions, users};

/// Why something could not be done with a user.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The address cannot be a user's.
    #[error(transparent)]
    InvalidEmail(#[from] InvalidEmail),
    /// The password may not be chosen.
    #[error(transparent)]
    PasswordRefused(#[from] PasswordRefused),
    /// Another user has the address.
    #[error("user with a given email already exists")]
    EmailTaken,
    /// The tenant has no such user.
    #[error("user {0} does not exist")]
    NotFound(String),
    /// The current password is missing.
    #[error("current password mismatch: the password as it is now is needed, too")]
    CurrentPassword,
    /// Nobody changes the password of another.
    #[error("password cannot be modified")]
    ForeignPassword,
    /// Somebody else changed the user in the same moment.
    #[error("the user was changed meanwhile")]
    Changed,
    /// There are users already.
    #[error("the first user exists already")]
    NotFirst,
    /// The password was not hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

/// The users of one tenant.
#[derive(Clone)]
pub struct Users {
    pub(super) scope: Scope,
    pub(super) passwords: PasswordPool,
    pub(super) policy: PasswordPolicy,
    pub(super) clock: Arc<dyn Clock>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Precondition {
    None,
    NoUserExists,
}

impl Users {
    /// Binds the users to the tenant of a scope.
    #[must_use]
    pub const fn new(
        scope: Scope,
        passwords: PasswordPool,
        policy: PasswordPolicy,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { scope, passwords, policy, clock }
    }

    /// Adds a user.
    pub async fn add(&self, email: &str, password: SecretString, role: Role) -> Result<UserId, UserError> {
        self.add_if(email, password, role, Precondition::None).await
    }

    /// Adds the first user of all, an admin.
    ///
    /// # Errors
    ///
    /// [`UserError::NotFirst`] if there is a user, in whatever tenant.
    pub async fn add_first(&self, email: &str, password: SecretString) -> Result<UserId, UserError> {
        self.add_if(email, password, Role::Admin, Precondition::NoUserExists).await
    }

    /// The users that match, by address.
    pub async fn list(&self, filter: &UserFilter) -> Result<Vec<User>, UserError> {
        Ok(users::list(&self.scope, filter).await?)
    }

    /// One user.
    pub async fn get(&self, id: UserId) -> Result<User, UserError> {
        let found = users::find(&self.scope, id).await?;
        found.ok_or_else(|| UserError::NotFound(id.to_string()))
    }

    /// Gives a user another password and ends its sessions.
    pub async fn set_password(&self, email: &str, password: SecretString) -> Result<(), UserError> {
        let email: Email = email.parse()?;
        self.policy.check(&password, email.as_str())?;
        let hash = self.passwords.hash(password).await?;
        let now = self.clock.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let user = find(&tx, email).await?;
        users::set_password_hash(&tx, user.id, &hash, now).await?;
        sessions::delete_of_user(&tx, user.id).await?;
        tx.audit(Event::new(Action::Reset, Object::user(user.id, &user.email)).change("password: replaced"));
        Ok(transaction.commit(now).await?)
    }

    /// Keeps a user from logging in, and ends its sessions.
    pub async fn disable(&self, email: &str) -> Result<(), UserError> {
        let email: Email = email.parse()?;
        let now = self.clock.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let user = find(&tx, email).await?;
        users::disable(&tx, user.id, now).await?;
        sessions::delete_of_user(&tx, user.id).await?;
        tx.audit(Event::new(Action::Disable, Object::user(user.id, &user.email)));
        Ok(transaction.commit(now).await?)
    }

    async fn add_if(
        &self,
        email: &str,
        password: SecretString,
        role: Role,
        precondition: Precondition,
    ) -> Result<UserId, UserError> {
        let email: Email = email.parse()?;
        self.policy.check(&password, email.as_str())?;
        if precondition == Precondition::NoUserExists && users::any_exists(&self.scope).await? {
            return Err(UserError::NotFirst);
        }
        let password_hash = self.passwords.hash(password).await?;
        let now = self.clock.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        if precondition == Precondition::NoUserExists && users::any_exists(&tx).await? {
            return Err(UserError::NotFirst);
        }
        let new = NewUser { id: UserId::generate(), email, password_hash, roles: vec![role.into()] };
        users::insert(&tx, &new, now).await.map_err(|err| {
            if err.is_unique_violation() { UserError::EmailTaken } else { UserError::Storage(err) }
        })?;
        let event = Event::new(Action::Create, Object::user(new.id, &new.email));
        tx.audit(event.change(format!("roles: {role}")));
        transaction.commit(now).await?;
        Ok(new.id)
    }
}

async fn find(tx: &WriteScope<'_>, email: Email) -> Result<User, UserError> {
    let name = email.to_string();
    let filter = UserFilter { emails: vec![email], ..UserFilter::default() };
    users::list(tx, &filter).await?.pop().ok_or(UserError::NotFound(name))
}
