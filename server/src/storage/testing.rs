//! A real database for tests.

use sea_orm::ConnectionTrait;
use tempfile::TempDir;

use super::{Database, DatabaseLocation, Scope};
use crate::ids::TenantId;

/// Names a PostgreSQL server whose user may create databases, `postgres://user:password@host`: tests then run
/// on it instead of SQLite.
const POSTGRES: &str = "SEALIFT_TEST_POSTGRES";

/// A migrated database of its own, and a directory that goes with it.
pub(crate) struct TestDatabase {
    pub(crate) database: Database,
    pub(crate) dir: TempDir,
}

impl TestDatabase {
    pub(crate) async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let location = match std::env::var(POSTGRES) {
            Ok(server) => DatabaseLocation::Url(create(&server).await),
            Err(_) => DatabaseLocation::File(dir.path().join("sealift.db")),
        };
        let database = Database::open(&location).await.unwrap();
        database.migrate().await.unwrap();
        Self { database, dir }
    }

    pub(crate) fn scope(&self) -> Scope {
        self.database.scope(TenantId::DEFAULT)
    }
}

async fn create(server: &str) -> String {
    let name = format!("sealift_test_{}", uuid::Uuid::new_v4().simple());
    let connection = sea_orm::Database::connect(format!("{server}/postgres")).await.unwrap();
    connection.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    connection.close().await.unwrap();
    format!("{server}/{name}")
}
