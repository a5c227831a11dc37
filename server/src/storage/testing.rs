//! A database for tests.

use chrono::DateTime;

use super::{Database, DatabaseLocation, tenants};
use crate::ids::{ArtifactId, TenantId};
use crate::releases::{Artifact, Contents};

/// A SQLite database in a directory that disappears with it; the default tenant exists.
pub(crate) struct TestDatabase {
    pub(crate) database: Database,
    _directory: tempfile::TempDir,
}

impl TestDatabase {
    pub(crate) async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::open(&DatabaseLocation::File(directory.path().join("test.db"))).await.unwrap();
        database.migrate().await.unwrap();
        let tx = database.begin(TenantId::DEFAULT).await.unwrap();
        tenants::ensure(&tx.scope(), "default", None, DateTime::UNIX_EPOCH).await.unwrap();
        tx.commit(DateTime::UNIX_EPOCH).await.unwrap();
        Self { database, _directory: directory }
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
        updated_at: DateTime::UNIX_EPOCH,
    }
}
