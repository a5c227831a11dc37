//! The right of one server to write to a PostgreSQL database.
//!
//! Its connection for writing holds an advisory lock as long as it lives. So there is one writer, and whoever
//! gets the lock knows that the last transaction of the writer before has ended: also of this server's own, when
//! its connection broke in the middle of a commit. Each transaction writes its number into the writer's row; on
//! the next connection that row tells whether the commit took place.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter};
use sqlx::postgres::PgConnection;
use tokio::sync::watch;
use uuid::Uuid;

use super::StorageError;
use super::entity::writer_leases::{ActiveModel, Column, Entity};
use super::patience::Executor;

/// The advisory lock's key: "sealift" and a number. Locks are told apart by database.
const LOCK: i64 = i64::from_be_bytes(*b"sealift\x01");

/// What the connection for writing is told first. A server that lost its connection without a word must not keep
/// the lock for hours, which is what the defaults of TCP lead to; `lock_timeout` is how long its successor waits.
const SETTINGS: &str = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; \
    SET tcp_keepalives_count = 3; SET idle_in_transaction_session_timeout = '60s'; SET lock_timeout = '3s'";

/// A server's right to write.
pub(crate) struct Lease {
    id: Uuid,
    last: AtomicI64,
    lock: LockState,
    lost: watch::Sender<bool>,
}

/// Whether the last attempt to get the lock failed because another one holds it.
#[derive(Clone, Default)]
pub(crate) struct LockState(Arc<AtomicBool>);

impl LockState {
    /// Prepares a new connection for writing.
    pub(crate) async fn take(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(SETTINGS).execute(&mut *connection).await?;
        let locked = sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut *connection).await;
        // 55P03, lock_not_available: the time-out.
        let is_held =
            matches!(&locked, Err(sqlx::Error::Database(err)) if err.code().as_deref() == Some("55P03"));
        self.0.store(is_held, Ordering::Release);
        locked?;
        // Statements wait for rows of another process (`sealift user`) as long as it takes.
        sqlx::raw_sql("SET lock_timeout = 0").execute(connection).await?;
        Ok(())
    }

    /// Whether another one holds the lock.
    pub(crate) fn is_held_elsewhere(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl Lease {
    /// Becomes the writer; the connection holds the lock.
    pub(crate) async fn claim(
        writer: &DatabaseConnection,
        lock: LockState,
        now: DateTime<Utc>,
    ) -> Result<Self, StorageError> {
        let id = Uuid::new_v4();
        Entity::delete_many().exec(writer).await?;
        let row = ActiveModel {
            id: ActiveValue::Set(id),
            committed: ActiveValue::Set(0),
            created_at: ActiveValue::Set(now),
        };
        Entity::insert(row).exec_without_returning(writer).await?;
        Ok(Self { id, last: AtomicI64::new(0), lock, lost: watch::Sender::new(false) })
    }

    /// Writes the number of a transaction as its last statement, and returns it.
    pub(crate) async fn mark(&self, transaction: &Executor<'_>) -> Result<i64, StorageError> {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let marked = Entity::update_many()
            .col_expr(Column::Committed, Expr::value(number))
            .filter(Column::Id.eq(self.id))
            .exec(transaction)
            .await?;
        if marked.rows_affected == 1 { Ok(number) } else { Err(self.lose()) }
    }

    /// Answers whether the transaction with this number was committed. It must be the last that was begun, and the
    /// connection one that was made after it.
    pub(crate) async fn is_committed(
        &self,
        writer: &DatabaseConnection,
        number: i64,
    ) -> Result<bool, StorageError> {
        match Entity::find_by_id(self.id).one(writer).await? {
            Some(row) => Ok(row.committed == number),
            None => Err(self.lose()),
        }
    }

    /// What it means that no connection for writing can be had.
    pub(crate) fn refusal(&self, err: StorageError) -> StorageError {
        if self.lock.is_held_elsewhere() { StorageError::InUse } else { err }
    }

    /// Waits until another server has become the writer: what this one has in memory is of the past then.
    pub(crate) async fn lost(&self) {
        let mut lost = self.lost.subscribe();
        // The sender lives as long as this does.
        let _ = lost.wait_for(|lost| *lost).await;
    }

    fn lose(&self) -> StorageError {
        self.lost.send_replace(true);
        StorageError::InUse
    }
}
