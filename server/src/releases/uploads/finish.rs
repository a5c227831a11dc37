//! The end of an upload: it is read once more and becomes an artifact, or can be tried again.

use super::part::{Received, Sink};
use super::{PartialUploadError, UploadMetadata};
use crate::ids::ArtifactId;
use crate::releases::publish::{Candidate, publish};

impl Sink {
    /// Makes an artifact of an upload whose bytes are all there. Durable when this returns.
    pub(super) async fn complete(mut self) -> Result<Received, PartialUploadError> {
        // All but the last byte: after an end of the server in between, that one is sent again.
        self.save().await?;
        let Self { uploads, upload, lease, file, follower, .. } = self;
        drop(file);
        let made = async {
            follower.advance(upload.length);
            let checked = follower.outcome().await?;
            let blob = uploads.files.finish(upload.id, checked.sha256).await?;
            // The disk does not hold what it was given.
            let blob = blob.ok_or(PartialUploadError::Gone(upload.id))?;
            let metadata = UploadMetadata::parse(&upload.metadata)?;
            let candidate = Candidate {
                id: metadata.artifact_id.unwrap_or_else(ArtifactId::generate),
                description: metadata.description,
                inspected: checked.inspected,
                evidence: checked.evidence,
                upload: Some(upload.id),
            };
            Ok::<_, PartialUploadError>(publish(&uploads.releases, candidate, blob).await?)
        };
        match made.await {
            Ok(artifact) => {
                if let Err(err) = uploads.files.remove(upload.id).await {
                    tracing::warn!(error = %err, "the file of a finished upload stays until the next start");
                }
                drop(lease);
                Ok(Received {
                    offset: upload.length,
                    expires_at: upload.expires_at,
                    artifact: Some(artifact),
                })
            }
            Err(err) => {
                if !err.is_passing() || matches!(err, PartialUploadError::Gone(_)) {
                    uploads.discard(lease).await;
                }
                Err(err)
            }
        }
    }
}
