//! Sessions of people at a browser: short tokens, and a refresh token in a cookie that changes each time it is used.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Logins, Principal, Session, SessionKind};
use crate::audit::{Action, Actor, Event, Object, Origin, Who};
use crate::crypto::random::{RandomError, SecureRandom, random_bytes};
use crate::crypto::session_token::SignTokenError;
use crate::ids::{SessionId, TenantId};
use crate::storage::sessions::Refresh;
use crate::storage::{StorageError, sessions, tenants, users};

/// How long after its use the token of before is taken for that of a window that was a little late, and not for a
/// stolen one.
const GRACE: TimeDelta = TimeDelta::seconds(10);

/// Why a session of the console was not opened or did not go on.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// A token that was made for a program opens no session, and a session of the console is one already.
    #[error("only a session that was just opened becomes one of the console")]
    NoLogIn,
    /// The refresh token is not one of an open session.
    #[error("unauthorized")]
    Refused,
    /// Another window has used the token in this moment: its cookie is there, or about to come.
    #[error("the refresh token was used in this moment")]
    Superseded,
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The token was not signed.
    #[error(transparent)]
    Sign(#[from] SignTokenError),
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

/// What a refresh token says: the session, and a secret of 256 bits. Only the hash of the secret is stored.
pub struct RefreshToken {
    session: SessionId,
    secret: SecretString,
}

impl RefreshToken {
    fn draw(session: SessionId, random: &dyn SecureRandom) -> Result<Self, RandomError> {
        let secret = zeroize::Zeroizing::new(random_bytes::<32>(random)?);
        Ok(Self { session, secret: URL_SAFE_NO_PAD.encode(secret.as_slice()).into() })
    }

    /// Reads `SESSION.SECRET`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (session, secret) = text.split_once('.')?;
        // As long as 32 bytes in base 64 are.
        let is_secret = secret.len() == 43;
        is_secret.then_some(())?;
        Some(Self { session: session.parse().ok()?, secret: secret.into() })
    }

    /// The text for the cookie.
    #[must_use]
    pub fn text(&self) -> SecretString {
        format!("{}.{}", self.session, self.secret.expose_secret()).into()
    }

    fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.secret.expose_secret()).into()
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshToken").field("session", &self.session).finish_non_exhaustive()
    }
}

/// What keeps a session of the console going.
#[derive(Debug)]
pub struct Refreshed {
    /// The session.
    pub session: Session,
    /// The token for requests; it ends soon.
    pub token: SecretString,
    /// The token that gives the next two; that of before is void.
    pub refresh: RefreshToken,
}

/// Opens sessions of the console and keeps them going.
#[derive(Clone)]
pub struct Consoles {
    logins: Logins,
    random: Arc<dyn SecureRandom>,
    idle: TimeDelta,
    longest: TimeDelta,
}

impl Consoles {
    /// A session ends when it was not refreshed for `idle`, and after `longest` in any case.
    #[must_use]
    pub const fn new(
        logins: Logins,
        random: Arc<dyn SecureRandom>,
        idle: TimeDelta,
        longest: TimeDelta,
    ) -> Self {
        Self { logins, random, idle, longest }
    }

    /// Makes the session that the caller came with one of the console.
    pub async fn open(&self, caller: &Principal, origin: Origin) -> Result<Refreshed, ConsoleError> {
        if caller.authentication.is_none() {
            return Err(ConsoleError::NoLogIn);
        }
        let now = self.logins.clock.now();
        let actor = Arc::new(Actor::caller(caller, origin));
        let transaction = self.logins.database.scope(caller.tenant).acting(actor).begin().await?;
        let tx = transaction.scope();
        let found = sessions::find(&tx, caller.session).await?;
        let found = found.filter(|session| session.kind == SessionKind::Api).ok_or(ConsoleError::NoLogIn)?;
        let longest = end(now, self.longest);
        let session = Session {
            kind: SessionKind::Console,
            expires_at: Some(found.expires_at.map_or(longest, |known| known.min(longest))),
            idle_at: Some(end(now, self.idle)),
            last_used_at: Some(now),
            ..found
        };
        let refresh = RefreshToken::draw(session.id, &*self.random)?;
        sessions::become_console(&tx, &session, &refresh.sha256()).await?;
        let user = Object::user(caller.user, &caller.email);
        tx.audit(Event::new(Action::LogIn, user).change("session: of the console"));
        transaction.commit(now).await?;
        let token = self.logins.sign(&session, now)?;
        Ok(Refreshed { session, token, refresh })
    }

