//! Personal tokens: what programs of a user come with instead of a password.
//!
//! A token is a *JWT*, as existing tools know it, or *prefixed*: a public *handle*, by which it is found, and a secret,
//! of which the server keeps a hash. A prefixed token may be *narrowed* to some permissions and networks. It never
//! may more than its user does at that moment, and it is void once its user is changed.

mod checks;
mod service;
#[cfg(test)]
mod tests;
mod text;
mod uses;

use std::net::IpAddr;

use chrono::{DateTime, Utc};

pub use checks::TokenChecks;
pub use service::{Lifetime, NewToken, Overlap, PersonalTokens, Shown, TokenError};
pub(super) use text::random_word;
pub use text::{Drawn, TokenHandle, TokenHash, TokenText};
pub use uses::TokenUses;

use super::Permission;
use crate::ids::{TenantId, TokenId, UserId};
use crate::throttle::Networks;

/// A token as its owner sees it afterwards.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PersonalToken {
    /// Its id.
    pub id: TokenId,
    /// The tenant that it is for.
    pub tenant: TenantId,
    /// Whose it is.
    pub user: UserId,
    /// What its owner calls it; unique among the owner's.
    pub name: String,
    /// What it looks like, and what it is checked against.
    pub kind: TokenKind,
    /// To what it is narrowed.
    pub limits: TokenLimits,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its secret was last replaced.
    pub rotated_at: Option<DateTime<Utc>>,
    /// When it ends by itself, if it does.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last seen to be used, to some minutes.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// What a token looks like.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TokenKind {
    /// A signed JWT; its id is its `jti`.
    Jwt,
    /// `slt_pat_…`.
    Prefixed {
        /// By which it is found.
        handle: TokenHandle,
        /// The hash of its secret.
        secret: TokenHash,
        /// The hash of the secret before, and until when that is good as well.
        superseded: Option<(TokenHash, DateTime<Utc>)>,
    },
}

impl TokenKind {
    /// The spelling in storage and on the wire.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Prefixed { .. } => "prefixed",
        }
    }
}

/// To what a token is narrowed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TokenLimits {
    /// What it may be used for, as far as its user may do it; all of that if none is named.
    pub scopes: Option<Vec<Permission>>,
    /// From where it may be used; from everywhere if none is named.
    pub networks: Option<Networks>,
}

/// The token that a caller came with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TokenUse {
    /// The token.
    pub id: TokenId,
    /// To what it is narrowed.
    pub limits: TokenLimits,
}

impl TokenLimits {
    /// Whether it may be used from there. Who comes from nowhere that is known is not in a network.
    #[must_use]
    pub fn reach(&self, address: Option<IpAddr>) -> bool {
        self.networks.as_ref().is_none_or(|networks| address.is_some_and(|address| networks.contain(address)))
    }
}
