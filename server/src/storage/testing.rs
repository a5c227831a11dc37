//! Real databases for tests.

use std::io::Write;
use std::sync::Arc;

use chrono::DateTime;
use harness::Cluster;
use harness::peers::{self, Peer};
use tempfile::TempDir;

use super::{Database, DatabaseLocation, Scope, tenants};
use crate::ids::{ArtifactId, TenantId};
use crate::releases::{Artifact, Contents};

/// Makes each of these functions a test on SQLite and one on PostgreSQL: `async fn(TestDatabase)`.
///
/// Where PostgreSQL is not installed, its tests say so and pass, or fail with `SEALIFT_REQUIRE_PEERS=1`.
macro_rules! database_tests {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test($crate::storage::testing::TestDatabase::on_sqlite().await).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            async fn $test() {
                if let Some(storage) = $crate::storage::testing::TestDatabase::on_postgres().await {
                    super::$test(storage).await;
                }
            })*
        }
    };
}
pub(crate) use database_tests;

/// A migrated database of its own, and a directory that goes with it.
pub(crate) struct TestDatabase {
    pub(crate) database: Database,
    pub(crate) dir: TempDir,
    location: TestLocation,
}

impl TestDatabase {
    pub(crate) async fn on_sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let location = TestLocation::on_sqlite(&dir);
        Self::open(dir, location).await
    }

    /// `None` where PostgreSQL is not installed.
    pub(crate) async fn on_postgres() -> Option<Self> {
        let location = TestLocation::on_postgres()?;
        Some(Self::open(tempfile::tempdir().unwrap(), location).await)
    }

    async fn open(dir: TempDir, location: TestLocation) -> Self {
        let database = Database::open(&location.location).await.unwrap();
        database.migrate().await.unwrap();
        let tx = database.begin(TenantId::DEFAULT).await.unwrap();
        tenants::ensure(&tx.scope(), "default", DateTime::UNIX_EPOCH).await.unwrap();
        tx.commit(DateTime::UNIX_EPOCH).await.unwrap();
        Self { database, dir, location }
    }

    /// The same database, opened once more.
    pub(crate) async fn again(&self) -> Database {
        Database::open(&self.location.location).await.unwrap()
    }

    pub(crate) fn scope(&self) -> Scope {
        self.database.scope(TenantId::DEFAULT)
    }
}

/// Where an empty database is. One on PostgreSQL is removed when this is dropped.
pub(crate) struct TestLocation {
    pub(crate) location: DatabaseLocation,
    cluster: Option<Arc<Cluster>>,
}

impl TestLocation {
    pub(crate) fn on_sqlite(dir: &TempDir) -> Self {
        Self { location: DatabaseLocation::File(dir.path().join("sealift.db")), cluster: None }
    }

    /// `None` where PostgreSQL is not installed.
    pub(crate) fn on_postgres() -> Option<Self> {
        if let Some(reason) = Peer::Postgres.missing() {
            assert!(!peers::are_required(), "{reason}");
            // Past the capture of what passing tests print: a skipped test has to be seen.
            let test = std::thread::current().name().unwrap_or("a test").to_owned();
            writeln!(std::io::stderr(), "skipped: {test}: {reason}").unwrap();
            return None;
        }
        let cluster = Cluster::shared();
        Some(Self { location: DatabaseLocation::Url(cluster.create_database()), cluster: Some(cluster) })
    }
}

impl Drop for TestLocation {
    fn drop(&mut self) {
        if let (DatabaseLocation::Url(url), Some(cluster)) = (&self.location, &self.cluster) {
            cluster.drop_database(url);
        }
    }
}

/// An artifact for one device type.
pub(crate) fn artifact(name: &str, device_type: &str, size: u64) -> Artifact {
    Artifact {
        id: ArtifactId::generate(),
        name: name.to_owned(),
        description: String::new(),
        format_version: 3,
        signed: false,
        size,
        sha256: [7; 32],
        contents: Contents { device_types: vec![device_type.to_owned()], ..Contents::default() },
        signers: Vec::new(),
        updated_at: DateTime::UNIX_EPOCH,
    }
}
