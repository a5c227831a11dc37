//! The trail of all tenants in the server's keeping: signed checkpoints, and an end of what is old.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{Action, Checkpoint, Event, Object, ObjectKind};
use crate::clock::Clock;
use crate::crypto::session_token::{SigningKeyError, SigningKeySet, VerifyingKey};
use crate::ids::TenantId;
use crate::storage::{Database, StorageError, audit, audit_checkpoints};

/// Why the trail was not looked after.
#[derive(Debug, thiserror::Error)]
pub enum CustodyError {
    /// The checkpoint was not signed.
    #[error("failed to sign a checkpoint")]
    Sign(#[from] SigningKeyError),
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

/// Keeps the trail of all tenants.
#[derive(Clone)]
pub struct Custody {
    database: Database,
    keys: SigningKeySet,
    clock: Arc<dyn Clock>,
}

impl Custody {
    /// Takes the keys that sign checkpoints.
    #[must_use]
    pub const fn new(database: Database, keys: SigningKeySet, clock: Arc<dyn Clock>) -> Self {
        Self { database, keys, clock }
    }

    /// The keys that signed its checkpoints.
    #[must_use]
    pub fn keys(&self) -> Vec<VerifyingKey> {
        self.keys.verifying().cloned().collect()
    }

    /// Signs the end of the trail as it is now, for who keeps it elsewhere.
    pub async fn sign_end(&self) -> Result<Checkpoint, CustodyError> {
        let end = audit::end(&self.database.scope(TenantId::DEFAULT)).await?;
        Ok(Checkpoint::sign(end, self.clock.now(), None, self.keys.current())?)
    }

    /// Signs the end of the trail and keeps that, unless nothing was recorded since the last time.
    pub async fn checkpoint(&self) -> Result<Option<Checkpoint>, CustodyError> {
        let transaction = self.database.begin(TenantId::DEFAULT).await?;
        let tx = transaction.scope();
        let end = audit::end(&tx).await?;
        let newest = audit_checkpoints::newest_through(&tx, i64::MAX).await?;
        if end.0 == newest.map_or(0, |checkpoint| checkpoint.sequence) {
            return Ok(None);
        }
        let now = self.clock.now();
        let checkpoint = Checkpoint::sign(end, now, None, self.keys.current())?;
        audit_checkpoints::insert(&tx, &checkpoint).await?;
        transaction.commit(now).await?;
        Ok(Some(checkpoint))
    }

    /// Drops the records that are older than `keep`, up to a checkpoint; what that says of the last of them is signed
    /// again, and the trail goes on from there. Nothing is done before the oldest record is a day older than that:
    /// each time leaves a record itself. Returns how many went.
    pub async fn seal(&self, keep: TimeDelta) -> Result<u64, CustodyError> {
        let now = self.clock.now();
        let Some(before) = now.checked_sub_signed(keep) else { return Ok(0) };
        let transaction = self.database.begin(TenantId::DEFAULT).await?;
        let tx = transaction.scope();
        let first = audit::following(&tx, 0, 1).await?;
        if !first.iter().any(|record| record.at < before - TimeDelta::days(1)) {
            return Ok(0);
        }
        let old = audit::last_before(&tx, before).await?;
        let Some(checkpoint) = audit_checkpoints::newest_through(&tx, old).await? else { return Ok(0) };
        if checkpoint.sealed_at.is_some() {
            return Ok(0);
        }
        let end = (checkpoint.sequence, checkpoint.hash);
        let sealed = Checkpoint::sign(end, checkpoint.at, Some(now), self.keys.current())?;
        audit_checkpoints::replace(&tx, &sealed).await?;
        let dropped = audit::delete_through(&tx, sealed.sequence).await?;
        let event = Event::new(Action::Seal, Object::new(ObjectKind::AuditLog, sealed.sequence));
        tx.audit(event.change(format!("records: {dropped} dropped, up to {}", sealed.sequence)));
        transaction.commit(now).await?;
        Ok(dropped)
    }
}
