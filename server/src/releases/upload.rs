//! Uploads: an artifact is checked while its bytes arrive, and exists only when all of them were good.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use super::description::check_description;
use super::inspect::{Inspected, Refusal, inspect};
use super::publish::{Candidate, publish};
use super::verification::{Evidence, Judges, Witness};
use super::{InvalidDescription, Releases, SignatureError, TooManySlots};
use crate::ids::ArtifactId;
use crate::storage::blobs::{BlobError, FinishedBlob, StagedBlob};
use crate::storage::{Access, StorageError, signature_policies, verification_keys};

/// Chunks that may wait for the disk before the sender has to.
pub(super) const CHUNKS_IN_FLIGHT: usize = 4;

/// What comes with an upload.
#[derive(Clone, Debug)]
pub struct UploadRequest {
    /// The id that the artifact shall have; a fresh one otherwise.
    pub id: Option<ArtifactId>,
    /// What the uploader says of it.
    pub description: String,
    /// How many bytes will come, if that was said.
    pub declared_size: Option<u64>,
    /// More bytes than this are refused.
    pub max_bytes: u64,
}

/// Why an upload did not become an artifact. Nothing of it stays behind.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// More bytes than an artifact may have.
    #[error("the artifact is larger than {limit} bytes")]
    TooLarge {
        /// What is allowed.
        limit: u64,
    },
    /// More or fewer bytes came than were declared.
    #[error("the size of the artifact is not the declared {declared} bytes")]
    SizeMismatch {
        /// What was declared.
        declared: u64,
    },
    /// The bytes are not an acceptable artifact.
    #[error("cannot parse artifact file: {0}")]
    Refused(String),
    /// The signature policy does not take it.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The artifact takes too many slots.
    #[error(transparent)]
    TooManySlots(#[from] TooManySlots),
    /// The text cannot describe an artifact.
    #[error(transparent)]
    Description(#[from] InvalidDescription),
    /// The id that was asked for is taken.
    #[error("artifact {0} exists already")]
    IdTaken(ArtifactId),
    /// Another artifact of the release fits the same devices.
    #[error("an artifact with the same name and depends already exists")]
    Conflict {
        /// The name of both.
        name: String,
        /// The artifact that is in the way, unless it was stored at the same moment.
        existing: Option<ArtifactId>,
    },
    /// No room is left.
    #[error("no room is left to store the artifact")]
    Full,
    /// The work did not come to its end because the server is stopping.
    #[error("the server stopped while storing the artifact")]
    Interrupted,
    /// The blob store failed.
    #[error(transparent)]
    Blob(BlobError),
    /// The database failed.
    #[error("failed to access storage")]
    Storage(#[source] StorageError),
}

/// An artifact on its way in. Dropped before [`Upload::finish`], it leaves nothing behind.
pub struct Upload {
    releases: Releases,
    request: UploadRequest,
    chunks: mpsc::Sender<Bytes>,
    /// Gone once it told why the upload ended early.
    reader: Option<Reader>,
}

type Reader = JoinHandle<Result<(Inspected, Evidence, FinishedBlob), UploadError>>;

impl Releases {
    /// Begins an upload: one blocking thread stores, hashes and reads the artifact while it arrives.
    pub async fn upload(&self, request: UploadRequest) -> Result<Upload, UploadError> {
        check_description(&request.description)?;
        if request.declared_size.is_some_and(|size| size > request.max_bytes) {
            return Err(UploadError::TooLarge { limit: request.max_bytes });
        }
        let judges = judges(&self.scope).await?;
        let (chunks, incoming) = mpsc::channel(CHUNKS_IN_FLIGHT);
        let (blobs, clock) = (self.blobs.clone(), Arc::clone(&self.clock));
        let (declared, limit) = (request.declared_size, request.max_bytes);
        let reader = spawn_blocking(move || {
            let staged = blobs.stage()?;
            let mut tee = Tee { incoming, current: Bytes::new(), staged, declared, limit, fault: None };
            let witness = Witness::default();
            let outcome = inspect(&mut tee, declared, witness.judge(judges, clock));
            tee.conclude(outcome, &witness)
        });
        Ok(Upload { releases: self.clone(), request, chunks, reader: Some(reader) })
    }
}

/// The policy and the keys that count now.
pub(super) async fn judges(scope: &impl Access) -> Result<Judges, StorageError> {
    Ok(Judges {
        policy: signature_policies::find(scope).await?.unwrap_or_default(),
        keys: verification_keys::all(scope).await?,
    })
}

impl Upload {
    /// Takes the next bytes. Waits while the disk is behind; fails as soon as the bytes so far cannot become an
    /// artifact any more, after which the upload is over.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), UploadError> {
        if self.chunks.send(chunk).await.is_ok() {
            return Ok(());
        }
        let reader = self.reader.take().ok_or(UploadError::Interrupted)?;
        match reader.await {
            Ok(Err(err)) => Err(err),
            Ok(Ok(_)) | Err(_) => Err(UploadError::Interrupted),
        }
    }

    /// Makes the artifact exist after its last byte. Durable when this returns.
    pub async fn finish(self) -> Result<ArtifactId, UploadError> {
        let Self { releases, request, chunks, reader } = self;
        drop(chunks);
        let reader = reader.ok_or(UploadError::Interrupted)?;
        let (inspected, evidence, blob) = reader.await.map_err(|_| UploadError::Interrupted)??;
        let candidate = Candidate {
            id: request.id.unwrap_or_else(ArtifactId::generate),
            description: request.description,
            inspected,
            evidence,
            upload: None,
        };
        // In a task of its own, so that a client who goes away now does not leave a blob without a row.
        tokio::spawn(async move { publish(&releases, candidate, blob).await })
            .await
            .map_err(|_| UploadError::Interrupted)?
    }
}

/// What the reader reads from: every chunk goes to the blob first.
struct Tee {
    incoming: mpsc::Receiver<Bytes>,
    current: Bytes,
    staged: StagedBlob,
    declared: Option<u64>,
    limit: u64,
    fault: Option<UploadError>,
}

impl Tee {
    fn take(&mut self, chunk: Bytes) -> Result<(), UploadError> {
        self.staged.append(&chunk)?;
        let size = self.staged.size();
        if size > self.limit {
            return Err(UploadError::TooLarge { limit: self.limit });
        }
        match self.declared {
            Some(declared) if size > declared => Err(UploadError::SizeMismatch { declared }),
            Some(_) | None => {
                self.current = chunk;
                Ok(())
            }
        }
    }

    fn conclude(
        self,
        outcome: Result<Inspected, Refusal>,
        witness: &Witness,
    ) -> Result<(Inspected, Evidence, FinishedBlob), UploadError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let evidence = witness.take()?;
        let inspected = outcome?;
        match self.declared {
            Some(declared) if declared != self.staged.size() => Err(UploadError::SizeMismatch { declared }),
            Some(_) | None => Ok((inspected, evidence, self.staged.finish()?)),
        }
    }
}

