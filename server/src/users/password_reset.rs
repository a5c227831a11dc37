//! Passwords that are replaced by who does not know them any more.
//!
//! A secret that works once, for a short while, is sent to the user's address, or handed over by who manages users. It
//! stands for nothing but the new password: sessions and tokens end, and a second factor is asked for as ever.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

use super::members::require_here_only;
use super::tokens::random_word;
use super::{Email, MemberError, Members, UserError, Users};
use crate::audit::{Action, Actor, Event, Object, Origin, Who};
use crate::crypto::random::{RandomError, SecureRandom};
use crate::ids::{TenantId, UserId};
use crate::storage::{Database, StorageError, WriteScope, password_resets, sessions, users};

/// How long a secret works.
const LIFE: TimeDelta = TimeDelta::hours(1);

/// How long a user who got a secret by mail gets no other one: nobody's mailbox is filled by strangers.
const PAUSE: TimeDelta = TimeDelta::minutes(5);

/// Digits of a secret in base 62: 256 bits.
const LENGTH: usize = 43;

/// A secret that replaces a password, for its user alone.
#[derive(Debug)]
pub struct ResetSecret {
    /// The secret.
    pub secret: SecretString,
    /// Whose it is.
    pub email: Email,
    /// Until when it works.
    pub until: DateTime<Utc>,
}

