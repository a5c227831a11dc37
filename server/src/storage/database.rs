//! Opening the database.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use migrations::{Migrator, MigratorTrait};
use sea_orm::{
    ConnAcquireErr, ConnectOptions, DatabaseConnection, DbErr, RuntimeErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::lease::{Lease, LockState};
use super::patience::{Executor, patiently};
use super::{Change, ChangeSink, Scope, Sight, StorageError, Transaction};
use crate::audit::Actor;
use crate::ids::TenantId;
use crate::telemetry::chain;

/// Connections that read from SQLite while its one writer works.
const SQLITE_READERS: u32 = 4;

/// Connections to PostgreSQL.
const POSTGRES_CONNECTIONS: u32 = 16;

/// How long a request waits for a connection to PostgreSQL; longer than a lock is waited for.
const POSTGRES_PATIENCE: Duration = Duration::from_secs(4);

/// How long a statement waits for another process (a `sealift user` beside the server) to let go of the file. While it
/// waits, all other writers do; what comes after that is told to come again.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long writers are refused after one could not reach the database.
const OUTAGE_PAUSE: Duration = Duration::from_secs(1);

/// How long a request waits to learn whether it was committed when the database went away meanwhile.
const SETTLE_PATIENCE: Duration = Duration::from_secs(5);

/// The time between two attempts to learn it.
const SETTLE_STEP: Duration = Duration::from_millis(100);

/// Where the database is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DatabaseLocation {
    /// A SQLite file, made when absent.
    File(PathBuf),
    /// A PostgreSQL server: `postgres://user:password@host/name`.
    Url(String),
}

/// The database: a pool that reads, a way in for one writer at a time, and who is told of changes.
#[derive(Clone)]
pub struct Database {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
    gate: Arc<Mutex<Gate>>,
    sink: Arc<OnceLock<Arc<dyn ChangeSink>>>,
    lock: Option<LockState>,
    lease: Arc<OnceLock<Lease>>,
}

/// What the writers of this process pass one after the other.
#[derive(Default)]
pub(crate) struct Gate {
    /// A transaction of which is not known whether it was committed.
    in_doubt: Option<InDoubt>,
    /// When the database could not be reached.
    failed_at: Option<Instant>,
}

struct InDoubt {
    mark: i64,
    changes: Vec<(TenantId, Change)>,
}

impl Database {
    /// Opens the database; a SQLite file is created when absent.
    ///
    /// # Errors
    ///
    /// [`StorageError::Unavailable`] if it cannot be reached.
    pub async fn open(location: &DatabaseLocation) -> Result<Self, StorageError> {
        let (writer, reader) = match location {
            DatabaseLocation::File(path) => {
                let url = format!("sqlite://{}?mode=rwc", path.display());
                // The writer first: it creates the file and switches it to the write-ahead log.
                (connect_sqlite(&url, 1).await?, connect_sqlite(&url, SQLITE_READERS).await?)
            }
            DatabaseLocation::Url(url) if url.starts_with("sqlite:") => {
                (connect_sqlite(url, 1).await?, connect_sqlite(url, SQLITE_READERS).await?)
            }
            DatabaseLocation::Url(url) => {
                let pool = connect_postgres(url, POSTGRES_CONNECTIONS, None).await?;
                (pool.clone(), pool)
            }
        };
        Ok(Self::of(writer, reader, None))
    }

    /// Opens the database for a server. On PostgreSQL it is then the only one; a SQLite file is kept for it by the
    /// lock on its data directory.
    ///
    /// # Errors
    ///
    /// [`StorageError::InUse`] if another server uses it.
    pub async fn open_exclusively(location: &DatabaseLocation) -> Result<Self, StorageError> {
        let DatabaseLocation::Url(url) = location else { return Self::open(location).await };
        if url.starts_with("sqlite:") {
            return Self::open(location).await;
        }
        let lock = LockState::default();
        // Readers first: whether the database is there has an answer that says more.
        let reader = connect_postgres(url, POSTGRES_CONNECTIONS, None).await?;
        let writer = connect_postgres(url, 1, Some(lock.clone())).await;
        let writer =
            writer.map_err(|err| if lock.is_held_elsewhere() { StorageError::InUse } else { err })?;
        Ok(Self::of(writer, reader, Some(lock)))
    }

    fn of(writer: DatabaseConnection, reader: DatabaseConnection, lock: Option<LockState>) -> Self {
        Self { reader, writer, gate: Arc::default(), sink: Arc::default(), lock, lease: Arc::default() }
    }

