//! Why an upload does not go on.

use super::InvalidMetadata;
use crate::ids::{ArtifactId, UploadId};
use crate::releases::{InvalidDescription, UploadError};
use crate::storage::StorageError;
use crate::storage::blobs::BlobError;

/// Why a part was not taken, or an upload could not be begun or ended.
#[derive(Debug, thiserror::Error)]
pub enum PartialUploadError {
    /// The caller has no such upload.
    #[error("upload {0} does not exist")]
    NotFound(UploadId),
    /// Its time is over, or its file is damaged.
    #[error("upload {0} is gone: begin a new one")]
    Gone(UploadId),
    /// Another part of it is arriving.
    #[error("another request is writing to upload {0}")]
    Locked(UploadId),
    /// The part begins elsewhere than the upload ends.
    #[error("the upload goes on at byte {expected}, not at byte {said}")]
    WrongOffset {
        /// Where the part is said to begin.
        said: u64,
        /// Where the upload goes on.
        expected: u64,
        /// What the upload became, if it is complete.
        artifact: Option<ArtifactId>,
    },
    /// The bytes of the part are not those that were sent.
    #[error("the checksum of the part does not match: send it again")]
    Checksum,
    /// The part did not come to its end.
    #[error("the part broke off")]
    BrokenOff,
    /// More bytes came than the upload has.
    #[error("the part is longer than the rest of the upload, which has {length} bytes")]
    TooLong {
        /// Bytes of the whole upload.
        length: u64,
    },
    /// Artifacts have at least one byte.
    #[error("an upload has at least one byte")]
    Empty,
    /// So many uploads are not finished.
    #[error("{whose} {limit} unfinished uploads: finish, end or let expire one of them")]
    TooMany {
        /// Who has them: the user or the server.
        whose: &'static str,
        /// How many there may be.
        limit: u64,
    },
    /// Unfinished uploads have so many bytes.
    #[error("unfinished uploads have {limit} bytes together: finish, end or let expire one of them")]
    TooManyBytes {
        /// How many bytes they may have.
        limit: u64,
    },
    /// What came with the upload cannot be read.
    #[error(transparent)]
    Metadata(#[from] InvalidMetadata),
    /// The bytes cannot become an artifact, or could not be stored.
    #[error(transparent)]
    Upload(#[from] UploadError),
}

impl PartialUploadError {
    /// Whether the upload can go on: what failed was not the artifact.
    pub(super) const fn is_passing(&self) -> bool {
        match self {
            Self::Upload(err) => matches!(
                err,
                UploadError::Full | UploadError::Interrupted | UploadError::Blob(_) | UploadError::Storage(_)
            ),
            Self::NotFound(_)
            | Self::Gone(_)
            | Self::Locked(_)
            | Self::WrongOffset { .. }
            | Self::Checksum
            | Self::BrokenOff
            | Self::TooLong { .. }
            | Self::Empty
            | Self::TooMany { .. }
            | Self::TooManyBytes { .. }
            | Self::Metadata(_) => true,
        }
    }
}

impl From<BlobError> for PartialUploadError {
    fn from(err: BlobError) -> Self {
        Self::Upload(err.into())
    }
}

impl From<StorageError> for PartialUploadError {
    fn from(err: StorageError) -> Self {
        Self::Upload(err.into())
    }
}

impl From<InvalidDescription> for PartialUploadError {
    fn from(err: InvalidDescription) -> Self {
        Self::Upload(err.into())
    }
}
