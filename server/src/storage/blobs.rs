//! The blob store: files named by the SHA-256 of what they hold, under `blobs/` of the data directory.
//!
//! A file is written and synced in `blobs/tmp/`, then renamed to its place, then referenced by a row; it is
//! unlinked only after the last row that references it is gone. Whoever does either holds the [`BlobGate`] from
//! before the rename or the delete until after the commit, so that no row can appear for a file on its way out.
//!
//! From the rename, or from before the delete, until it is known whether a row references it, a blob is *doubtful*. One
//! that stays so, because the database went away meanwhile, is asked about again later.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex as SyncMutex;
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempPath};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::spawn_blocking;

use super::upload_files;
use crate::crypto::hex;

/// Where files are that have no name yet.
const STAGING: &str = "tmp";

/// A blob could not be written, read or removed.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// No room is left; nothing of the blob stays behind.
    #[error("the disk that holds the artifacts is full")]
    Full,
    /// No file has this digest, although a row says so.
    #[error("the file of blob {0} is missing")]
    Missing(String),
    /// The file system refused.
    #[error("failed to {what}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What the file system said.
        source: io::Error,
    },
}

impl BlobError {
    /// What the refusal of a file system means.
    #[must_use]
    pub fn of(what: &'static str, source: io::Error) -> Self {
        if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            Self::Full
        } else {
            Self::Io { what, source }
        }
    }
}

/// The blobs of one data directory. Clones are the same store.
#[derive(Clone, Debug)]
pub struct BlobStore {
    root: Arc<Path>,
    gate: Arc<Mutex<()>>,
    doubtful: Doubtful,
}

/// Digests of blobs of which it is not known whether a row references them.
type Doubtful = Arc<SyncMutex<HashSet<[u8; 32]>>>;

/// The right to give blobs their names and to take them away; one holder at a time.
#[derive(Debug)]
pub struct BlobGate {
    root: Arc<Path>,
    doubtful: Doubtful,
    _turn: OwnedMutexGuard<()>,
}

/// How the blobs of a data directory agree with the rows.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BlobSurvey {
    /// Digests that rows reference and no file has, in hexadecimal.
    pub missing: Vec<String>,
    /// Files that no row references: the next start removes them.
    pub unreferenced: usize,
}

/// A blob that is being written. Dropped before its end, it leaves nothing behind.
#[derive(Debug)]
pub struct StagedBlob {
    file: NamedTempFile,
    hasher: Sha256,
    size: u64,
}

/// A blob that is whole and on disk, without a name yet. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct FinishedBlob {
    path: TempPath,
    sha256: [u8; 32],
    size: u64,
}

impl BlobStore {
    /// Opens the store of a data directory, made when absent, and removes what an interrupted process was
    /// still writing.
    pub fn open(data_dir: &Path) -> Result<Self, BlobError> {
        let root = data_dir.join("blobs");
        let staging = root.join(STAGING);
        for folder in [&staging, &root.join(upload_files::FOLDER)] {
            fs::create_dir_all(folder).map_err(failed_to("make the blob directories"))?;
        }
        for entry in files_in(&staging)? {
            fs::remove_file(&entry).map_err(failed_to("remove an unfinished blob"))?;
        }
        Ok(Self { root: root.into(), gate: Arc::default(), doubtful: Doubtful::default() })
    }

    /// Begins a blob. Blocks on the disk, as does everything that is done with it.
    pub fn stage(&self) -> Result<StagedBlob, BlobError> {
        let file =
            NamedTempFile::new_in(self.root.join(STAGING)).map_err(failed_to("make a file for a blob"))?;
        Ok(StagedBlob { file, hasher: Sha256::new(), size: 0 })
    }

    /// The folder of what is not finished: a start empties it.
    #[must_use]
    pub fn staging(&self) -> PathBuf {
        self.root.join(STAGING)
    }

    /// Opens a blob for reading; also returns its size in bytes.
    pub async fn read(&self, sha256: [u8; 32]) -> Result<(File, u64), BlobError> {
        let path = path_of(&self.root, &sha256);
        blocking("open a blob", move || {
            let file = File::open(path)?;
            let size = file.metadata()?.len();
            Ok((file, size))
        })
        .await
        .map_err(|err| match err {
            BlobError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                BlobError::Missing(hex(&sha256))
            }
            BlobError::Full | BlobError::Missing(_) | BlobError::Io { .. } => err,
        })
    }

    /// Makes a blob of a file that is whole and on disk, under another name of the same bytes: the file stays.
    pub(super) async fn adopt(
        &self,
        file: PathBuf,
        name: String,
        sha256: [u8; 32],
        size: u64,
    ) -> Result<FinishedBlob, BlobError> {
        let staged = self.root.join(STAGING).join(name);
        blocking("link a blob", move || {
            fs::hard_link(file, &staged)?;
            let path = TempPath::try_from_path(staged)?;
            Ok(FinishedBlob { path, sha256, size })
        })
        .await
    }

    /// The folder of all blobs.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Waits for the right to name and remove blobs.
    pub async fn gate(&self) -> BlobGate {
        BlobGate {
            root: Arc::clone(&self.root),
            doubtful: Arc::clone(&self.doubtful),
            _turn: Arc::clone(&self.gate).lock_owned().await,
        }
    }

    /// Whether a blob is doubtful, be it only because somebody is at it now.
    #[must_use]
    pub fn has_doubts(&self) -> bool {
        !self.doubtful.lock().is_empty()
    }
}

