//! Releases against a real database and a real directory.

mod outage;
mod trust;

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use chrono::TimeDelta;
use roaring::RoaringBitmap;

use super::{
    Artifact, ArtifactFilter, ArtifactOrder, ArtifactSort, Depends, ReleaseError, ReleaseFilter,
    ReleaseOrder, ReleaseSort, Releases, TextMatch, UploadError, UploadRequest, fits_of_release, sweep,
};
use crate::clock::Clock;
use crate::clock::manual::ManualClock;
use crate::deployments::Phases;
use crate::ids::{ArtifactId, DeploymentId};
use crate::storage::blobs::BlobStore;
use crate::storage::deployments::NewDeployment;
use crate::storage::testing::{TestDatabase, database_tests};
use crate::storage::{Direction, Page, deployments};

database_tests![
    an_upload_becomes_an_artifact_a_release_and_a_file,
    what_is_refused_leaves_nothing_behind,
    an_upload_fails_while_bytes_arrive,
    a_dropped_upload_leaves_nothing_behind,
    artifacts_are_filtered_sorted_and_paged,
    the_last_artifact_takes_release_and_blob_with_it,
    what_is_deployed_cannot_be_deleted_or_described,
    a_blob_goes_with_its_last_row,
    a_start_removes_only_blobs_without_a_row,
];

struct Bench {
    storage: TestDatabase,
    clock: Arc<ManualClock>,
    releases: Releases,
}

impl Bench {
    fn new(storage: TestDatabase) -> Self {
        let blobs = BlobStore::open(storage.dir.path()).unwrap();
        let clock = Arc::new(ManualClock::at(1_000_000));
        let releases = Releases::new(storage.scope(), blobs, clock.clone());
        Self { storage, clock, releases }
    }

    async fn upload(&self, bytes: &[u8], request: UploadRequest) -> Result<ArtifactId, UploadError> {
        self.clock.advance(TimeDelta::seconds(1));
        let mut upload = self.releases.upload(request).await?;
        for chunk in bytes.chunks(777) {
            upload.write(Bytes::copy_from_slice(chunk)).await?;
        }
        upload.finish().await
    }

    async fn upload_fixture(&self, name: &str) -> ArtifactId {
        self.upload(&fixture(name), request()).await.unwrap()
    }

    async fn names(&self, filter: &ArtifactFilter) -> Vec<String> {
        let (found, total) = self.releases.artifacts(filter, ArtifactOrder::default(), None).await.unwrap();
        assert_eq!(u64::try_from(found.len()).unwrap(), total);
        found.into_iter().map(|artifact| artifact.name).collect()
    }

    /// Files below `blobs/`, unfinished ones included.
    fn files(&self) -> Vec<PathBuf> {
        let folders = std::fs::read_dir(self.storage.dir.path().join("blobs")).unwrap();
        let files = folders.flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap());
        files.map(|file| file.unwrap().path()).collect()
    }

    async fn deploy(&self, release: &str) -> DeploymentId {
        let new = NewDeployment {
            id: DeploymentId::generate(),
            name: "rollout".to_owned(),
            artifact_name: release.to_owned(),
            forced: false,
            group: None,
            targets: Arc::new(RoaringBitmap::from_iter([1])),
            target_count: 1,
            active_hash: [7; 32],
            phases: Phases::default(),
            retries: 0,
        };
        let transaction = self.storage.scope().begin().await.unwrap();
        deployments::insert(&transaction.scope(), &new, self.clock.now()).await.unwrap();
        transaction.commit(self.clock.now()).await.unwrap();
        new.id
    }
}

fn request() -> UploadRequest {
    UploadRequest { id: None, description: String::new(), declared_size: None, max_bytes: 1 << 20 }
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../artifact-tool/tests/fixtures");
    std::fs::read(folder.join(format!("{name}.mender"))).unwrap()
}

fn expected(name: &str) -> serde_json::Value {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../artifact-tool/tests/fixtures");
    serde_json::from_slice(&std::fs::read(folder.join(format!("{name}.expected.json"))).unwrap()).unwrap()
}

fn named(part: &str) -> ArtifactFilter {
    ArtifactFilter { name: Some(TextMatch::Contains(part.to_owned())), ..ArtifactFilter::default() }
}

