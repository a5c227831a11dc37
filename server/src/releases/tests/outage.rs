//! The database goes away while artifacts are stored or deleted.

use std::sync::Arc;

use futures_util::FutureExt;

use super::{Bench, fixture, request};
use crate::ids::TenantId;
use crate::releases::{ReleaseError, UploadError, settle_blobs};
use crate::storage::testing::{TestDatabase, database_tests};
use crate::storage::{Change, ChangeSink, Database, StorageError};

database_tests![
    an_upload_that_the_database_leaves_is_removed_when_it_is_back,
    a_deletion_that_the_database_leaves_is_done_when_it_is_back,
    a_doubt_about_a_blob_with_a_row_changes_nothing,
];

async fn an_upload_that_the_database_leaves_is_removed_when_it_is_back(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let kept = bench.upload_fixture("rootfs-gzip").await;
    // Whoever is writing keeps the upload between its file and its rows.
    let writing = bench.storage.database.begin(TenantId::DEFAULT).await.unwrap();
    let bytes = fixture("module-single");
    let uploading = bench.upload(&bytes, request());
    let (outcome, ()) = tokio::join!(uploading, async {
        while !bench.releases.blobs.has_doubts() || bench.files().len() < 2 {
            tokio::task::yield_now().await;
        }
        bench.storage.database.break_off().await;
        drop(writing);
    });
    assert!(matches!(outcome, Err(UploadError::Storage(StorageError::Unavailable(_)))), "{outcome:?}");
    assert_eq!(bench.files().len(), 2, "nobody could tell whether it is referenced");

    let blobs = &bench.releases.blobs;
    let meanwhile = settle_blobs(&bench.storage.scope(), blobs).await;
    assert!(matches!(meanwhile, Err(ReleaseError::Storage(err)) if err.is_outage()));
    assert_eq!((bench.files().len(), blobs.has_doubts()), (2, true));
    let scope = bench.storage.again().await.scope(TenantId::DEFAULT);
    assert_eq!(settle_blobs(&scope, blobs).await.unwrap(), 1);
    assert_eq!((bench.files().len(), blobs.has_doubts()), (1, false));
    let back = crate::releases::Releases { scope, ..bench.releases.clone() };
    back.content(kept).await.unwrap();
}

/// Makes the database go away as soon as something is committed.
struct Leaving(Database);

impl ChangeSink for Leaving {
    fn apply(&self, _: &[(TenantId, Change)]) {
        self.0.break_off().now_or_never();
    }
}

async fn a_deletion_that_the_database_leaves_is_done_when_it_is_back(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let (kept, doomed) =
        (bench.upload_fixture("rootfs-gzip").await, bench.upload_fixture("module-single").await);
    bench.storage.database.follow(Arc::new(Leaving(bench.storage.database.clone())));
    bench.releases.delete(doomed).await.unwrap();
    let blobs = &bench.releases.blobs;
    assert_eq!((bench.files().len(), blobs.has_doubts()), (2, true));

    let scope = bench.storage.again().await.scope(TenantId::DEFAULT);
    assert_eq!(settle_blobs(&scope, blobs).await.unwrap(), 1);
    assert_eq!((bench.files().len(), blobs.has_doubts()), (1, false));
    let back = crate::releases::Releases { scope, ..bench.releases.clone() };
    back.content(kept).await.unwrap();
    assert!(matches!(back.artifact(doomed).await, Err(ReleaseError::ArtifactNotFound(_))));
}

async fn a_doubt_about_a_blob_with_a_row_changes_nothing(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let id = bench.upload_fixture("module-single").await;
    let blobs = &bench.releases.blobs;
    assert!(!blobs.has_doubts(), "an upload that was stored leaves no doubt");
    let sha256 = bench.releases.artifact(id).await.unwrap().sha256;
    blobs.gate().await.doubt(sha256);
    assert_eq!(settle_blobs(&bench.storage.scope(), blobs).await.unwrap(), 0);
    assert!(!blobs.has_doubts());
    bench.releases.content(id).await.unwrap();
    bench.releases.delete(id).await.unwrap();
    assert!(!blobs.has_doubts(), "nor does a deletion");
}