impl BlobGate {
    /// Gives a blob its name, durably. The same content twice is stored once. It is doubtful from here on.
    pub async fn publish(&self, blob: FinishedBlob) -> Result<(), BlobError> {
        self.doubt(blob.sha256);
        let target = path_of(&self.root, &blob.sha256);
        let root = Arc::clone(&self.root);
        blocking("store a blob", move || {
            if fs::metadata(&target).is_ok_and(|known| known.len() == blob.size) {
                return Ok(());
            }
            let folder = target.parent().unwrap_or(&root);
            if !folder.is_dir() {
                fs::create_dir_all(folder)?;
                sync_folder(&root)?;
            }
            blob.path.persist(&target).map_err(|err| err.error)?;
            sync_folder(folder)
        })
        .await
    }

    /// Notes that the row of a blob may be about to go.
    pub fn doubt(&self, sha256: [u8; 32]) {
        self.doubtful.lock().insert(sha256);
    }

    /// Ends the doubt about a blob that a row references.
    pub fn keep(&self, sha256: [u8; 32]) {
        self.doubtful.lock().remove(&sha256);
    }

    /// The doubtful blobs.
    #[must_use]
    pub fn doubtful(&self) -> Vec<[u8; 32]> {
        self.doubtful.lock().iter().copied().collect()
    }

    /// Removes a blob that no row references any more; one that is not there is removed already.
    pub async fn remove(&self, sha256: [u8; 32]) -> Result<(), BlobError> {
        let path = path_of(&self.root, &sha256);
        blocking("remove a blob", move || match fs::remove_file(path) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
            Ok(()) | Err(_) => Ok(()),
        })
        .await?;
        self.keep(sha256);
        Ok(())
    }

    /// Removes every blob that is not among the referenced ones; returns how many went.
    pub async fn sweep(&self, referenced: HashSet<[u8; 32]>) -> Result<usize, BlobError> {
        let root = Arc::clone(&self.root);
        blocking("look for unreferenced blobs", move || sweep(&root, &referenced)).await
    }
}

impl StagedBlob {
    /// Adds bytes at the end.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        self.file.write_all(bytes).map_err(failed_to("write a blob"))?;
        self.hasher.update(bytes);
        self.size = self.size.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// The bytes written so far, to be read from their beginning.
    pub fn reopen(&self) -> Result<std::fs::File, BlobError> {
        self.file.reopen().map_err(failed_to("read an unfinished blob"))
    }

    /// Bytes written so far.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Ends the blob: its bytes are on disk when this returns.
    pub fn finish(self) -> Result<FinishedBlob, BlobError> {
        self.file.as_file().sync_all().map_err(failed_to("sync a blob"))?;
        Ok(FinishedBlob {
            path: self.file.into_temp_path(),
            sha256: self.hasher.finalize().into(),
            size: self.size,
        })
    }
}

impl FinishedBlob {
    /// SHA-256 of the content.
    #[must_use]
    pub const fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// Size in bytes.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }
}

/// Compares the blobs of a data directory with the referenced ones, without changing anything.
pub async fn survey(data_dir: &Path, referenced: Vec<[u8; 32]>) -> Result<BlobSurvey, BlobError> {
    let root = data_dir.join("blobs");
    blocking("look at blobs", move || {
        let wanted: HashSet<PathBuf> = referenced.iter().map(|sha256| path_of(&root, sha256)).collect();
        let mut missing: Vec<String> = referenced
            .iter()
            .filter(|sha256| !path_of(&root, sha256).is_file())
            .map(|sha256| hex(sha256))
            .collect();
        missing.sort();
        let unreferenced = match stored_files(&root) {
            Ok(files) => files.iter().filter(|file| !wanted.contains(*file)).count(),
            Err(err) if err.kind() == io::ErrorKind::NotFound => 0,
            Err(err) => return Err(err),
        };
        Ok(BlobSurvey { missing, unreferenced })
    })
    .await
}

pub(super) async fn blocking<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, BlobError> {
    let done = spawn_blocking(work).await.map_err(io::Error::other).flatten();
    done.map_err(failed_to(what))
}

