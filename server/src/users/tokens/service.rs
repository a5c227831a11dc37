//! What a user does with its tokens.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;

use super::{Drawn, PersonalToken, TokenKind, TokenLimits, TokenUses};
use crate::audit::{Action, Event, Object, ObjectKind};
use crate::clock::Clock;
use crate::crypto::random::{RandomError, SecureRandom};
use crate::crypto::session_token::{Claims as _, SignTokenError, TokenAuthority, UserClaims};
use crate::ids::{SessionId, TokenId};
use crate::storage::{Scope, StorageError, WriteScope, personal_tokens, sessions};
use crate::users::{Permission, Principal};

/// JWTs that a user may have (management API §1.4).
const JWTS_PER_USER: u64 = 10;
/// Prefixed tokens that a user may have: one for each of its programs.
const PREFIXED_PER_USER: u64 = 50;
/// Longest name, in characters.
const MAX_NAME: usize = 256;
/// Networks that a token may name.
const MAX_NETWORKS: usize = 32;
/// How long a prefixed token lasts if nothing is said.
const USUAL_LIFE: TimeDelta = TimeDelta::days(90);
/// How long a token lasts at most, but for who manages users.
const LONGEST_LIFE: TimeDelta = TimeDelta::days(365);
/// How long an old secret is good beside the new one, at most.
const LONGEST_OVERLAP: TimeDelta = TimeDelta::minutes(60);

/// How long a token is to last.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lifetime {
    /// As long as is usual.
    Usual,
    /// So long.
    For(TimeDelta),
    /// Until it is revoked.
    Unlimited,
}

/// How long an old secret is good beside the new one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Overlap(pub TimeDelta);

/// A prefixed token that is wished for.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What its owner calls it.
    pub name: String,
    /// To what it is narrowed.
    pub limits: TokenLimits,
    /// How long it lasts.
    pub lifetime: Lifetime,
}

/// A token with its text, which is shown this once.
#[derive(Debug)]
pub struct Shown {
    /// What its owner gives to the program.
    pub text: SecretString,
    /// What can be seen of it afterwards.
    pub token: PersonalToken,
}

/// Why something could not be done with a token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The name is empty, long, or holds control characters.
    #[error("a name has 1 to {MAX_NAME} characters, none of them a control character")]
    Name,
    /// It would last too long or not at all.
    #[error("expiration is out of range")]
    Lifetime,
    /// The old secret would be good for too long.
    #[error("an overlap is between 0 and {} seconds", LONGEST_OVERLAP.num_seconds())]
    Overlap,
    /// No or too many networks are named.
    #[error("a token is narrowed to 1 to {MAX_NETWORKS} networks, or to none")]
    Networks,
    /// No permission is named.
    #[error("a token that is narrowed needs at least one scope")]
    NoScopes,
    /// The user may not do this itself.
    #[error("scope {0} is more than the user may do")]
    Scope(Permission),
    /// Tokens make no tokens.
    #[error("a personal token cannot make or change tokens: log in with the password")]
    ByToken,
    /// The user has one of this name.
    #[error("a token with this name exists already")]
    NameTaken,
    /// The user has too many.
    #[error("too many tokens: revoke one that is not in use")]
    TooMany,
    /// The user has no such token.
    #[error("token {0} does not exist")]
    NotFound(TokenId),
    /// A JWT is what it is.
    #[error("a token that is a JWT cannot be rotated: make another one")]
    NotRotatable,
    /// The token was not signed.
    #[error(transparent)]
    Sign(#[from] SignTokenError),
    /// No secret was drawn.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

/// The tokens of one user in one tenant.
pub struct PersonalTokens<'a> {
    /// The user's rows.
    pub scope: Scope,
    /// The user.
    pub caller: &'a Principal,
    /// Signs JWTs.
    pub authority: Arc<TokenAuthority<UserClaims>>,
    /// Draws secrets.
    pub random: Arc<dyn SecureRandom>,
    /// What is not stored yet.
    pub uses: Arc<TokenUses>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Names the server in JWTs.
    pub issuer: String,
}