async fn an_upload_becomes_an_artifact_a_release_and_a_file(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let bytes = fixture("signed-rsa3072");
    let size = u64::try_from(bytes.len()).unwrap();
    let asked = UploadRequest {
        id: Some(ArtifactId::generate()),
        description: "first".to_owned(),
        declared_size: Some(size),
        ..request()
    };
    let id = bench.upload(&bytes, asked.clone()).await.unwrap();
    assert_eq!(Some(id), asked.id);
    let artifact = bench.releases.artifact(id).await.unwrap();
    let expected = expected("signed-rsa3072");
    assert_eq!(artifact.name, expected["artifact_name"].as_str().unwrap());
    assert_eq!((artifact.signed, artifact.format_version, artifact.size), (true, 3, size));
    assert_eq!(artifact.description, "first");
    assert!(!artifact.contents.device_types.is_empty());
    assert!(!artifact.contents.depends.contains_key("device_type"));
    assert_eq!(artifact.contents.provides["artifact_name"], artifact.name);
    assert!(!artifact.contents.payloads[0].files.is_empty());

    let mut content = bench.releases.content(id).await.unwrap();
    let mut read = Vec::new();
    content.file.read_to_end(&mut read).unwrap();
    assert_eq!((read, content.size), (bytes.clone(), size));
    assert_eq!(content.file_name, format!("{}.mender", artifact.name));

    let release = bench.releases.get(&artifact.name).await.unwrap();
    assert_eq!(release.artifacts, std::slice::from_ref(&artifact));
    let fits = fits_of_release(&bench.storage.scope(), &artifact.name).await.unwrap();
    assert_eq!(fits, [artifact.fit()]);

    let again = bench.upload(&bytes, request()).await;
    assert!(matches!(again, Err(UploadError::Conflict { existing: Some(held), .. }) if held == id));
    assert!(matches!(bench.upload(&bytes, asked).await, Err(UploadError::IdTaken(taken)) if taken == id));
    assert_eq!(bench.files().len(), 1, "a refused repetition leaves the blob of the first alone");
}

async fn what_is_refused_leaves_nothing_behind(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let bytes = fixture("module-single");
    let size = u64::try_from(bytes.len()).unwrap();
    let declared = |declared| UploadRequest { declared_size: Some(declared), ..request() };

    for (what, bytes, request) in [
        ("nothing", Vec::new(), request()),
        ("no artifact", b"not an artifact".repeat(100), request()),
        ("a cut one", bytes[..bytes.len() / 2].to_vec(), request()),
        ("one without its end", bytes[..bytes.len() - 1024].to_vec(), request()),
        ("an augmented one", fixture("module-augmented"), request()),
        ("too short for its size", bytes.clone(), declared(size + 512)),
        ("too long for its size", bytes.clone(), declared(size - 512)),
        ("too large", bytes.clone(), UploadRequest { max_bytes: size - 1, ..request() }),
        ("declared too large", bytes.clone(), UploadRequest { max_bytes: 10, ..declared(size) }),
        ("over-described", bytes.clone(), UploadRequest { description: "x".repeat(4097), ..request() }),
    ] {
        let outcome = bench.upload(&bytes, request).await;
        assert!(outcome.is_err(), "{what}");
        assert_eq!(bench.files(), Vec::<PathBuf>::new(), "{what}");
    }
    let mut flipped = bytes.clone();
    let at = flipped.len() / 2;
    flipped[at] ^= 1;
    assert!(matches!(bench.upload(&flipped, request()).await, Err(UploadError::Refused(_))));
    let too_large = bench.upload(&bytes, UploadRequest { max_bytes: size - 1, ..request() }).await;
    assert!(matches!(too_large, Err(UploadError::TooLarge { limit }) if limit == size - 1));
    let mismatch = bench.upload(&bytes, declared(size + 512)).await;
    assert!(matches!(mismatch, Err(UploadError::SizeMismatch { .. } | UploadError::Refused(_))));
    assert!(bench.names(&ArtifactFilter::default()).await.is_empty());
    bench.upload(&bytes, declared(size)).await.unwrap();
}

async fn an_upload_fails_while_bytes_arrive(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let mut upload = bench.releases.upload(request()).await.unwrap();
    let mut outcome = Ok(());
    for _ in 0..100 {
        outcome = upload.write(Bytes::from(vec![b'x'; 4096])).await;
        if outcome.is_err() {
            break;
        }
    }
    assert!(matches!(outcome, Err(UploadError::Refused(_))));
    assert!(matches!(upload.write(Bytes::from_static(b"x")).await, Err(UploadError::Interrupted)));
    assert!(matches!(upload.finish().await, Err(UploadError::Interrupted)));
}

async fn a_dropped_upload_leaves_nothing_behind(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let bytes = fixture("module-single");
    let mut upload = bench.releases.upload(request()).await.unwrap();
    upload.write(Bytes::from(bytes)).await.unwrap();
    drop(upload);
    // The reading thread notices the end of the channel, whenever it runs next.
    while !bench.files().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(bench.names(&ArtifactFilter::default()).await.is_empty());
}