    /// Brings the schema up to date; returns how many changes were missing.
    pub async fn migrate(&self) -> Result<usize, StorageError> {
        let missing = Migrator::get_pending_migrations(&self.writer).await?.len();
        Migrator::up(&self.writer, None).await?;
        Ok(missing)
    }

    /// How many schema changes this program knows and the database lacks.
    pub async fn missing_migrations(&self) -> Result<usize, StorageError> {
        Ok(Migrator::get_pending_migrations(&self.writer).await?.len())
    }

    /// Names who follows the changes. Only the first call counts.
    pub fn follow(&self, sink: Arc<dyn ChangeSink>) {
        let _ = self.sink.set(sink);
    }

    /// The database as one tenant sees it.
    #[must_use]
    pub fn scope(&self, tenant: TenantId) -> Scope {
        Scope::new(self.clone(), tenant, Arc::new(Actor::SERVER), Arc::new(Sight::EVERYTHING))
    }

    /// Answers whether the database can be read now.
    pub async fn ping(&self) -> Result<(), StorageError> {
        Ok(self.reader.ping().await?)
    }

    /// Becomes the writer, if the database was opened exclusively. The schema must be up to date.
    pub async fn claim(&self, now: DateTime<Utc>) -> Result<(), StorageError> {
        if let Some(lock) = &self.lock {
            let _ = self.lease.set(Lease::claim(&self.writer, lock.clone(), now).await?);
        }
        Ok(())
    }

    /// Waits until another server has become the writer.
    pub async fn lost(&self) {
        match self.lease.get() {
            Some(lease) => lease.lost().await,
            None => std::future::pending().await,
        }
    }

    /// Begins a write transaction of the server itself for a tenant.
    pub async fn begin(&self, tenant: TenantId) -> Result<Transaction, StorageError> {
        self.begin_for(tenant, Arc::new(Actor::SERVER), Arc::new(Sight::EVERYTHING)).await
    }

    /// Begins a write transaction of an actor for a tenant. All of them pass one gate, whatever the database, so this may wait
    /// for others. While the database cannot be reached, who waits at the gate is refused without a try of his own.
    ///
    /// # Errors
    ///
    /// [`StorageError::Unavailable`] or [`StorageError::InUse`] if nothing can be written now.
    pub(crate) async fn begin_for(
        &self,
        tenant: TenantId,
        actor: Arc<Actor>,
        sight: Arc<Sight>,
    ) -> Result<Transaction, StorageError> {
        let mut gate = Arc::clone(&self.gate).lock_owned().await;
        if gate.failed_at.is_some_and(|at| at.elapsed() < OUTAGE_PAUSE) {
            return Err(StorageError::Unavailable(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)));
        }
        let options = TransactionOptions {
            // SQLite takes its write lock here, not halfway through.
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let begun = match self.resolve(&mut gate).await {
            Ok(_) => {
                let begin = self.writer.begin_with_options(options);
                patiently(self.writer.get_database_backend(), begin).await.map_err(StorageError::from)
            }
            Err(err) => Err(err),
        };
        let failed = matches!(begun, Err(StorageError::Unavailable(_)));
        gate.failed_at = failed.then(Instant::now);
        match begun {
            Ok(inner) => Ok(Transaction::new(self.clone(), inner, (tenant, actor, sight), gate)),
            Err(err) => Err(match self.lease.get() {
                Some(lease) => lease.refusal(err),
                None => err,
            }),
        }
    }

    /// Writes the number of a transaction, which tells later whether it was committed.
    pub(crate) async fn mark(&self, transaction: &Executor<'_>) -> Result<Option<i64>, StorageError> {
        match self.lease.get() {
            Some(lease) => lease.mark(transaction).await.map(Some),
            None => Ok(None),
        }
    }

