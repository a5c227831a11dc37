//! Scopes: who may see which rows.

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DatabaseExecutor, DatabaseTransaction};
use tokio::sync::OwnedMutexGuard;

use super::database::Gate;
use super::patience::{Executor, patiently};
use super::{Change, Database, StorageError, change_log};
use crate::ids::TenantId;

/// A way to the rows of one tenant.
pub trait Access: Sync {
    /// The tenant whose rows these are.
    fn tenant(&self) -> TenantId;
    /// Where statements run.
    #[doc(hidden)]
    fn executor(&self) -> Executor<'_>;
}

/// The database as one tenant sees it, outside a transaction: each read sees what was committed before it.
#[derive(Clone)]
pub struct Scope {
    database: Database,
    tenant: TenantId,
}

impl Scope {
    pub(crate) const fn new(database: Database, tenant: TenantId) -> Self {
        Self { database, tenant }
    }

    pub(crate) const fn connection(&self) -> &DatabaseConnection {
        self.database.reader()
    }

    /// Begins a write transaction. All of this process pass one gate, so this may wait for others.
    pub async fn begin(&self) -> Result<Transaction, StorageError> {
        self.database.begin(self.tenant).await
    }
}

impl Access for Scope {
    fn tenant(&self) -> TenantId {
        self.tenant
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
    changes: Mutex<Vec<(TenantId, Change)>>,
    gate: OwnedMutexGuard<Gate>,
}

impl Transaction {
    pub(crate) const fn new(
        database: Database,
        inner: DatabaseTransaction,
        tenant: TenantId,
        gate: OwnedMutexGuard<Gate>,
    ) -> Self {
        Self { database, inner, tenant, changes: Mutex::new(Vec::new()), gate }
    }

    /// The transaction as the tenant sees it that it was begun for.
    #[must_use]
    pub const fn scope(&self) -> WriteScope<'_> {
        self.scope_of(self.tenant)
    }

    /// The transaction as another tenant sees it: the group-commit writer serves several at once.
    #[must_use]
    pub const fn scope_of(&self, tenant: TenantId) -> WriteScope<'_> {
        WriteScope { transaction: self, tenant }
    }

    /// Makes everything durable, then tells what follows the change log, then lets the next writer in.
    ///
    /// Runs to its end even if nobody waits for it any more: a caller that went away between the commit and
    /// the telling would leave memory behind the database.
    pub async fn commit(self, now: DateTime<Utc>) -> Result<(), StorageError> {
        let finished = tokio::spawn(self.finish(now)).await;
        finished.unwrap_or(Err(StorageError::Interrupted))
    }

    async fn finish(self, now: DateTime<Utc>) -> Result<(), StorageError> {
        let changes = self.changes.into_inner();
        let backend = self.inner.get_database_backend();
        let executor = Executor::new(DatabaseExecutor::Transaction(&self.inner));
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
}

impl WriteScope<'_> {
    /// Notes a change; it is logged with the transaction and applied after its commit.
    pub fn record(&self, change: Change) {
        self.transaction.changes.lock().push((self.tenant, change));
    }
}

impl Access for WriteScope<'_> {
    fn tenant(&self) -> TenantId {
        self.tenant
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
}