async fn artifacts_are_filtered_sorted_and_paged(storage: TestDatabase) {
    let bench = Bench::new(storage);
    for name in ["module-single", "rootfs-gzip", "rootfs-depends"] {
        bench.upload_fixture(name).await;
    }
    let all = bench.names(&ArtifactFilter::default()).await;
    assert_eq!(all.len(), 3);
    assert!(all.is_sorted());
    assert_eq!(bench.names(&named(&all[0].to_uppercase())).await[0], all[0]);
    assert!(bench.names(&named("100%_")).await.is_empty());
    let exact =
        ArtifactFilter { name: Some(TextMatch::AnyOf(vec![all[1].clone()])), ..ArtifactFilter::default() };
    assert_eq!(bench.names(&exact).await, [all[1].clone()]);
    let start = TextMatch::StartsWith(all[2][..3].to_owned());
    let prefix = ArtifactFilter { name: Some(start), ..ArtifactFilter::default() };
    assert!(bench.names(&prefix).await.contains(&all[2]));

    let newest = ArtifactOrder { by: ArtifactSort::Modified, direction: Direction::Descending };
    let page = Some(Page { page: 1, per_page: 1 });
    let (found, total) = bench.releases.artifacts(&ArtifactFilter::default(), newest, page).await.unwrap();
    assert_eq!(total, 3);
    assert_eq!(found[0].name, expected("rootfs-depends")["artifact_name"].as_str().unwrap());
    let Artifact { contents, .. } = &found[0];
    assert!(contents.depends.values().any(|wanted| matches!(wanted, Depends::AnyOf(_) | Depends::One(_))));
    let of_type = ArtifactFilter {
        device_type: Some(TextMatch::Contains(contents.device_types[0].clone())),
        ..ArtifactFilter::default()
    };
    assert!(bench.names(&of_type).await.contains(&found[0].name));

    let order = ReleaseOrder { by: ReleaseSort::ArtifactsCount, direction: Direction::Descending };
    let (releases, total) = bench
        .releases
        .list(&ReleaseFilter::default(), order, Some(Page { page: 1, per_page: 2 }))
        .await
        .unwrap();
    assert_eq!((releases.len(), total), (2, 3));
    assert!(releases.iter().all(|release| release.artifacts.len() == 1));
}

async fn the_last_artifact_takes_release_and_blob_with_it(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let id = bench.upload_fixture("module-single").await;
    let name = bench.releases.artifact(id).await.unwrap().name;
    bench.releases.delete(id).await.unwrap();
    assert!(bench.files().is_empty());
    assert!(matches!(bench.releases.get(&name).await, Err(ReleaseError::ReleaseNotFound(_))));
    assert!(matches!(bench.releases.delete(id).await, Err(ReleaseError::ArtifactNotFound(_))));
    bench.upload_fixture("module-single").await;
}

async fn what_is_deployed_cannot_be_deleted_or_described(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let id = bench.upload_fixture("module-single").await;
    bench.releases.describe(id, "fine").await.unwrap();
    assert_eq!(bench.releases.artifact(id).await.unwrap().description, "fine");
    let name = bench.releases.artifact(id).await.unwrap().name;
    let deployment = bench.deploy(&name).await;
    let in_use = bench.releases.delete(id).await;
    assert!(matches!(in_use, Err(ReleaseError::InUse { deployments }) if deployments == [deployment]));
    let in_use = bench.releases.delete_releases(vec![name]).await;
    assert!(matches!(in_use, Err(ReleaseError::InUse { .. })));
    assert!(matches!(bench.releases.describe(id, "late").await, Err(ReleaseError::Used(_))));
    assert_eq!(bench.files().len(), 1);
}

async fn a_blob_goes_with_its_last_row(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let other_tenant = Releases {
        scope: bench.storage.database.scope(crate::ids::TenantId::generate()),
        ..bench.releases.clone()
    };
    let bytes = fixture("module-single");
    let mine = bench.upload(&bytes, request()).await.unwrap();
    let mut upload = other_tenant.upload(request()).await.unwrap();
    upload.write(Bytes::from(bytes)).await.unwrap();
    let theirs = upload.finish().await.unwrap();
    assert_eq!(bench.files().len(), 1);
    assert!(matches!(bench.releases.artifact(theirs).await, Err(ReleaseError::ArtifactNotFound(_))));
    assert!(matches!(other_tenant.delete(mine).await, Err(ReleaseError::ArtifactNotFound(_))));
    bench.releases.delete(mine).await.unwrap();
    assert!(other_tenant.content(theirs).await.is_ok());
    other_tenant.delete(theirs).await.unwrap();
    assert!(bench.files().is_empty());
}

async fn a_start_removes_only_blobs_without_a_row(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let id = bench.upload_fixture("module-single").await;
    let orphan = bench.storage.dir.path().join("blobs").join("ab");
    std::fs::create_dir_all(&orphan).unwrap();
    std::fs::write(orphan.join("cd"), b"left").unwrap();
    let blobs = BlobStore::open(bench.storage.dir.path()).unwrap();
    assert_eq!(sweep(&bench.storage.scope(), &blobs).await.unwrap(), 1);
    assert!(bench.releases.content(id).await.is_ok());
    assert_eq!(bench.files().len(), 1);
}