impl Read for Tee {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            let Some(chunk) = self.incoming.blocking_recv() else { return Ok(0) };
            if let Err(fault) = self.take(chunk) {
                self.fault = Some(fault);
                return Err(io::Error::other("the upload was refused"));
            }
        }
        let length = self.current.len().min(buffer.len());
        let (head, _) = buffer.split_at_mut(length);
        self.current.copy_to_slice(head);
        Ok(length)
    }
}

impl From<Refusal> for UploadError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Format(why) => Self::Refused(why),
            Refusal::Input => Self::Interrupted,
        }
    }
}

impl From<BlobError> for UploadError {
    fn from(err: BlobError) -> Self {
        match err {
            BlobError::Full => Self::Full,
            BlobError::Missing(_) | BlobError::Io { .. } => Self::Blob(err),
        }
    }
}

impl From<StorageError> for UploadError {
    fn from(err: StorageError) -> Self {
        match err {
            StorageError::Full => Self::Full,
            StorageError::Interrupted
            | StorageError::Database(_)
            | StorageError::Unavailable(_)
            | StorageError::InDoubt
            | StorageError::InUse
            | StorageError::NoAuditChain
            | StorageError::Unrecorded
            | StorageError::Corrupt { .. }
            | StorageError::CorruptRow { .. }
            | StorageError::OutOfRange(_) => Self::Storage(err),
        }
    }
}
