//! The bytes of artifacts.

use std::fs::File;

use crate::storage::blobs::BlobStore;
use crate::storage::{Scope, artifacts};

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

/// Removes blobs that no artifact of any tenant references: what a stop between two steps left. Called at start;
/// returns how many went.
pub async fn sweep(scope: &Scope, blobs: &BlobStore) -> Result<usize, ReleaseError> {
    let gate = blobs.gate().await;
    let referenced = artifacts::all_blobs(scope).await?;
    Ok(gate.sweep(referenced).await?)
}
