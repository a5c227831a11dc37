//! The tenants that a user is a member of.

use std::sync::Arc;

use super::Tenant;
use crate::fleet::FleetIndex;
use crate::ids::{TenantId, UserId};
use crate::storage::{Access as _, Scope, StorageError, tenants, users};

/// A tenant as its members see it in a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TenantEntry {
    /// Its id.
    pub id: TenantId,
    /// What people call it.
    pub name: String,
}

/// The tenants of a caller, who works in one of them.
pub struct OwnTenants {
    scope: Scope,
    fleet: Arc<FleetIndex>,
    user: UserId,
}

impl OwnTenants {
    /// Binds the service to a user.
    #[must_use]
    pub const fn new(scope: Scope, fleet: Arc<FleetIndex>, user: UserId) -> Self {
        Self { scope, fleet, user }
    }

    /// Those that the user can work in, the first membership first.
    pub async fn list(&self) -> Result<Vec<TenantEntry>, StorageError> {
        users::tenants_of(&self.scope, self.user).await
    }

    /// The one that the user works in, and how many of its devices are accepted.
    pub async fn current(&self) -> Result<Option<(Tenant, u64)>, StorageError> {
        let Some(tenant) = tenants::own(&self.scope).await? else { return Ok(None) };
        Ok(Some((tenant, self.fleet.accepted(self.scope.tenant()).len())))
    }
}