    /// Gives the next tokens for a refresh token. One that was used before was stolen, from its user or by who shows it
    /// now: its session ends.
    pub async fn refresh(&self, shown: &RefreshToken, origin: Origin) -> Result<Refreshed, ConsoleError> {
        let now = self.logins.clock.now();
        let anywhere = self.logins.database.scope(TenantId::DEFAULT);
        let (session, known) =
            sessions::refreshable(&anywhere, shown.session).await?.ok_or(ConsoleError::Refused)?;
        if !session.is_open(now) {
            return Err(ConsoleError::Refused);
        }
        let scope = self.logins.database.scope(session.tenant);
        let user = users::find(&scope, session.user).await?.filter(|user| user.enabled);
        let user = user.ok_or(ConsoleError::Refused)?;
        if tenants::own(&scope).await?.is_none_or(|tenant| tenant.is_suspended()) {
            return Err(ConsoleError::Refused);
        }
        let hash = shown.sha256();
        let Refresh { current, superseded, at } = known;
        if !bool::from(hash.ct_eq(&current)) {
            let is_late = superseded.is_some_and(|old| bool::from(hash.ct_eq(&old)));
            if is_late && at.is_some_and(|at| now.signed_duration_since(at) <= GRACE) {
                return Err(ConsoleError::Superseded);
            }
            let who =
                Who::User { id: user.id, email: user.email.to_string(), credential: session.id.as_uuid() };
            let transaction = scope.acting(Arc::new(Actor { who, origin })).begin().await?;
            let tx = transaction.scope();
            sessions::delete(&tx, session.id).await?;
            let ended = Event::new(Action::Revoke, Object::user(user.id, &user.email));
            tx.audit(ended.change(format!("session: {}, whose refresh token came twice", session.id)));
            transaction.commit(now).await?;
            return Err(ConsoleError::Refused);
        }
        let refresh = RefreshToken::draw(session.id, &*self.random)?;
        let idle_at = end(now, self.idle);
        let transaction = scope.begin().await?;
        let rotated = sessions::rotate_refresh(
            &transaction.scope(),
            session.id,
            [&hash, &refresh.sha256()],
            idle_at,
            now,
        )
        .await?;
        if !rotated {
            return Err(ConsoleError::Superseded);
        }
        transaction.commit(now).await?;
        let session = Session { idle_at: Some(idle_at), last_used_at: Some(now), ..session };
        let token = self.logins.sign(&session, now)?;
        Ok(Refreshed { session, token, refresh })
    }
}