pub(super) fn failed_to(what: &'static str) -> impl FnOnce(io::Error) -> BlobError {
    move |source| BlobError::of(what, source)
}

fn sweep(root: &Path, referenced: &HashSet<[u8; 32]>) -> io::Result<usize> {
    let known: HashSet<PathBuf> = referenced.iter().map(|sha256| path_of(root, sha256)).collect();
    let mut removed = 0;
    for file in stored_files(root)?.iter().filter(|file| !known.contains(*file)) {
        fs::remove_file(file)?;
        removed += 1;
    }
    Ok(removed)
}

/// All files that have a name, whoever references them.
fn stored_files(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in fs::read_dir(root)? {
        let folder = folder?.path();
        if folder.ends_with(STAGING) || folder.ends_with(upload_files::FOLDER) || !folder.is_dir() {
            continue;
        }
        for file in fs::read_dir(&folder)? {
            files.push(file?.path());
        }
    }
    Ok(files)
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, BlobError> {
    let listed = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>());
    listed.map_err(failed_to("list unfinished blobs"))
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn path_of(root: &Path, sha256: &[u8; 32]) -> PathBuf {
    let name = hex(sha256);
    let (folder, file) = name.split_at(2);
    root.join(folder).join(file)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::io::Read;

    use super::{BlobError, BlobStore, FinishedBlob, files_in};

    fn write(store: &BlobStore, content: &[u8]) -> FinishedBlob {
        let mut blob = store.stage().unwrap();
        for chunk in content.chunks(3) {
            blob.append(chunk).unwrap();
        }
        blob.finish().unwrap()
    }

    async fn content(store: &BlobStore, sha256: [u8; 32]) -> Option<Vec<u8>> {
        let (mut file, size) = store.read(sha256).await.ok()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        assert_eq!(u64::try_from(bytes.len()).unwrap(), size);
        Some(bytes)
    }

    #[tokio::test]
    async fn same_content_is_stored_once_and_removed_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlobStore::open(dir.path()).unwrap();
        let gate = store.gate().await;
        let (one, two) = (write(&store, b"content"), write(&store, b"content"));
        let sha256 = one.sha256();
        assert_eq!((two.sha256(), two.size()), (sha256, 7));
        gate.publish(one).await.unwrap();
        gate.publish(two).await.unwrap();
        assert_eq!(content(&store, sha256).await.unwrap(), b"content");
        assert!(files_in(&dir.path().join("blobs/tmp")).unwrap().is_empty());
        gate.remove(sha256).await.unwrap();
        gate.remove(sha256).await.unwrap();
        assert!(matches!(store.read(sha256).await, Err(BlobError::Missing(_))));
    }

    #[tokio::test]
    async fn nothing_unfinished_or_unreferenced_survives_a_start() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlobStore::open(dir.path()).unwrap();
        drop(write(&store, b"dropped"));
        let unfinished = store.stage().unwrap();
        let (kept, orphan) = (write(&store, b"kept"), write(&store, b"orphan"));
        let (kept_sha256, orphan_sha256) = (kept.sha256(), orphan.sha256());
        let gate = store.gate().await;
        gate.publish(kept).await.unwrap();
        gate.publish(orphan).await.unwrap();
        assert_eq!(files_in(&dir.path().join("blobs/tmp")).unwrap().len(), 1);
        std::mem::forget(unfinished);

        let store = BlobStore::open(dir.path()).unwrap();
        assert!(files_in(&dir.path().join("blobs/tmp")).unwrap().is_empty());
        let removed = store.gate().await.sweep(HashSet::from([kept_sha256])).await.unwrap();
        assert_eq!(removed, 1);
        assert!(content(&store, kept_sha256).await.is_some());
        assert!(content(&store, orphan_sha256).await.is_none());
    }

    #[tokio::test]
    async fn a_survey_finds_what_is_missing_and_what_is_too_much() {
        let dir = tempfile::tempdir().unwrap();
        let nothing = super::survey(dir.path(), Vec::new()).await.unwrap();
        assert_eq!(nothing, super::BlobSurvey::default());
        let store = BlobStore::open(dir.path()).unwrap();
        let (kept, orphan) = (write(&store, b"kept"), write(&store, b"orphan"));
        let kept_sha256 = kept.sha256();
        let gate = store.gate().await;
        gate.publish(kept).await.unwrap();
        gate.publish(orphan).await.unwrap();
        let survey = super::survey(dir.path(), vec![kept_sha256, [7; 32]]).await.unwrap();
        assert_eq!((survey.missing, survey.unreferenced), (vec!["07".repeat(32)], 1));
    }

    #[test]
    fn a_full_disk_is_told_apart() {
        let full = super::failed_to("write a blob")(std::io::ErrorKind::StorageFull.into());
        assert!(matches!(full, BlobError::Full));
    }
}
