//! Scopes: who may see which rows.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DatabaseExecutor, DatabaseTransaction};
use tokio::sync::OwnedMutexGuard;

use super::database::Gate;
use super::patience::{Executor, patiently};
use super::{Change, Database, Sight, StorageError, audit, change_log};
use crate::audit::{Actor, Event};
use crate::ids::TenantId;

/// A way to the rows of one tenant.
pub trait Access: Sync {
    /// The tenant whose rows these are.
    fn tenant(&self) -> TenantId;
    /// Which of them may be seen and changed.
    fn sight(&self) -> &Sight;
    /// Where statements run.
    #[doc(hidden)]
    fn executor(&self) -> Executor<'_>;
}

/// The database as one tenant sees it, outside a transaction: each read sees what was committed before it. What is
/// changed through it is changed by its actor, which is the server itself unless somebody is named.
#[derive(Clone)]
pub struct Scope {
    database: Database,
    tenant: TenantId,
    actor: Arc<Actor>,
    sight: Arc<Sight>,
}

impl Scope {
    pub(crate) fn new(database: Database, tenant: TenantId, actor: Arc<Actor>, sight: Arc<Sight>) -> Self {
        Self { database, tenant, actor, sight }
    }

    /// The same with nothing in it but what is in sight.
    #[must_use]
    pub fn seeing(self, sight: Arc<Sight>) -> Self {
        Self { sight, ..self }
    }

    /// The same for somebody who acts through it.
    #[must_use]
    pub fn acting(self, actor: Arc<Actor>) -> Self {
        Self { actor, ..self }
    }

    /// The same for the server's own bookkeeping, of which nobody has to be told.
    #[must_use]
    pub fn unattended(&self) -> Self {
        self.database.scope(self.tenant)
    }

    pub(crate) const fn connection(&self) -> &DatabaseConnection {
        self.database.reader()
    }

    /// Begins a write transaction. All of this process pass one gate, so this may wait for others.
    pub async fn begin(&self) -> Result<Transaction, StorageError> {
        self.database.begin_for(self.tenant, Arc::clone(&self.actor), Arc::clone(&self.sight)).await
    }
}

impl Access for Scope {
    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn sight(&self) -> &Sight {
        &self.sight
    }

    fn executor(&self) -> Executor<'_> {
        Executor::new(DatabaseExecutor::Connection(self.database.reader()))
    }
}

/// A write transaction. Dropped without [`Transaction::commit`], it leaves no trace.
pub struct Transaction {
    database: Database,
    inner: DatabaseTransaction,
    tenant: TenantId,
    actor: Arc<Actor>,
    sight: Arc<Sight>,
    changes: Mutex<Vec<(TenantId, Change)>>,
    events: Mutex<Vec<(TenantId, Event)>>,
    gate: OwnedMutexGuard<Gate>,
}

impl Transaction {
    pub(crate) fn new(
        database: Database,
        inner: DatabaseTransaction,
        (tenant, actor, sight): (TenantId, Arc<Actor>, Arc<Sight>),
        gate: OwnedMutexGuard<Gate>,
    ) -> Self {
        let (changes, events) = (Mutex::default(), Mutex::default());
        Self { database, inner, tenant, actor, sight, changes, events, gate }
    }

    /// The transaction as who it was begun for sees it.
    #[must_use]
    pub fn scope(&self) -> WriteScope<'_> {
        WriteScope { transaction: self, tenant: self.tenant, sight: &self.sight }
    }

    /// The transaction as another tenant sees it: the group-commit writer serves several at once.
    #[must_use]
    pub const fn scope_of(&self, tenant: TenantId) -> WriteScope<'_> {
        WriteScope { transaction: self, tenant, sight: &EVERYTHING }
    }

    /// Appends the events to the audit trail, makes everything durable, then tells what follows the change log, then lets the next writer in.
    ///
    /// Runs to its end even if nobody waits for it any more: a caller that went away between the commit and
    /// the telling would leave memory behind the database.
    ///
    /// # Errors
    ///
    /// [`StorageError::Unrecorded`] if somebody changed something and no event says so: nothing is stored then.
    pub async fn commit(self, now: DateTime<Utc>) -> Result<(), StorageError> {
        let finished = tokio::spawn(self.finish(now)).await;
        finished.unwrap_or(Err(StorageError::Interrupted))
    }

    async fn finish(self, now: DateTime<Utc>) -> Result<(), StorageError> {
        let (changes, events) = (self.changes.into_inner(), self.events.into_inner());
        if self.actor.is_accountable() && events.is_empty() {
            return Err(StorageError::Unrecorded);
        }
        let backend = self.inner.get_database_backend();
        let executor = Executor::new(DatabaseExecutor::Transaction(&self.inner));
        audit::append(&executor, &self.actor, &events, now).await?;
        change_log::append(&executor, &changes, now).await?;
        let mark = self.database.mark(&executor).await?;
        match patiently(backend, self.inner.commit()).await.map_err(StorageError::from) {
            Ok(()) => {
                self.database.publish(&changes);
                drop(self.gate);
                Ok(())
            }
            Err(err @ StorageError::Unavailable(_)) => {
                self.database.settle(self.gate, mark, changes, err).await
            }
            Err(err) => Err(err),
        }
    }
}

/// A write transaction as one tenant sees it.
#[derive(Clone, Copy)]
pub struct WriteScope<'t> {
    transaction: &'t Transaction,
    tenant: TenantId,
    sight: &'t Sight,
}

static EVERYTHING: Sight = Sight::EVERYTHING;

impl WriteScope<'_> {
    /// The same with the whole tenant in it: for what follows from an act, wherever it is.
    #[must_use]
    pub const fn unlimited(self) -> Self {
        Self { sight: &EVERYTHING, ..self }
    }

    /// Notes a change; it is logged with the transaction and applied after its commit.
    pub fn record(&self, change: Change) {
        self.transaction.changes.lock().push((self.tenant, change));
    }

    /// Notes what the transaction's actor did; it is in the audit trail if and only if the rest is stored.
    pub fn audit(&self, event: Event) {
        self.transaction.events.lock().push((self.tenant, event));
    }
}

impl Access for WriteScope<'_> {
    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn sight(&self) -> &Sight {
        self.sight
    }

    fn executor(&self) -> Executor<'_> {
        Executor::new(DatabaseExecutor::Transaction(&self.transaction.inner))
    }
}

/// A part of a list: `page` counts from 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Page {
    /// Which part, from 1.
    pub page: u64,
    /// Rows in a part.
    pub per_page: u64,
}

impl Page {
    /// Rows before this part; no more than databases can count.
    pub(crate) fn offset(self) -> u64 {
        let rows = self.page.saturating_sub(1).saturating_mul(self.per_page);
        rows.min(i64::MAX.unsigned_abs())
    }

    /// This part of a list that is whole in memory.
    #[must_use]
    pub fn of<T>(self, list: &[T]) -> &[T] {
        let size = usize::try_from(self.per_page).unwrap_or(usize::MAX).max(1);
        let before = usize::try_from(self.page.saturating_sub(1)).unwrap_or(usize::MAX);
        list.chunks(size).nth(before).unwrap_or_default()
    }
}
