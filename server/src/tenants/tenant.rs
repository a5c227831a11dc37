//! A tenant.

use std::str::FromStr;

use chrono::{DateTime, Utc};

use super::TenantTokenDigest;
use crate::ids::TenantId;
use crate::storage::Change;

/// A tenant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// What people call it; no other one is called so.
    pub name: String,
    /// Whether it is served.
    pub status: TenantStatus,
    /// Devices that may be accepted at once; `None` for no limit.
    pub device_limit: Option<u64>,
    /// Whether all of its members need a second factor.
    pub require_2fa: bool,
    /// How often its token was replaced.
    pub token_edition: u32,
    /// By what its devices name it; the default tenant is named by nothing.
    pub token: Option<TenantTokenDigest>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Whether a tenant is served.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TenantStatus {
    /// It is.
    Active,
    /// Neither its devices nor its members get in; nothing of it is lost.
    Suspended,
}

/// A text that is no status of a tenant.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not a status: active or suspended is expected")]
pub struct UnknownTenantStatus(pub String);

impl Tenant {
    /// A tenant without any limits and without a token.
    #[must_use]
    pub const fn new(id: TenantId, name: String, now: DateTime<Utc>) -> Self {
        Self {
            id,
            name,
            status: TenantStatus::Active,
            device_limit: None,
            require_2fa: false,
            token_edition: 0,
            token: None,
            created_at: now,
        }
    }

    /// Whether neither its devices nor its members get in.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.status == TenantStatus::Suspended
    }

    /// What those who let devices in have to know of it.
    #[must_use]
    pub fn change(&self) -> Change {
        Change::Tenant { is_suspended: self.is_suspended(), token: self.token }
    }
}

impl TenantStatus {
    /// The spelling in storage and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }
}

impl FromStr for TenantStatus {
    type Err = UnknownTenantStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = [Self::Active, Self::Suspended].into_iter().find(|status| status.as_str() == text);
        known.ok_or_else(|| UnknownTenantStatus(text.to_owned()))
    }
}