    /// Finds out what became of a transaction whose commit had no answer.
    pub(crate) async fn settle(
        &self,
        mut gate: OwnedMutexGuard<Gate>,
        mark: Option<i64>,
        changes: Vec<(TenantId, Change)>,
        err: StorageError,
    ) -> Result<(), StorageError> {
        let Some(mark) = mark else { return Err(StorageError::InDoubt) };
        tracing::warn!(error = chain(&err), "the database went away during a commit");
        gate.in_doubt = Some(InDoubt { mark, changes });
        let deadline = Instant::now() + SETTLE_PATIENCE;
        loop {
            match self.resolve(&mut gate).await {
                Ok(true) => return Ok(()),
                Ok(false) => return Err(err),
                Err(again) if again.is_outage() && Instant::now() < deadline => {
                    tokio::time::sleep(SETTLE_STEP).await;
                }
                Err(_) => break,
            }
        }
        // What follows the change log must learn of it even if nobody writes.
        let database = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(OUTAGE_PAUSE).await;
                let mut gate = database.gate.lock().await;
                match database.resolve(&mut gate).await {
                    Err(again) if again.is_outage() => {}
                    Ok(_) | Err(_) => break,
                }
            }
        });
        Err(StorageError::InDoubt)
    }

    /// Settles what is in doubt, if anything is; answers whether it was committed. The connection that is asked
    /// was made after the one that broke, so it has the lock that the other had, and nothing is under way.
    async fn resolve(&self, gate: &mut Gate) -> Result<bool, StorageError> {
        let (Some(lease), Some(doubt)) = (self.lease.get(), &gate.in_doubt) else { return Ok(false) };
        let is_committed = lease.is_committed(&self.writer, doubt.mark).await?;
        if let Some(doubt) = gate.in_doubt.take().filter(|_| is_committed) {
            self.publish(&doubt.changes);
        }
        tracing::warn!(is_committed, "settled what became of the commit during which the database went away");
        Ok(is_committed)
    }

    /// Closes all connections; in SQLite this folds the write-ahead log into the file.
    pub async fn close(self) -> Result<(), StorageError> {
        self.reader.close().await?;
        Ok(self.writer.close().await?)
    }

    /// Lets no statement through any more, as if the database were gone; other handles that were opened go on.
    #[cfg(test)]
    pub(crate) async fn break_off(&self) {
        // The first poll closes both pools; what is under way holds its connection.
        let closing = async { tokio::join!(self.reader.close_by_ref(), self.writer.close_by_ref()) };
        let _ = tokio::time::timeout(Duration::ZERO, closing).await;
    }

    pub(crate) const fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    pub(crate) fn publish(&self, changes: &[(TenantId, Change)]) {
        if let Some(sink) = self.sink.get()
            && !changes.is_empty()
        {
            sink.apply(changes);
        }
    }
}

async fn connect_sqlite(url: &str, connections: u32) -> Result<DatabaseConnection, StorageError> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        .sqlx_logging(false)
        .test_before_acquire(false)
        .map_sqlx_sqlite_pool_opts(|pool| {
            pool.after_release(|connection, _| {
                Box::pin(async move {
                    // SQLite rolls a transaction back by itself when the disk is full. The driver goes on to count it as
                    // open, and what follows would be taken for a part of it and never be committed.
                    connection.ping().await?;
                    Ok(!connection.is_in_transaction())
                })
            })
        })
        .map_sqlx_sqlite_opts(|options| {
            options
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(SQLITE_BUSY_TIMEOUT)
                .foreign_keys(false)
        });
    Ok(sea_orm::Database::connect(options).await?)
}

/// Connects to PostgreSQL. With a lock, each connection takes it first, and stays as long as it works: there can be
/// one.
async fn connect_postgres(
    url: &str,
    connections: u32,
    lock: Option<LockState>,
) -> Result<DatabaseConnection, StorageError> {
    // sea-orm knows one of the two schemes that PostgreSQL has.
    let url =
        url.strip_prefix("postgresql:").map_or_else(|| url.to_owned(), |rest| format!("postgres:{rest}"));
    check_files(&url)?;
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        .sqlx_logging(false)
        .acquire_timeout(POSTGRES_PATIENCE)
        .test_before_acquire(true);
    if let Some(lock) = lock {
        options.max_lifetime(None).idle_timeout(None).map_sqlx_postgres_pool_opts(move |pool| {
            let lock = lock.clone();
            pool.after_connect(move |connection, _| {
                let lock = lock.clone();
                Box::pin(async move { lock.take(connection).await })
            })
        });
    }
    Ok(sea_orm::Database::connect(options).await?)
}

/// Looks whether the certificates and the key that a URL names can be read: the driver tells what is wrong, but not
/// with which of them.
fn check_files(url: &str) -> Result<(), StorageError> {
    // Who connects says what is wrong with the URL.
    let Ok(options) = url.parse::<PgConnectOptions>() else { return Ok(()) };
    for (name, value) in options.to_url_lossy().query_pairs() {
        // So the driver writes those that are not given in the URL itself.
        let Some(path) = value.strip_prefix("file: ") else { continue };
        if let Err(err) = std::fs::File::open(path) {
            let why = format!("failed to read {path:?} ({name}): {err}");
            return Err(StorageError::Unavailable(DbErr::Conn(RuntimeErr::Internal(why))));
        }
    }
    Ok(())
}