impl PersonalTokens<'_> {
    /// Makes a JWT with all rights of its user. Without an end it lasts until it is revoked.
    pub async fn create_jwt(&self, name: String, lifetime: Lifetime) -> Result<Shown, TokenError> {
        let now = self.clock.now();
        let life = match lifetime {
            Lifetime::Usual | Lifetime::Unlimited => None,
            Lifetime::For(life) => Some(checked_life(life, LONGEST_LIFE)?),
        };
        let expires_at = life.and_then(|life| now.checked_add_signed(life));
        let token = self.token(name, TokenKind::Jwt, TokenLimits::default(), expires_at, now)?;
        let text = self.authority.sign(&self.claims(&token))?.into();
        self.store(&token, JWTS_PER_USER, now).await?;
        Ok(Shown { text, token })
    }

    /// Makes a prefixed token.
    pub async fn create(&self, new: NewToken) -> Result<Shown, TokenError> {
        let now = self.clock.now();
        self.check_limits(&new.limits)?;
        let expires_at = match (new.lifetime, self.caller.may(Permission::UsersManage)) {
            (Lifetime::Usual, _) => now.checked_add_signed(USUAL_LIFE),
            (Lifetime::For(life), false) => now.checked_add_signed(checked_life(life, LONGEST_LIFE)?),
            (Lifetime::For(life), true) => {
                let end = now.checked_add_signed(checked_life(life, TimeDelta::MAX)?);
                Some(end.ok_or(TokenError::Lifetime)?)
            }
            (Lifetime::Unlimited, true) => None,
            (Lifetime::Unlimited, false) => return Err(TokenError::Lifetime),
        };
        let Drawn { text, handle, hash } = Drawn::draw(&*self.random)?;
        let kind = TokenKind::Prefixed { handle, secret: hash, superseded: None };
        let token = self.token(new.name, kind, new.limits, expires_at, now)?;
        self.store(&token, PREFIXED_PER_USER, now).await?;
        Ok(Shown { text, token })
    }

    /// The user's tokens, oldest first.
    pub async fn list(&self) -> Result<Vec<PersonalToken>, TokenError> {
        let now = self.clock.now();
        let mut tokens = personal_tokens::list(&self.scope, self.caller.user).await?;
        tokens.retain(|token| token.expires_at.is_none_or(|end| now < end));
        for token in &mut tokens {
            token.last_used_at = self.uses.noted(token.id).or(token.last_used_at);
        }
        Ok(tokens)
    }

    /// Replaces the secret of a prefixed token. The one before is good for the overlap; what the token is narrowed
    /// to stays, and its life begins anew.
    pub async fn rotate(&self, id: TokenId, Overlap(overlap): Overlap) -> Result<Shown, TokenError> {
        self.check_caller()?;
        if overlap < TimeDelta::zero() || overlap > LONGEST_OVERLAP {
            return Err(TokenError::Overlap);
        }
        let now = self.clock.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let mut token = self.own(&tx, id).await?;
        if token.expires_at.is_some_and(|end| end <= now) {
            return Err(TokenError::NotFound(id));
        }
        let TokenKind::Prefixed { handle, secret, .. } = token.kind.clone() else {
            return Err(TokenError::NotRotatable);
        };
        let drawn = Drawn::with_handle(handle.clone(), &*self.random)?;
        let began = token.rotated_at.unwrap_or(token.created_at);
        let expires_at = token.expires_at.and_then(|end| now.checked_add_signed(end - began));
        let overlap_until = token.expires_at.map_or(now + overlap, |end| end.min(now + overlap));
        personal_tokens::rotate(&tx, &token, (&drawn.hash, expires_at), overlap_until, now).await?;
        let change = format!("the secret before is good for {} s", (overlap_until - now).num_seconds());
        tx.audit(Event::new(Action::Rotate, object(&token)).change(change));
        transaction.commit(now).await?;
        let superseded = Some((secret, overlap_until));
        token.kind = TokenKind::Prefixed { handle, secret: drawn.hash, superseded };
        token.rotated_at = Some(now);
        token.expires_at = expires_at;
        Ok(Shown { text: drawn.text, token })
    }

    /// Makes a token void.
    pub async fn revoke(&self, id: TokenId) -> Result<(), TokenError> {
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let token = self.own(&tx, id).await?;
        personal_tokens::delete(&tx, id).await?;
        tx.audit(Event::new(Action::Revoke, object(&token)));
        Ok(transaction.commit(self.clock.now()).await?)
    }

    /// Makes a token or a session of the user void; what is not there is void already (management API §1.4).
    pub async fn revoke_any(&self, id: TokenId) -> Result<(), TokenError> {
        match self.revoke(id).await {
            Err(TokenError::NotFound(_)) => {}
            done => return done,
        }
        let session = SessionId::from(id.as_uuid());
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let found = sessions::find(&tx, session).await?;
        if found.is_none_or(|found| found.user != self.caller.user) {
            return Ok(());
        }
        sessions::delete(&tx, session).await?;
        tx.audit(Event::new(Action::Revoke, Object::new(ObjectKind::Session, session)));
        Ok(transaction.commit(self.clock.now()).await?)
    }

    fn check_caller(&self) -> Result<(), TokenError> {
        if self.caller.token.is_some() { Err(TokenError::ByToken) } else { Ok(()) }
    }

    fn check_limits(&self, limits: &TokenLimits) -> Result<(), TokenError> {
        if limits.networks.as_ref().is_some_and(|some| !(1..=MAX_NETWORKS).contains(&some.count())) {
            return Err(TokenError::Networks);
        }
        let scopes = limits.scopes.as_deref();
        if scopes.is_some_and(<[Permission]>::is_empty) {
            return Err(TokenError::NoScopes);
        }
        let excess = scopes.unwrap_or_default().iter().find(|scope| !self.caller.may(**scope));
        excess.map_or(Ok(()), |scope| Err(TokenError::Scope(*scope)))
    }

    fn token(
        &self,
        name: String,
        kind: TokenKind,
        limits: TokenLimits,
        expires_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<PersonalToken, TokenError> {
        self.check_caller()?;
        let length = name.chars().count();
        if !(1..=MAX_NAME).contains(&length) || name.chars().any(char::is_control) {
            return Err(TokenError::Name);
        }
        Ok(PersonalToken {
            id: TokenId::generate(),
            tenant: self.caller.tenant,
            user: self.caller.user,
            name,
            kind,
            limits,
            created_at: now,
            rotated_at: None,
            expires_at,
            last_used_at: None,
        })
    }

    async fn store(&self, token: &PersonalToken, most: u64, now: DateTime<Utc>) -> Result<(), TokenError> {
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        // What has expired takes neither a place nor a name.
        personal_tokens::delete_expired(&tx, now).await?;
        if personal_tokens::list(&tx, token.user).await?.iter().any(|other| other.name == token.name) {
            return Err(TokenError::NameTaken);
        }
        if personal_tokens::count(&tx, token.user, &token.kind).await? >= most {
            return Err(TokenError::TooMany);
        }
        personal_tokens::insert(&tx, token).await?;
        tx.audit(Event::new(Action::Create, object(token)).change(description(token)));
        Ok(transaction.commit(now).await?)
    }

    async fn own(&self, tx: &WriteScope<'_>, id: TokenId) -> Result<PersonalToken, TokenError> {
        let found = personal_tokens::find(tx, id).await?;
        found.filter(|token| token.user == self.caller.user).ok_or(TokenError::NotFound(id))
    }

    fn claims(&self, token: &PersonalToken) -> UserClaims {
        let issued_at = token.created_at.timestamp();
        UserClaims {
            jti: token.id.as_uuid(),
            sub: token.user.as_uuid(),
            iss: self.issuer.clone(),
            aud: UserClaims::AUDIENCE.to_owned(),
            iat: issued_at,
            nbf: issued_at,
            exp: token.expires_at.map(|end| end.timestamp()),
            scp: "mender.*".to_owned(),
            sid: None,
            amr: Vec::new(),
            auth_time: None,
            tenant: token.tenant.as_uuid(),
            is_user: true,
        }
    }
}

fn checked_life(life: TimeDelta, most: TimeDelta) -> Result<TimeDelta, TokenError> {
    if life > TimeDelta::zero() && life <= most { Ok(life) } else { Err(TokenError::Lifetime) }
}

fn object(token: &PersonalToken) -> Object {
    Object::named(ObjectKind::Token, token.id, token.name.as_str())
}

fn description(token: &PersonalToken) -> String {
    let scopes = token.limits.scopes.as_ref().map_or_else(
        || "all of the user's".to_owned(),
        |scopes| scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" "),
    );
    let networks = token.limits.networks.as_ref().map_or_else(|| "all".to_owned(), ToString::to_string);
    let end = token.expires_at.map_or_else(|| "never".to_owned(), |end| end.to_rfc3339());
    format!("kind: {}, scopes: {scopes}, networks: {networks}, expires: {end}", token.kind.as_str())
}
