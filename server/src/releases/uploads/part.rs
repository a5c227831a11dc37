//! One part of an upload: its bytes go to the file, and the follower reads behind them.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::follower::Follower;
use super::leases::Lease;
use super::{Checksum, ChecksumAlgorithm, PartialUpload, PartialUploadError, Uploads};
use crate::ids::ArtifactId;
use crate::releases::UploadError;
use crate::storage::upload_files::UploadFile;

/// Chunks that may wait for the disk before the sender has to.
const CHUNKS_IN_FLIGHT: usize = 16;

/// Bytes after which the file is synced and its length stored.
const SAVE_EVERY: u64 = 16 << 20;

/// What a part brings.
enum Piece {
    Bytes(Bytes),
    /// There is no more of it; without this it broke off.
    End,
}

/// A part on its way in. Dropped before [`Part::finish`], what has come of it is stored.
pub struct Part {
    pieces: mpsc::Sender<Piece>,
    /// Gone once it told why the part ended early.
    sink: Option<JoinHandle<Result<Received, PartialUploadError>>>,
}

/// Where an upload is after a part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Received {
    /// Bytes that are on disk.
    pub offset: u64,
    /// When the upload is forgotten.
    pub expires_at: DateTime<Utc>,
    /// What it became, if it is complete.
    pub artifact: Option<ArtifactId>,
}

impl Part {
    pub(super) fn begin(sink: Sink) -> Self {
        let (pieces, incoming) = mpsc::channel(CHUNKS_IN_FLIGHT);
        // A task of its own, so that a client who goes away does not leave its bytes uncounted.
        Self { pieces, sink: Some(tokio::spawn(sink.run(incoming))) }
    }

    /// Takes the next bytes. Fails as soon as the bytes so far cannot become an artifact any more, after which the
    /// upload is over.
    pub async fn write(&mut self, chunk: Bytes) -> Result<(), PartialUploadError> {
        if self.pieces.send(Piece::Bytes(chunk)).await.is_ok() {
            return Ok(());
        }
        match self.conclude().await {
            Err(err) => Err(err),
            Ok(_) => Err(UploadError::Interrupted.into()),
        }
    }

    /// Ends the part. What it brought is on disk when this returns, and checked; if it was the last one, the
    /// artifact exists.
    pub async fn finish(mut self) -> Result<Received, PartialUploadError> {
        // One that ended early says why.
        let _ = self.pieces.send(Piece::End).await;
        self.conclude().await
    }

    async fn conclude(&mut self) -> Result<Received, PartialUploadError> {
        let sink = self.sink.take().ok_or(UploadError::Interrupted)?;
        sink.await.map_err(|_| UploadError::Interrupted)?
    }
}

/// Where a part goes.
pub(super) struct Sink {
    pub(super) uploads: Uploads,
    pub(super) upload: PartialUpload,
    pub(super) lease: Lease,
    pub(super) file: UploadFile,
    pub(super) follower: Follower,
    pub(super) checksum: Option<Checksum>,
}

/// How the bytes of a part ended.
enum End {
    Whole,
    BrokenOff,
}

impl Sink {
    async fn run(mut self, incoming: mpsc::Receiver<Piece>) -> Result<Received, PartialUploadError> {
        match self.take(incoming).await {
            // All bytes are there, whether or not somebody waits for it.
            Ok(End::Whole | End::BrokenOff) if self.file.size() == self.upload.length => {
                self.complete().await
            }
            Ok(End::Whole) => {
                self.save().await?;
                if let Err(fault) = self.follower.catch_up().await {
                    return Err(self.give_up(fault.into()).await);
                }
                let Self { upload, lease, follower, .. } = self;
                lease.park(follower);
                Ok(Received { offset: upload.received, expires_at: upload.expires_at, artifact: None })
            }
            Ok(End::BrokenOff) => {
                self.save().await?;
                self.lease.park(self.follower);
                Err(PartialUploadError::BrokenOff)
            }
            Err(err) if err.is_passing() => {
                // What was written before counts, if there is a way to say so.
                if let Err(unsaved) = self.save().await {
                    tracing::debug!(error = %unsaved, "an upload goes on before its last bytes");
                }
                Err(err)
            }
            Err(err) => Err(self.give_up(err).await),
        }
    }

    /// Writes what comes until the part ends.
    async fn take(&mut self, mut incoming: mpsc::Receiver<Piece>) -> Result<End, PartialUploadError> {
        let start = self.file.size();
        let mut hasher = self.checksum.as_ref().map(|checksum| {
            Context::new(match checksum.algorithm {
                ChecksumAlgorithm::Sha1 => &SHA1_FOR_LEGACY_USE_ONLY,
                ChecksumAlgorithm::Sha256 => &SHA256,
            })
        });
        let end = loop {
            let mut pieces = Vec::with_capacity(CHUNKS_IN_FLIGHT);
            let count = tokio::select! {
                count = incoming.recv_many(&mut pieces, CHUNKS_IN_FLIGHT) => count,
                () = self.lease.wanted() => 0,
            };
            self.lease.hear();
            let has_ended = pieces.iter().any(|piece| matches!(piece, Piece::End));
            let chunks: Vec<Bytes> = pieces.into_iter().filter_map(Piece::bytes).collect();
            let size = chunks.iter().fold(self.file.size(), |size, chunk| {
                size.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX))
            });
            if size > self.upload.length {
                self.forget(start).await?;
                return Err(PartialUploadError::TooLong { length: self.upload.length });
            }
            if let Some(hasher) = &mut hasher {
                for chunk in &chunks {
                    hasher.update(chunk);
                }
            }
            if !chunks.is_empty() {
                self.file.append(chunks).await?;
            }
            if hasher.is_none() {
                self.follow().await?;
                if self.file.size() - self.upload.received >= SAVE_EVERY {
                    self.save().await?;
                }
            }
            if has_ended {
                break End::Whole;
            }
            if count == 0 {
                break End::BrokenOff;
            }
        };
        if let Some((checksum, hasher)) = self.checksum.as_ref().zip(hasher) {
            let is_right = matches!(end, End::Whole) && hasher.finish().as_ref() == checksum.digest;
            if !is_right {
                self.file.cut(start).await?;
                return Err(PartialUploadError::Checksum);
            }
            self.follow().await?;
        }
        Ok(end)
    }

    /// Lets the follower read what is written; an early end of it is a fault.
    async fn follow(&mut self) -> Result<(), PartialUploadError> {
        self.follower.advance(self.file.size());
        let is_whole = self.file.size() == self.upload.length;
        if self.follower.has_ended() && !is_whole { Ok(self.follower.fault().await?) } else { Ok(()) }
    }

    /// Undoes a part that nothing was read of yet.
    async fn forget(&mut self, start: u64) -> Result<(), PartialUploadError> {
        if self.follower.available() <= start {
            self.file.cut(start).await?;
        }
        Ok(())
    }

    /// Makes durable how far the upload is.
    pub(super) async fn save(&mut self) -> Result<(), PartialUploadError> {
        self.file.sync().await?;
        let received = self.upload.stored(self.file.size());
        self.upload.expires_at = self.uploads.save(&self.upload, received).await?;
        self.upload.received = received;
        Ok(())
    }

    /// Ends an upload that cannot become an artifact; nothing of it stays.
    pub(super) async fn give_up(self, err: PartialUploadError) -> PartialUploadError {
        let Self { uploads, lease, file, .. } = self;
        drop(file);
        if !err.is_passing() {
            uploads.discard(lease).await;
        }
        err
    }
}

impl Piece {
    fn bytes(self) -> Option<Bytes> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::End => None,
        }
    }
}
