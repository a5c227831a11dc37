//! The files of uploads that come in parts: `blobs/uploads/ID`, each as long as its upload is by now.
//!
//! A row says how many bytes of a file are on disk for sure; what is beyond is cut off before the upload goes on.
//! A file that became an artifact is linked to its name in the blob store and removed after the commit, so that a
//! commit which fails leaves the upload as it was.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::blobs::{BlobError, BlobStore, FinishedBlob, blocking, sync_folder};
use crate::ids::UploadId;

/// Where the files are, in the folder of the blobs.
pub(super) const FOLDER: &str = "uploads";

/// Bytes that are read at once.
const PIECE: usize = 256 * 1024;

/// The files of unfinished uploads. Clones are the same folder.
#[derive(Clone, Debug)]
pub struct UploadFiles {
    folder: Arc<Path>,
    blobs: BlobStore,
}

/// The file of an upload, open at its end.
#[derive(Debug)]
pub struct UploadFile {
    file: Arc<File>,
    path: PathBuf,
    size: u64,
}

impl UploadFiles {
    /// Those of a blob store.
    #[must_use]
    pub fn new(blobs: &BlobStore) -> Self {
        Self { folder: blobs.root().join(FOLDER).into(), blobs: blobs.clone() }
    }

    /// Opens the file of an upload and cuts it to what is known to be on disk; `None` if less is there.
    pub async fn open(&self, id: UploadId, size: u64) -> Result<Option<UploadFile>, BlobError> {
        let (folder, path) = (Arc::clone(&self.folder), self.path(id));
        blocking("open the file of an upload", move || {
            let is_new = !path.exists();
            let file = File::options().create(true).append(true).mode(0o600).open(&path)?;
            if is_new {
                sync_folder(&folder)?;
            }
            let length = file.metadata()?.len();
            if length < size {
                return Ok(None);
            }
            file.set_len(size)?;
            Ok(Some(UploadFile { file: Arc::new(file), path, size }))
        })
        .await
    }

    /// Removes the file of an upload; one that is not there is removed already.
    pub async fn remove(&self, id: UploadId) -> Result<(), BlobError> {
        let path = self.path(id);
        blocking("remove the file of an upload", move || match fs::remove_file(path) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
            Ok(()) | Err(_) => Ok(()),
        })
        .await
    }

    /// Removes the files of all uploads but these; returns how many went.
    pub async fn sweep(&self, unfinished: HashSet<UploadId>) -> Result<usize, BlobError> {
        let folder = Arc::clone(&self.folder);
        blocking("look for files of ended uploads", move || {
            let known: HashSet<String> = unfinished.iter().map(ToString::to_string).collect();
            let mut removed = 0;
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                if !entry.file_name().to_str().is_some_and(|name| known.contains(name)) {
                    fs::remove_file(entry.path())?;
                    removed += 1;
                }
            }
            Ok(removed)
        })
        .await
    }

    /// Reads a whole file once more and makes a blob of it that shares its bytes; `None` if they are not those
    /// that were checked. The file stays.
    pub async fn finish(&self, id: UploadId, sha256: [u8; 32]) -> Result<Option<FinishedBlob>, BlobError> {
        let path = self.path(id);
        let read = path.clone();
        let (size, found) = blocking("read the file of an upload", move || digest(&read)).await?;
        if found != sha256 {
            return Ok(None);
        }
        self.blobs.adopt(path, id.to_string(), sha256, size).await.map(Some)
    }

    fn path(&self, id: UploadId) -> PathBuf {
        self.folder.join(id.to_string())
    }
}

impl UploadFile {
    /// Bytes that it has; what a failed write left beyond them does not count.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds bytes at the end.
    pub async fn append(&mut self, pieces: Vec<Bytes>) -> Result<(), BlobError> {
        let file = Arc::clone(&self.file);
        let added: u64 = pieces.iter().map(|piece| u64::try_from(piece.len()).unwrap_or(u64::MAX)).sum();
        blocking("write the file of an upload", move || {
            pieces.iter().try_for_each(|piece| (&*file).write_all(piece))
        })
        .await?;
        self.size = self.size.saturating_add(added);
        Ok(())
    }

