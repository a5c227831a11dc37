//! Opening the database.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use migrations::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectOptions, DatabaseConnection, DbBackend, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use tokio::sync::Mutex;

use super::{Change, ChangeSink, Scope, StorageError, Transaction};
use crate::ids::TenantId;

/// Connections that read from SQLite while its one writer works.
const SQLITE_READERS: u32 = 4;

/// Connections to PostgreSQL.
const POSTGRES_CONNECTIONS: u32 = 16;

/// How long a statement waits for another process (a `sealift user` beside the server) to let go of the file.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(30);

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
    gate: Arc<Mutex<()>>,
    sink: Arc<OnceLock<Arc<dyn ChangeSink>>>,
}

impl Database {
    /// Opens the database; a SQLite file is created when absent.
    ///
    /// # Errors
    ///
    /// [`StorageError::Database`] if it cannot be reached.
    pub async fn open(location: &DatabaseLocation) -> Result<Self, StorageError> {
        let (writer, reader) = match location {
            DatabaseLocation::File(path) => {
                let url = format!("sqlite://{}?mode=rwc", path.display());
                // The writer first: it creates the file and switches it to the write-ahead log.
                (connect(&url, 1).await?, connect(&url, SQLITE_READERS).await?)
            }
            DatabaseLocation::Url(url) => {
                let pool = connect(url, POSTGRES_CONNECTIONS).await?;
                (pool.clone(), pool)
            }
        };
        Ok(Self { reader, writer, gate: Arc::new(Mutex::new(())), sink: Arc::new(OnceLock::new()) })
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
        Scope::new(self.clone(), tenant)
    }

    /// Answers whether the database can be read now.
    pub async fn ping(&self) -> Result<(), StorageError> {
        Ok(self.reader.ping().await?)
    }

    /// Begins a write transaction for a tenant. All of them pass one gate, whatever the database, so this may wait
    /// for others.
    pub async fn begin(&self, tenant: TenantId) -> Result<Transaction, StorageError> {
        let gate = Arc::clone(&self.gate).lock_owned().await;
        let options = TransactionOptions {
            // SQLite takes its write lock here, not halfway through.
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let inner = self.writer.begin_with_options(options).await?;
        Ok(Transaction::new(self.clone(), inner, tenant, gate))
    }

    /// Closes all connections; in SQLite this folds the write-ahead log into the file.
    pub async fn close(self) -> Result<(), StorageError> {
        self.reader.close().await?;
        Ok(self.writer.close().await?)
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

async fn connect(url: &str, connections: u32) -> Result<DatabaseConnection, StorageError> {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .min_connections(1)
        .sqlx_logging(false)
        .test_before_acquire(!url.starts_with("sqlite:"))
        .map_sqlx_sqlite_opts(|options| {
            options
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(SQLITE_BUSY_TIMEOUT)
                .foreign_keys(false)
        });
    let connection = sea_orm::Database::connect(options).await?;
    debug_assert!(matches!(connection.get_database_backend(), DbBackend::Sqlite | DbBackend::Postgres));
    Ok(connection)
}
