//! Roles that a tenant makes.

use chrono::{DateTime, Utc};

use super::{Grant, Rights, RoleName};

/// A role that a tenant made, or what it added to a built-in one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CustomRole {
    /// Its name.
    pub name: RoleName,
    /// What it is for.
    pub description: String,
    /// What it allows; nothing more than the built-in role does if it is one.
    pub grants: Vec<Grant>,
    /// Whether who holds it needs a second factor.
    pub require_2fa: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What somebody is in a tenant.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Standing {
    /// What it may do.
    pub rights: Rights,
    /// Whether tenant or roles ask for a second factor.
    pub require_2fa: bool,
}
