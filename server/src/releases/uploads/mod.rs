//! Uploads that come in parts and go on after a break.
//!
//! - *part*: what one request brings; its bytes are appended to the file of the upload.
//! - *follower*: the reader of artifacts on a thread of its own, which reads that file behind the bytes that arrive.
//!   It is kept for a while between parts; a new one begins at the first byte.
//! - *lease*: the right to change an upload; one part at a time has it.
//!
//! Every so many bytes, and when a part ends, the file is synced and its length stored: there the upload goes on after
//! whatever happened. The last byte is never stored as received: an upload is complete when the transaction that
//! stores its artifact says so.

mod error;
mod expiry;
mod finish;
mod follower;
mod leases;
mod metadata;
mod part;
mod service;
#[cfg(test)]
mod tests;

pub use error::PartialUploadError;
pub use expiry::expire_uploads;
pub use leases::UploadLeases;
pub use metadata::InvalidMetadata;
use metadata::UploadMetadata;
pub use part::{Part, Received};
pub use service::{NewUpload, UploadBounds, Uploads};

use chrono::{DateTime, Utc};

use crate::ids::{ArtifactId, UploadId, UserId};

/// An upload as its row says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PartialUpload {
    /// Its id.
    pub id: UploadId,
    /// Who began it.
    pub user: UserId,
    /// Bytes that it will have.
    pub length: u64,
    /// Bytes that are on disk; fewer than `length` until the artifact is stored.
    pub received: u64,
    /// What came with it, as it was sent.
    pub metadata: String,
    /// What it became.
    pub artifact: Option<ArtifactId>,
    /// When it is forgotten.
    pub expires_at: DateTime<Utc>,
}

impl PartialUpload {
    /// How much of it to store as received, when so much is on disk and nothing is published.
    const fn stored(&self, received: u64) -> u64 {
        let most = self.length.saturating_sub(1);
        if received < most { received } else { most }
    }
}

/// Which algorithm a part is checked by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ChecksumAlgorithm {
    /// SHA-1: it finds damage, and nothing relies on it against malice.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// What the bytes of a part must have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checksum {
    /// How it is computed.
    pub algorithm: ChecksumAlgorithm,
    /// The digest.
    pub digest: Vec<u8>,
}
