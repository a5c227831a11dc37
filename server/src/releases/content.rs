//! The bytes of artifacts.

use std::fs::File;

use crate::storage::blobs::BlobStore;
use crate::storage::upload_files::UploadFiles;
use crate::storage::{Scope, artifacts, uploads};

use super::ReleaseError;

/// An artifact opened for reading.
#[derive(Debug)]
pub struct Content {
    /// The open file, at its beginning.
    pub file: File,
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of its content.
    pub sha256: [u8; 32],
    /// The name under which a browser saves it.
    pub file_name: String,
}

/// Removes blobs that no artifact of any tenant references, and files of uploads that are not unfinished: what a stop
/// between two steps left. Called at start; returns how many went.
pub async fn sweep(scope: &Scope, blobs: &BlobStore) -> Result<usize, ReleaseError> {
    let gate = blobs.gate().await;
    let referenced = artifacts::all_blobs(scope).await?;
    let unfinished = uploads::all_unfinished(scope).await?;
    Ok(gate.sweep(referenced).await? + UploadFiles::new(blobs).sweep(unfinished).await?)
}

/// Asks the rows about each doubtful blob, and removes those that none references; returns how many went.
///
/// # Errors
///
/// While the database or the files cannot be reached: what is doubtful stays so.
pub async fn settle_blobs(scope: &Scope, blobs: &BlobStore) -> Result<usize, ReleaseError> {
    let gate = blobs.gate().await;
    let doubtful = gate.doubtful();
    if doubtful.is_empty() {
        return Ok(0);
    }
    let mut orphans = Vec::new();
    // Once a transaction has begun, no commit is in doubt any more, and the gate keeps new ones away.
    let transaction = scope.begin().await?;
    for sha256 in doubtful {
        if artifacts::blob_is_referenced(&transaction.scope(), &sha256).await? {
            gate.keep(sha256);
        } else {
            orphans.push(sha256);
        }
    }
    drop(transaction);
    for sha256 in &orphans {
        gate.remove(*sha256).await?;
    }
    Ok(orphans.len())
}
