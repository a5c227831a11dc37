//! For whom a token stands.

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{PersonalToken, TokenHash, TokenKind, TokenText, TokenUse, TokenUses};
use crate::ids::{TenantId, TokenId, UserId};
use crate::storage::{Database, StorageError, personal_tokens};

/// Checks tokens of users of all tenants.
#[derive(Clone)]
pub struct TokenChecks {
    database: Database,
    uses: Arc<TokenUses>,
}

impl TokenChecks {
    /// Wires the service.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database, uses: Arc::default() }
    }

    /// When tokens were used, before it is stored.
    #[must_use]
    pub const fn uses(&self) -> &Arc<TokenUses> {
        &self.uses
    }

    /// Finds the prefixed token that somebody presents; `None` if there is none, or it is not good now or there.
    pub async fn prefixed(
        &self,
        text: &str,
        address: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<Option<PersonalToken>, StorageError> {
        let Some(presented) = TokenText::parse(text) else { return Ok(None) };
        let scope = self.database.scope(TenantId::DEFAULT);
        let found = personal_tokens::by_handle(&scope, &presented.handle).await?;
        Ok(found.filter(|token| is_secret(token, &presented.hash, now) && is_good(token, address, now)))
    }

    /// Finds the token whose JWT somebody presents, which was verified to be ours.
    pub async fn jwt(
        &self,
        tenant: TenantId,
        (id, user): (TokenId, UserId),
        address: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<Option<PersonalToken>, StorageError> {
        let found = personal_tokens::find(&self.database.scope(tenant), id).await?;
        Ok(found.filter(|token| {
            token.user == user && token.kind == TokenKind::Jwt && is_good(token, address, now)
        }))
    }

    /// Notes that a token is used, and says to what it is narrowed.
    #[must_use]
    pub fn use_of(&self, token: PersonalToken, now: DateTime<Utc>) -> TokenUse {
        self.uses.note(token.id, token.last_used_at, now);
        TokenUse { id: token.id, limits: token.limits }
    }
}

fn is_secret(token: &PersonalToken, presented: &TokenHash, now: DateTime<Utc>) -> bool {
    match &token.kind {
        TokenKind::Jwt => false,
        TokenKind::Prefixed { secret, superseded, .. } => {
            let is_present = secret == presented;
            let was_before = superseded.as_ref().is_some_and(|(hash, end)| hash == presented && now < *end);
            is_present || was_before
        }
    }
}

fn is_good(token: &PersonalToken, address: Option<IpAddr>, now: DateTime<Utc>) -> bool {
    token.expires_at.is_none_or(|end| now < end) && token.limits.reach(address)
}