fn end(now: DateTime<Utc>, after: TimeDelta) -> DateTime<Utc> {
    now.checked_add_signed(after).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::TimeDelta;
    use secrecy::ExposeSecret as _;

    use super::{ConsoleError, Consoles, RefreshToken, Refreshed};
    use crate::audit::Origin;
    use crate::crypto::random::SystemRandom;
    use crate::storage::testing::{TestDatabase, database_tests};
    use crate::users::tests::{Bench, EMAIL, PASSWORD};
    use crate::users::{LoggedIn, Principal, Role, SessionKind};

    database_tests![
        a_console_goes_on_while_it_is_refreshed_up_to_its_end,
        a_token_that_comes_twice_ends_the_session,
        of_many_refreshes_at_once_one_succeeds,
        what_is_no_session_of_a_console_is_not_refreshed,
    ];

    struct Desk {
        bench: Bench,
        consoles: Consoles,
        login: LoggedIn,
    }

    impl Desk {
        async fn new(storage: TestDatabase) -> Self {
            let bench = Bench::new(storage);
            bench.users.add(EMAIL, PASSWORD.into(), Role::Admin).await.unwrap();
            let login = bench.log_in(EMAIL, PASSWORD).await.unwrap();
            let (idle, longest) = (TimeDelta::minutes(30), TimeDelta::hours(12));
            let consoles = Consoles::new(bench.logins.clone(), Arc::new(SystemRandom::new()), idle, longest);
            Self { bench, consoles, login }
        }

        async fn caller(&self) -> Principal {
            self.bench.logins.authenticate(self.login.token.expose_secret()).await.unwrap()
        }

        async fn open(&self) -> Refreshed {
            self.consoles.open(&self.caller().await, Origin::default()).await.unwrap()
        }

        async fn refresh(&self, shown: &RefreshToken) -> Result<Refreshed, ConsoleError> {
            self.consoles.refresh(shown, Origin::default()).await
        }

        async fn is_open(&self, token: &Refreshed) -> bool {
            self.bench.logins.authenticate(token.token.expose_secret()).await.is_ok()
        }
    }

    async fn a_console_goes_on_while_it_is_refreshed_up_to_its_end(storage: TestDatabase) {
        let desk = Desk::new(storage).await;
        let mut last = desk.open().await;
        assert_eq!((last.session.id, last.session.kind), (desk.login.session.id, SessionKind::Console));
        let text = last.refresh.text();
        let read = RefreshToken::parse(text.expose_secret()).unwrap();
        assert_eq!(read.text().expose_secret(), text.expose_secret());
        assert!(desk.is_open(&last).await);
        desk.bench.clock.advance(TimeDelta::minutes(10));
        assert!(!desk.is_open(&last).await, "its token is short");
        last = desk.refresh(&last.refresh).await.unwrap();
        // 10 minutes have passed, and 24 times 29 more.
        for _ in 0..24 {
            desk.bench.clock.advance(TimeDelta::minutes(29));
            last = desk.refresh(&last.refresh).await.unwrap();
            assert!(desk.is_open(&last).await);
        }
        desk.bench.clock.advance(TimeDelta::minutes(14));
        assert!(matches!(desk.refresh(&last.refresh).await, Err(ConsoleError::Refused)), "12 hours are over");

        let login = desk.bench.log_in(EMAIL, PASSWORD).await.unwrap();
        let desk = Desk { login, ..desk };
        let idle = desk.open().await;
        desk.bench.clock.advance(TimeDelta::minutes(30));
        assert!(matches!(desk.refresh(&idle.refresh).await, Err(ConsoleError::Refused)));
        assert!(!desk.bench.is_open(&desk.login).await, "the long token of its log-in ends with it");
    }

    async fn a_token_that_comes_twice_ends_the_session(storage: TestDatabase) {
        let desk = Desk::new(storage).await;
        let first = desk.open().await;
        let second = desk.refresh(&first.refresh).await.unwrap();
        assert!(matches!(desk.refresh(&first.refresh).await, Err(ConsoleError::Superseded)), "a late window");
        let third = desk.refresh(&second.refresh).await.unwrap();
        assert!(desk.is_open(&third).await);
        desk.bench.clock.advance(TimeDelta::seconds(11));
        assert!(matches!(desk.refresh(&second.refresh).await, Err(ConsoleError::Refused)));
        assert!(!desk.is_open(&third).await, "whoever has stolen it is out, and so is its user");
        assert!(matches!(desk.refresh(&third.refresh).await, Err(ConsoleError::Refused)));
    }

    async fn of_many_refreshes_at_once_one_succeeds(storage: TestDatabase) {
        let desk = Arc::new(Desk::new(storage).await);
        let text = desk.open().await.refresh.text();
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                let (desk, text) = (Arc::clone(&desk), text.clone());
                tokio::spawn(async move {
                    desk.refresh(&RefreshToken::parse(text.expose_secret()).unwrap()).await
                })
            })
            .collect();
        let mut done = Vec::new();
        for task in tasks {
            match task.await.unwrap() {
                Ok(refreshed) => done.push(refreshed),
                Err(err) => assert!(matches!(err, ConsoleError::Superseded), "{err}"),
            }
        }
        assert_eq!(done.len(), 1);
        assert!(desk.is_open(&done[0]).await);
    }

    async fn what_is_no_session_of_a_console_is_not_refreshed(storage: TestDatabase) {
        let desk = Desk::new(storage).await;
        let id = desk.login.session.id;
        let forged = RefreshToken::parse(&format!("{id}.{}", "A".repeat(43))).unwrap();
        assert!(matches!(desk.refresh(&forged).await, Err(ConsoleError::Refused)));
        assert!(desk.bench.is_open(&desk.login).await, "a session of a program has none to guess");
        for text in ["", ".", "x.y", &id.to_string(), &format!("{id}."), &format!("{id}.{}", "A".repeat(44))]
        {
            assert!(RefreshToken::parse(text).is_none(), "{text}");
        }
        let caller = desk.caller().await;
        let program = Principal { authentication: None, ..caller.clone() };
        let refused = desk.consoles.open(&program, Origin::default()).await;
        assert!(matches!(refused, Err(ConsoleError::NoLogIn)));
        let open = desk.open().await;
        let again = desk.consoles.open(&caller, Origin::default()).await;
        assert!(matches!(again, Err(ConsoleError::NoLogIn)));
        desk.bench.users.disable(EMAIL).await.unwrap();
        assert!(matches!(desk.refresh(&open.refresh).await, Err(ConsoleError::Refused)));
    }
}