/// Why a password was not replaced.
#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    /// No such secret, or not any more. Which of them is not told.
    #[error("the link is not valid, or not any more: ask for another one")]
    Void,
    /// The password may not be chosen, or something failed.
    #[error(transparent)]
    User(#[from] UserError),
    /// No secret was drawn.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// As of any member.
    #[error(transparent)]
    Member(#[from] MemberError),
}

impl From<StorageError> for ResetError {
    fn from(err: StorageError) -> Self {
        Self::User(err.into())
    }
}

/// A password that nobody knows: for a user who is sent a secret to choose one.
pub fn unknown_password(random: &dyn SecureRandom) -> Result<SecretString, RandomError> {
    Ok(random_word(LENGTH, random)?.as_str().into())
}

/// Makes a secret for the user who has an address, in whatever tenant; none if nobody has it, may not log in, or just
/// got one.
pub async fn begin_reset(
    database: &Database,
    random: &dyn SecureRandom,
    email: &str,
    (origin, now): (Origin, DateTime<Utc>),
) -> Result<Option<ResetSecret>, ResetError> {
    let Ok(email) = email.parse::<Email>() else { return Ok(None) };
    let account = users::account(&database.scope(TenantId::DEFAULT), &email).await?;
    let Some(account) = account.filter(|account| account.enabled) else { return Ok(None) };
    let actor = Arc::new(Actor { who: Who::Holder("password-reset"), origin });
    let transaction = database.scope(account.tenant).acting(actor).begin().await?;
    let tx = transaction.scope();
    if password_resets::made_at(&tx, account.id).await?.is_some_and(|at| now < at + PAUSE) {
        return Ok(None);
    }
    let made = make(&tx, random, (account.id, email), now).await?;
    transaction.commit(now).await?;
    Ok(Some(made))
}

/// Replaces the password of whose secret this is; tells whose it was.
pub async fn complete_reset(
    database: &Database,
    users_of: impl FnOnce(TenantId) -> Users,
    secret: &SecretString,
    password: SecretString,
    origin: Origin,
) -> Result<Email, ResetError> {
    let hash = sha256(secret);
    let scope = database.scope(TenantId::DEFAULT);
    let service = users_of(TenantId::DEFAULT);
    let found = password_resets::holder(&scope, &hash, service.now()).await?;
    let (tenant, user) = found.ok_or(ResetError::Void)?;
    let member = users::find(&database.scope(tenant), user).await?.filter(|member| member.enabled);
    let member = member.ok_or(ResetError::Void)?;
    // A password that may not be chosen does not use the secret up.
    let password_hash = service.hash(&member.email, password).await?;
    let now = service.now();
    let actor = Arc::new(Actor { who: Who::Holder("password-reset"), origin });
    let transaction = database.scope(tenant).acting(actor).begin().await?;
    let tx = transaction.scope();
    // Of two who come with the same secret, one is too late.
    if !password_resets::take(&tx, &hash).await? {
        return Err(ResetError::Void);
    }
    users::set_password_hash(&tx, user, &password_hash, now).await?;
    sessions::delete_of_user(&tx, user).await?;
    let event = Event::new(Action::Reset, Object::user(user, &member.email));
    tx.audit(event.change("password: replaced by a one-time secret"));
    transaction.commit(now).await?;
    Ok(member.email)
}

impl Members {
    /// Makes a secret for another user, to be handed over.
    pub async fn begin_reset(
        &self,
        id: UserId,
        random: &dyn SecureRandom,
    ) -> Result<ResetSecret, ResetError> {
        let now = self.users.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let user = users::find(&tx, id).await?.ok_or_else(|| UserError::NotFound(id.to_string()))?;
        self.require_cover(&tx, &user.roles).await?;
        require_here_only(&tx, id).await?;
        let made = make(&tx, random, (id, user.email), now).await?;
        transaction.commit(now).await?;
        Ok(made)
    }
}

async fn make(
    tx: &WriteScope<'_>,
    random: &dyn SecureRandom,
    (user, email): (UserId, Email),
    now: DateTime<Utc>,
) -> Result<ResetSecret, ResetError> {
    let secret = SecretString::from(random_word(LENGTH, random)?.as_str());
    let until = now + LIFE;
    password_resets::replace(tx, user, &sha256(&secret), (now, until)).await?;
    let event = Event::new(Action::Create, Object::user(user, &email));
    tx.audit(event.change("one-time secret for a new password"));
    Ok(ResetSecret { secret, email, until })
}

fn sha256(secret: &SecretString) -> [u8; 32] {
    Sha256::digest(secret.expose_secret().trim()).into()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use secrecy::{ExposeSecret as _, SecretString};

    use super::{ResetError, ResetSecret, begin_reset, complete_reset};
    use crate::audit::Origin;
    use crate::clock::Clock as _;
    use crate::storage::testing::{TestDatabase, database_tests};
    use crate::users::tests::Bench;
    use crate::users::{Email, Role, UserError};

    database_tests![
        a_secret_replaces_the_password_once_and_ends_sessions,
        secrets_end_and_are_replaced,
        nobody_gets_a_secret_who_cannot_log_in,
        of_two_who_come_at_once_one_is_late,
    ];

    const EMAIL: &str = "ops@example.com";
    const PASSWORD: &str = "a fair wind to sail";
    const NEXT: &str = "nine lanterns on a quay";

    async fn begin(bench: &Bench, email: &str) -> Option<ResetSecret> {
        let at = (Origin::default(), bench.clock.now());
        begin_reset(&bench.storage.database, bench.random.as_ref(), email, at).await.unwrap()
    }

    async fn complete(bench: &Bench, secret: &SecretString, password: &str) -> Result<Email, ResetError> {
        let users = |_| bench.users.clone();
        let database = &bench.storage.database;
        complete_reset(database, users, secret, password.into(), Origin::default()).await
    }

    async fn bench(storage: TestDatabase) -> Bench {
        let bench = Bench::new(storage);
        bench.users.add(EMAIL, PASSWORD.into(), Role::Admin).await.unwrap();
        bench
    }

    async fn a_secret_replaces_the_password_once_and_ends_sessions(storage: TestDatabase) {
        let bench = bench(storage).await;
        let login = bench.log_in(EMAIL, PASSWORD).await.unwrap();
        let made = begin(&bench, "OPS@example.com").await.unwrap();
        assert_eq!((made.secret.expose_secret().len(), made.email.as_str()), (43, EMAIL));
        assert!(bench.is_open(&login).await, "asking changes nothing");
        let weak = complete(&bench, &made.secret, "short").await;
        assert!(matches!(weak, Err(ResetError::User(UserError::PasswordRefused(_)))));
        assert_eq!(complete(&bench, &made.secret, NEXT).await.unwrap().as_str(), EMAIL);
        assert!(!bench.is_open(&login).await);
        assert!(bench.log_in(EMAIL, PASSWORD).await.is_err());
        bench.log_in(EMAIL, NEXT).await.unwrap();
        assert!(matches!(complete(&bench, &made.secret, PASSWORD).await, Err(ResetError::Void)));
    }

    async fn secrets_end_and_are_replaced(storage: TestDatabase) {
        let bench = bench(storage).await;
        let first = begin(&bench, EMAIL).await.unwrap();
        assert!(begin(&bench, EMAIL).await.is_none(), "not again so soon");
        bench.clock.advance(TimeDelta::minutes(5));
        let second = begin(&bench, EMAIL).await.unwrap();
        assert!(matches!(complete(&bench, &first.secret, NEXT).await, Err(ResetError::Void)));
        bench.clock.advance(TimeDelta::hours(1));
        assert!(matches!(complete(&bench, &second.secret, NEXT).await, Err(ResetError::Void)));
        for nonsense in ["", "x", &"A".repeat(43)] {
            assert!(matches!(complete(&bench, &nonsense.into(), NEXT).await, Err(ResetError::Void)));
        }
        bench.log_in(EMAIL, PASSWORD).await.unwrap();
    }

    async fn nobody_gets_a_secret_who_cannot_log_in(storage: TestDatabase) {
        let bench = bench(storage).await;
        assert!(begin(&bench, "nobody@example.com").await.is_none());
        assert!(begin(&bench, "no address").await.is_none());
        let made = begin(&bench, EMAIL).await.unwrap();
        bench.users.disable(EMAIL).await.unwrap();
        assert!(matches!(complete(&bench, &made.secret, NEXT).await, Err(ResetError::Void)));
        bench.clock.advance(TimeDelta::minutes(6));
        assert!(begin(&bench, EMAIL).await.is_none());
    }

    async fn of_two_who_come_at_once_one_is_late(storage: TestDatabase) {
        let bench = bench(storage).await;
        let made = begin(&bench, EMAIL).await.unwrap();
        let both = tokio::join!(
            Box::pin(complete(&bench, &made.secret, NEXT)),
            Box::pin(complete(&bench, &made.secret, "a fair wind to harbour"))
        );
        assert!(both.0.is_ok() != both.1.is_ok(), "{both:?}");
    }
}
