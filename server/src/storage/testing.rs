//! A real database for tests.

use chrono::DateTime;
use sea_orm::ConnectionTrait;
use tempfile::TempDir;

use super::{Database, DatabaseLocation, Scope, tenants};
use crate::ids::{ArtifactId, TenantId};
use crate::releases::{Artifact, Contents};

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
        let tx = database.begin(TenantId::DEFAULT).await.unwrap();
        tenants::ensure(&tx.scope(), "default", DateTime::UNIX_EPOCH).await.unwrap();
        tx.commit(DateTime::UNIX_EPOCH).await.unwrap();
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
        updated_at: DateTime::UNIX_EPOCH,
    }
}
