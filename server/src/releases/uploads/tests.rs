//! Uploads in parts against a real database, a real directory and a clock that is moved.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use chrono::TimeDelta;

use super::{
    NewUpload, PartialUpload, PartialUploadError, Received, UploadBounds, UploadLeases, Uploads,
    expire_uploads,
};
use crate::clock::manual::ManualClock;
use crate::ids::{UploadId, UserId};
use crate::releases::{Releases, sweep};
use crate::storage::blobs::BlobStore;
use crate::storage::testing::{TestDatabase, database_tests};

database_tests![
    time_runs_from_the_last_byte,
    what_is_known_of_a_finished_upload_expires_too,
    a_start_keeps_unfinished_uploads_only,
];

struct Bench {
    storage: TestDatabase,
    clock: Arc<ManualClock>,
    blobs: BlobStore,
    leases: Arc<UploadLeases>,
    uploads: Uploads,
    content: Vec<u8>,
}

impl Bench {
    fn new(storage: TestDatabase) -> Self {
        let blobs = BlobStore::open(storage.dir.path()).unwrap();
        let clock = Arc::new(ManualClock::at(1_000_000));
        let releases = Releases::new(storage.scope(), blobs.clone(), clock.clone());
        let bounds = UploadBounds {
            max_bytes: 1 << 20,
            max_count: 10,
            max_count_per_user: 5,
            max_bytes_together: 1 << 20,
            ttl: TimeDelta::hours(24),
        };
        let leases = Arc::<UploadLeases>::default();
        let uploads = Uploads::new(releases, Arc::clone(&leases), bounds, UserId::generate(), false);
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR"));
        let fixture = fixture.join("../artifact-tool/tests/fixtures/signed-rsa3072.mender");
        Self { storage, clock, blobs, leases, uploads, content: std::fs::read(fixture).unwrap() }
    }

    async fn begin(&self) -> PartialUpload {
        let length = u64::try_from(self.content.len()).unwrap();
        self.uploads.create(NewUpload { length, metadata: String::new() }).await.unwrap()
    }

    async fn send(&self, id: UploadId, from: usize, to: usize) -> Received {
        let offset = u64::try_from(from).unwrap();
        let mut part = self.uploads.go_on(id, offset, None, None).await.unwrap();
        for chunk in self.content[from..to].chunks(1000) {
            part.write(Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        part.finish().await.unwrap()
    }

    async fn expire(&self) -> usize {
        expire_uploads(&self.storage.database, &self.blobs, &self.leases, &*self.clock).await.unwrap()
    }

    fn file(&self, id: UploadId) -> PathBuf {
        self.storage.dir.path().join("blobs/uploads").join(id.to_string())
    }
}

async fn time_runs_from_the_last_byte(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let upload = bench.begin().await;
    bench.clock.advance(TimeDelta::hours(23));
    let received = bench.send(upload.id, 0, 2000).await;
    assert_eq!((received.offset, received.artifact), (2000, None));
    bench.clock.advance(TimeDelta::hours(23));
    assert_eq!(bench.expire().await, 0);
    assert_eq!(bench.uploads.find(upload.id).await.unwrap().received, 2000);
    bench.clock.advance(TimeDelta::hours(1));
    assert!(matches!(bench.uploads.find(upload.id).await, Err(PartialUploadError::Gone(_))));
    assert!(bench.file(upload.id).exists());
    assert_eq!(bench.expire().await, 1);
    assert!(!bench.file(upload.id).exists());
    assert!(matches!(bench.uploads.find(upload.id).await, Err(PartialUploadError::NotFound(_))));
}

async fn what_is_known_of_a_finished_upload_expires_too(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let upload = bench.begin().await;
    bench.send(upload.id, 0, 1).await;
    let artifact = bench.send(upload.id, 1, bench.content.len()).await.artifact.unwrap();
    assert_eq!(bench.uploads.find(upload.id).await.unwrap().artifact, Some(artifact));
    bench.clock.advance(TimeDelta::hours(24));
    assert_eq!(bench.expire().await, 1);
    assert!(matches!(bench.uploads.find(upload.id).await, Err(PartialUploadError::NotFound(_))));
    bench.uploads.releases.artifact(artifact).await.unwrap();
}

async fn a_start_keeps_unfinished_uploads_only(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let upload = bench.begin().await;
    bench.send(upload.id, 0, 3000).await;
    // What an end of the server between two steps may leave.
    let stray = bench.file(UploadId::generate());
    std::fs::write(&stray, "stray").unwrap();
    assert_eq!(sweep(&bench.storage.scope(), &bench.blobs).await.unwrap(), 1);
    assert!(!stray.exists() && bench.file(upload.id).exists());
    // Another process goes on: it has no follower.
    let bench = Bench { leases: Arc::default(), ..bench };
    let received = bench.send(upload.id, 3000, bench.content.len()).await;
    assert!(received.artifact.is_some());
    assert!(!bench.file(upload.id).exists());
}
