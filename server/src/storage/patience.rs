//! How long a statement may take.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use sea_orm::prelude::async_trait;
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseExecutor, DbBackend, DbErr, ExecResult, QueryResult, Statement,
};

/// How long PostgreSQL is waited for, by statement and by commit. A host that vanishes sends no end of its
/// connections, and the kernel goes on trying for a quarter of an hour.
const POSTGRES_PATIENCE: Duration = Duration::from_secs(10);

/// Where statements run, and for how long they are waited for.
///
/// SQLite is a file: it has its own time-out for locks, and a statement that was given up would go on.
pub struct Executor<'c>(DatabaseExecutor<'c>);

impl<'c> Executor<'c> {
    pub(crate) const fn new(inner: DatabaseExecutor<'c>) -> Self {
        Self(inner)
    }
}

impl fmt::Debug for Executor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").finish_non_exhaustive()
    }
}

/// Waits for what a database does, as long as it may take. What takes longer has not come to an end: whether it was
/// carried out is not known, as with a connection that breaks.
pub(crate) async fn patiently<T>(
    backend: DbBackend,
    work: impl Future<Output = Result<T, DbErr>> + Send,
) -> Result<T, DbErr> {
    if backend != DbBackend::Postgres {
        return work.await;
    }
    let silent = |_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
    tokio::time::timeout(POSTGRES_PATIENCE, work).await.map_err(silent)?
}

#[async_trait::async_trait]
impl ConnectionTrait for Executor<'_> {
    fn get_database_backend(&self) -> DbBackend {
        self.0.get_database_backend()
    }

    async fn execute_raw(&self, stmt: Statement) -> Result<ExecResult, DbErr> {
        patiently(self.get_database_backend(), self.0.execute_raw(stmt)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        patiently(self.get_database_backend(), self.0.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, stmt: Statement) -> Result<Option<QueryResult>, DbErr> {
        patiently(self.get_database_backend(), self.0.query_one_raw(stmt)).await
    }

    async fn query_all_raw(&self, stmt: Statement) -> Result<Vec<QueryResult>, DbErr> {
        patiently(self.get_database_backend(), self.0.query_all_raw(stmt)).await
    }
}
