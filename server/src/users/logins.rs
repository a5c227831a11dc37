//! Logging in and out, and who a token stands for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;

use super::password_check::Guessed;
use super::second_factors::Checked;
use super::tokens::TokenUses;
use super::{
    Account, Authentication, CheckError, Principal, Proof, SecondFactors, Session, SessionKind, TokenChecks,
    TotpState,
};
use crate::audit::{Action, Actor, Event, Object, Origin, Who};
use crate::clock::Clock;
use crate::crypto::password::{PasswordError, PasswordPool};
use crate::crypto::session_token::{Claims, SignTokenError, TokenAuthority, UserClaims};
use crate::ids::{SessionId, TenantId};
use crate::storage::{Database, StorageError, known_sites, personal_tokens, sessions, totp_factors, users};
use crate::throttle::{Guesses, Networks, Site};

/// Sessions that a user may have; the oldest gives way (management API §1.1).
pub(super) const SESSIONS_PER_USER: u64 = 10;

/// How long a token of a console is good; its session goes on by the refresh token.
const CONSOLE_TOKEN_LIFE: TimeDelta = TimeDelta::minutes(10);

/// How long a session lasts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SessionLife {
    /// As long as is usual here.
    Usual,
    /// Until it is ended.
    Unlimited,
}

/// Why nobody was logged in.
#[derive(Debug, thiserror::Error)]
pub enum LogInError {
    /// No enabled user has this address and this password. Which of them is wrong is not told.
    #[error("unauthorized")]
    Refused,
    /// The password is right, and a code of the second factor is needed.
    #[error("2fa needed")]
    SecondFactorNeeded,
    /// The password is right; the code is wrong, or was used before.
    #[error("2fa needed: the code is wrong")]
    SecondFactorWrong,
    /// The password is right; too many codes were wrong, and this one was not looked at.
    #[error("2fa needed: too many wrong codes, try again later")]
    SecondFactorBlocked {
        /// When the next one is looked at.
        retry_after_secs: u32,
    },
    /// The code was not judged.
    #[error(transparent)]
    SecondFactor(#[from] CheckError),
    /// Too many were wrong that came from there, and this one was not compared.
    #[error("too many requests")]
    TooManyGuesses {
        /// When the next one may be.
        retry_after_secs: u32,
    },
    /// The password was not checked.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The token was not signed.
    #[error(transparent)]
    Sign(#[from] SignTokenError),
    /// The password is right, and no tenant of the user is served.
    #[error("the tenant is suspended: ask who operates this server")]
    Suspended,
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

/// What a log-in gives.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    /// The token that stands for the session.
    pub token: SecretString,
    /// The session.
    pub session: Session,
    /// The site that it was opened from, if the user was logged in before, but not from there lately.
    pub new_site: Option<Site>,
}

/// Opens, checks and ends sessions of users of all tenants.
#[derive(Clone)]
pub struct Logins {
    pub(super) database: Database,
    pub(super) passwords: PasswordPool,
    pub(super) tokens: Arc<TokenAuthority<UserClaims>>,
    pub(super) second_factors: SecondFactors,
    pub(super) personal_tokens: TokenChecks,
    pub(super) guesses: Arc<Guesses>,
    pub(super) clock: Arc<dyn Clock>,
    issuer: String,
    usual_life: TimeDelta,
    /// Whether a user was seen. The last admin cannot be removed, so it is not asked again.
    has_users: Arc<AtomicBool>,
}

impl Logins {
    /// Wires the service; `issuer` names the server in tokens.
    #[must_use]
    pub fn new(
        database: Database,
        passwords: PasswordPool,
        tokens: Arc<TokenAuthority<UserClaims>>,
        second_factors: SecondFactors,
        clock: Arc<dyn Clock>,
        issuer: String,
        usual_life: TimeDelta,
    ) -> Self {
        let (has_users, guesses) = (Arc::default(), Arc::default());
        let personal_tokens = TokenChecks::new(database.clone());
        Self {
            database,
            passwords,
            tokens,
            second_factors,
            personal_tokens,
            guesses,
            clock,
            issuer,
            usual_life,
            has_users,
        }
    }

    /// Takes networks that stand for many people: their wrong passwords in an hour are not limited.
    #[must_use]
    pub fn exempting(self, networks: Networks) -> Self {
        Self { guesses: Arc::new(Guesses::new(Arc::new(networks))), ..self }
    }

    /// Opens a session for who knows the password and, with a second factor, has a `code` of it. An unknown address
    /// takes as long as a wrong password; nothing is told of the second factor before the password is right.
    pub async fn log_in(
        &self,
        email: &str,
        password: SecretString,
        code: Option<SecretString>,
        life: SessionLife,
        origin: Origin,
    ) -> Result<LoggedIn, LogInError> {
        let checked = self.check_password(email, password, origin.address).await?;
        let (account, rehashed) = (&checked.account, checked.rehashed.as_ref());
        let new_site = self.new_site(&checked).await?;
        let opened = self.open(account, rehashed, code, life, origin).await;
        let guessed = if opened.is_ok() { Guessed::LoggedIn } else { Guessed::Nothing };
        self.settle(checked.guess, guessed);
        let session = opened?;
        let token = self.sign(&session, session.created_at)?;
        Ok(LoggedIn { token, session, new_site })
    }

    /// Signs tokens of users.
    #[must_use]
    pub const fn authority(&self) -> &Arc<TokenAuthority<UserClaims>> {
        &self.tokens
    }

    /// When personal tokens were used, before it is stored.
    #[must_use]
    pub fn token_uses(&self) -> &Arc<TokenUses> {
        self.personal_tokens.uses()
    }

    /// Ends the session that the caller came with.
    pub async fn log_out(&self, principal: &Principal, origin: Origin) -> Result<(), StorageError> {
        let actor = Arc::new(Actor::caller(principal, origin));
        let transaction = self.database.scope(principal.tenant).acting(actor).begin().await?;
        let tx = transaction.scope();
        match &principal.token {
            None => sessions::delete(&tx, principal.session).await?,
            Some(token) => drop(personal_tokens::delete(&tx, token.id).await?),
        }
        tx.audit(Event::new(Action::LogOut, Object::user(principal.user, &principal.email)));
        transaction.commit(self.clock.now()).await
    }

    /// Answers whether there is a user at all.
    pub async fn has_users(&self) -> Result<bool, StorageError> {
        if self.has_users.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let found = users::any_exists(&self.database.scope(TenantId::DEFAULT)).await?;
        if found {
            self.has_users.store(true, Ordering::Relaxed);
        }
        Ok(found)
    }

    async fn open(
        &self,
        account: &Account,
        rehashed: Option<&SecretString>,
        code: Option<SecretString>,
        life: SessionLife,
        origin: Origin,
    ) -> Result<Session, LogInError> {
        let now = self.clock.now();
        let id = SessionId::generate();
        let site = origin.address.map(Site::from);
        let who = Who::User { id: account.id, email: account.email.to_string(), credential: id.as_uuid() };
        let actor = Arc::new(Actor { who, origin });
        let transaction = self.database.scope(account.tenant).acting(actor).begin().await?;
        let tx = transaction.scope();
        // The hash took a while to check; whoever was disabled or got another password meanwhile stays out.
        if !users::is_current(&tx, account).await? {
            return Err(LogInError::Refused);
        }
        if account.is_suspended {
            return Err(LogInError::Suspended);
        }
        let factor = totp_factors::find(&tx, account.id).await?;
        let proof = match factor.filter(|factor| factor.state == TotpState::Enabled) {
            None => Proof::Password,
            Some(factor) => {
                let code = code.ok_or(LogInError::SecondFactorNeeded)?;
                match self.second_factors.check(&tx, account.id, &factor, &code, now).await? {
                    Checked::Right(proof) => proof,
                    Checked::Wrong => {
                        let user = Object::user(account.id, &account.email);
                        tx.audit(Event::refused(Action::LogIn, user).change("second factor: wrong code"));
                        transaction.commit(now).await?;
                        return Err(LogInError::SecondFactorWrong);
                    }
                    Checked::Blocked { retry_after_secs } => {
                        return Err(LogInError::SecondFactorBlocked { retry_after_secs });
                    }
                }
            }
        };
        let session = Session {
            id,
            tenant: account.tenant,
            user: account.id,
            created_at: now,
            expires_at: self.end(now, life),
            kind: SessionKind::Api,
            authentication: Authentication { proof, at: now },
            last_used_at: None,
            idle_at: None,
        };
        if let Some(hash) = rehashed {
            users::replace_hash(&tx, account.id, hash).await?;
        }
        users::note_login(&tx, account.id, now).await?;
        if let Some(site) = site {
            known_sites::note(&tx, account.id, site, now).await?;
        }
        sessions::delete_all_but_newest(&tx, account.id, SESSIONS_PER_USER - 1).await?;
        sessions::insert(&tx, &session).await?;
        tx.audit(Event::new(Action::LogIn, Object::user(account.id, &account.email)));
        transaction.commit(now).await?;
        Ok(session)
    }

    fn end(&self, now: DateTime<Utc>, life: SessionLife) -> Option<DateTime<Utc>> {
        match life {
            SessionLife::Usual => now.checked_add_signed(self.usual_life),
            SessionLife::Unlimited => None,
        }
    }

    /// Signs a token of a session.
    pub(super) fn sign(&self, session: &Session, now: DateTime<Utc>) -> Result<SecretString, SignTokenError> {
        let issued_at = now.timestamp();
        let claims = UserClaims {
            jti: session.id.as_uuid(),
            sub: session.user.as_uuid(),
            iss: self.issuer.clone(),
            aud: UserClaims::AUDIENCE.to_owned(),
            iat: issued_at,
            nbf: issued_at,
            exp: token_end(session, now).map(|end| end.timestamp()),
            scp: "mender.*".to_owned(),
            sid: Some(session.id.as_uuid()),
            amr: session.authentication.proof.methods(),
            auth_time: Some(session.authentication.at.timestamp()),
            tenant: session.tenant.as_uuid(),
            is_user: true,
        };
        Ok(self.tokens.sign(&claims)?.into())
    }
}

/// When a token of a session ends: one of the console soon, because there is a refresh token for the next.
fn token_end(session: &Session, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match session.kind {
        SessionKind::Api => session.expires_at,
        SessionKind::Console => {
            let soon = now.checked_add_signed(CONSOLE_TOKEN_LIFE)?;
            Some(session.expires_at.map_or(soon, |end| end.min(soon)))
        }
    }
}