    /// Forgets what is beyond a size.
    pub async fn cut(&mut self, size: u64) -> Result<(), BlobError> {
        let file = Arc::clone(&self.file);
        blocking("cut the file of an upload", move || file.set_len(size)).await?;
        self.size = size;
        Ok(())
    }

    /// Waits until all bytes are on disk.
    pub async fn sync(&self) -> Result<(), BlobError> {
        let file = Arc::clone(&self.file);
        blocking("sync the file of an upload", move || file.sync_data()).await
    }

    /// Opens it once more, to be read from its beginning.
    pub async fn reader(&self) -> Result<File, BlobError> {
        let path = self.path.clone();
        blocking("open the file of an upload", move || File::open(path)).await
    }
}

fn digest(path: &Path) -> io::Result<(u64, [u8; 32])> {
    let mut file = File::open(path)?;
    let (mut hasher, mut size) = (Sha256::new(), 0_u64);
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece)?;
        let (bytes, _) = piece.split_at(read);
        if bytes.is_empty() {
            return Ok((size, hasher.finalize().into()));
        }
        hasher.update(bytes);
        size = size.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::io::Read as _;

    use bytes::Bytes;
    use sha2::{Digest as _, Sha256};

    use super::{BlobStore, UploadFiles};
    use crate::ids::UploadId;

    fn store() -> (tempfile::TempDir, BlobStore, UploadFiles) {
        let dir = tempfile::tempdir().unwrap();
        let blobs = BlobStore::open(dir.path()).unwrap();
        let files = UploadFiles::new(&blobs);
        (dir, blobs, files)
    }

    #[tokio::test]
    async fn a_file_goes_on_where_its_row_says() {
        let (_dir, _, files) = store();
        let id = UploadId::generate();
        let mut file = files.open(id, 0).await.unwrap().unwrap();
        file.append(vec![Bytes::from_static(b"first"), Bytes::from_static(b" and more")]).await.unwrap();
        assert_eq!(file.size(), 14);
        drop(file);
        let mut file = files.open(id, 5).await.unwrap().unwrap();
        file.append(vec![Bytes::from_static(b" again")]).await.unwrap();
        file.cut(8).await.unwrap();
        let mut text = String::new();
        file.reader().await.unwrap().read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), file.size()), ("first ag", 8));
        assert!(files.open(id, 9).await.unwrap().is_none(), "fewer bytes than the row says");
    }

    #[tokio::test]
    async fn a_finished_file_becomes_a_blob_and_stays_until_it_is_removed() {
        let (dir, blobs, files) = store();
        let id = UploadId::generate();
        let mut file = files.open(id, 0).await.unwrap().unwrap();
        file.append(vec![Bytes::from_static(b"content")]).await.unwrap();
        let sha256: [u8; 32] = Sha256::digest(b"content").into();
        assert!(files.finish(id, [7; 32]).await.unwrap().is_none());
        for _ in 0..2 {
            // What a failed commit takes away again is made again.
            drop(files.finish(id, sha256).await.unwrap().unwrap());
        }
        let blob = files.finish(id, sha256).await.unwrap().unwrap();
        let gate = blobs.gate().await;
        gate.publish(blob).await.unwrap();
        assert!(dir.path().join("blobs/uploads").join(id.to_string()).exists());
        files.remove(id).await.unwrap();
        files.remove(id).await.unwrap();
        assert_eq!(blobs.read(sha256).await.unwrap().1, 7);
        assert_eq!(std::fs::read_dir(dir.path().join("blobs/tmp")).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_start_removes_files_of_ended_uploads_only() {
        let (dir, blobs, files) = store();
        let (kept, ended) = (UploadId::generate(), UploadId::generate());
        for id in [kept, ended] {
            files.open(id, 0).await.unwrap().unwrap();
        }
        // A sweep of blobs leaves them alone, and so does a start.
        assert_eq!(blobs.gate().await.sweep(HashSet::new()).await.unwrap(), 0);
        BlobStore::open(dir.path()).unwrap();
        assert_eq!(files.sweep(HashSet::from([kept])).await.unwrap(), 1);
        assert!(dir.path().join("blobs/uploads").join(kept.to_string()).exists());
        assert!(!dir.path().join("blobs/uploads").join(ended.to_string()).exists());
    }
}
