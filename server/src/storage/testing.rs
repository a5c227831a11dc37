//! A real database for tests.

use tempfile::TempDir;

use super::{Database, DatabaseLocation, Scope};
use crate::ids::TenantId;

/// A migrated SQLite database in a directory of its own, which goes with it.
pub(crate) struct TestDatabase {
    pub(crate) database: Database,
    pub(crate) dir: TempDir,
}

impl TestDatabase {
    pub(crate) async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&DatabaseLocation::File(dir.path().join("sealift.db"))).await.unwrap();
        database.migrate().await.unwrap();
        Self { database, dir }
    }

    pub(crate) fn scope(&self) -> Scope {
        self.database.scope(TenantId::DEFAULT)
    }
}
