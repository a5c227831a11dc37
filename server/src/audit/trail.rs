//! Reading the trail of a tenant.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Action, ActorKind, Event, Object, ObjectKind, Record};
use crate::clock::Clock;
use crate::storage::{Access as _, Page, Scope, StorageError, audit};

/// Which records are asked for; all conditions must hold.
#[derive(Clone, Debug, Default)]
pub struct TrailFilter {
    /// At this moment or later.
    pub after: Option<DateTime<Utc>>,
    /// At this moment or earlier.
    pub before: Option<DateTime<Utc>>,
    /// By any of these actors; empty for all.
    pub actor_ids: Vec<String>,
    /// By actors of this kind.
    pub actor_kind: Option<ActorKind>,
    /// By the user who had this address then, in lower case.
    pub actor_email: Option<String>,
    /// Of this object.
    pub object_id: Option<String>,
    /// Of objects of this kind.
    pub object_kind: Option<ObjectKind>,
    /// Of deployments of this name.
    pub deployment_name: Option<String>,
    /// Oldest first, instead of newest.
    pub oldest_first: bool,
}

/// The records of one tenant.
pub struct Trail {
    scope: Scope,
    clock: Arc<dyn Clock>,
}

impl Trail {
    /// Wires the service.
    #[must_use]
    pub fn new(scope: Scope, clock: Arc<dyn Clock>) -> Self {
        Self { scope, clock }
    }

    /// A part of the records that match, and how many match.
    pub async fn list(&self, filter: &TrailFilter, page: Page) -> Result<(Vec<Record>, u64), StorageError> {
        audit::list(&self.scope, filter, page).await
    }

    /// The first records that match, at most `limit`, to be taken away; which is recorded itself.
    pub async fn export(&self, filter: &TrailFilter, limit: u64) -> Result<Vec<Record>, StorageError> {
        let (records, _) = self.list(filter, Page { page: 1, per_page: limit }).await?;
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let event = Event::new(Action::Export, Object::of_tenant(ObjectKind::AuditLog, tx.tenant()));
        tx.audit(event.change(format!("records: {}", records.len())));
        transaction.commit(self.clock.now()).await?;
        Ok(records)
    }
}
