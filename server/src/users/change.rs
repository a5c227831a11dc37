//! Changes of addresses and passwords.

use secrecy::{ExposeSecret as _, SecretString};

use super::{ConfirmedPassword, Email, Principal, TotpState, UserError, Users};
use crate::audit::{Action, Event, Object};
use crate::ids::UserId;
use crate::storage::{WriteScope, sessions, users};

/// What of a user becomes different.
#[derive(Debug, Default)]
pub struct AccountChange {
    /// The new address.
    pub email: Option<Email>,
    /// The new password.
    pub password: Option<SecretString>,
}

impl Users {
    /// Changes the caller's own address or password, for who just showed the current password; ends the
    /// caller's other sessions.
    pub async fn change_own(
        &self,
        caller: &Principal,
        change: AccountChange,
        current: &ConfirmedPassword,
    ) -> Result<(), UserError> {
        let email = change.email.as_ref().unwrap_or(&caller.email);
        if let Some(password) = &change.password {
            match caller.totp {
                TotpState::Enabled => self.policy.check_with_second_factor(password, email.as_str())?,
                TotpState::Disabled | TotpState::Unverified => self.policy.check(password, email.as_str())?,
            }
        }
        let missing = || UserError::NotFound(caller.user.to_string());
        let hash = match change.password {
            Some(password) => Some(self.passwords.hash(password).await?),
            None => None,
        };
        let now = self.clock.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let same = users::password_hash(&tx, caller.user).await?.ok_or_else(missing)?;
        if same.expose_secret() != current.hash().expose_secret() {
            return Err(UserError::Changed);
        }
        let mut changed = Vec::new();
        if let Some(hash) = hash {
            users::set_password_hash(&tx, caller.user, &hash, now).await?;
            changed.push("password: replaced".to_owned());
        }
        if let Some(email) = change.email {
            set_email(&tx, caller.user, &email, now).await?;
            changed.push(format!("email: {email}"));
        }
        sessions::delete_others(&tx, caller.user, caller.session).await?;
        let user = Object::user(caller.user, &caller.email);
        tx.audit(Event::new(Action::Update, user).change(changed.join(", ")));
        Ok(transaction.commit(now).await?)
    }
}

/// Stores another address, unless it is taken.
pub(super) async fn set_email(
    tx: &WriteScope<'_>,
    id: UserId,
    email: &Email,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), UserError> {
    users::set_email(tx, id, email, now).await.map_err(|err| {
        if err.is_unique_violation() { UserError::EmailTaken } else { UserError::Storage(err) }
    })
}
