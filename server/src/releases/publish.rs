//! The last step of an upload: an artifact that was read and is on disk becomes visible, or leaves nothing behind.

use super::inspect::Inspected;
use super::upload::{UploadError, judges};
use super::verification::Evidence;
use super::{Artifact, Releases, Slot, slots};
use crate::audit::{Action, Event, Object};
use crate::crypto::hex::hex;
use crate::ids::{ArtifactId, UploadId};
use crate::storage::blobs::FinishedBlob;
use crate::storage::{Change, Scope, StorageError, WriteScope, artifacts, releases, uploads};

/// An artifact that was read to its end.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) id: ArtifactId,
    pub(super) description: String,
    pub(super) inspected: Inspected,
    pub(super) evidence: Evidence,
    /// What it came by, if it came in parts.
    pub(super) upload: Option<UploadId>,
}

/// Gives the file its name, then the artifact its rows.
pub(super) async fn publish(
    releases: &Releases,
    candidate: Candidate,
    blob: FinishedBlob,
) -> Result<ArtifactId, UploadError> {
    let Candidate { id, description, inspected, mut evidence, upload } = candidate;
    // Compared outside of the transaction with all but the keys that come in between.
    evidence.signers(&judges(&releases.scope).await?.keys);
    let artifact = Artifact {
        id,
        name: inspected.name,
        description,
        format_version: inspected.format_version,
        signed: inspected.signed,
        size: blob.size(),
        sha256: blob.sha256(),
        contents: inspected.contents,
        signers: Vec::new(),
        updated_at: releases.clock.now(),
    };
    let slots = slots(&artifact.contents)?;
    let sha256 = artifact.sha256;
    let gate = releases.blobs.gate().await;
    gate.publish(blob).await?;
    let stored = store(&releases.scope, artifact, &mut evidence, &slots, upload).await;
    match &stored {
        Ok(()) => gate.keep(sha256),
        // It may have been stored, or will be: the blob stays doubtful.
        Err(UploadError::Storage(StorageError::InDoubt)) => {}
        Err(_) => releases.unlink_unreferenced(&gate, sha256).await,
    }
    stored.map(|()| id)
}

async fn store(
    scope: &Scope,
    mut artifact: Artifact,
    evidence: &mut Evidence,
    slots: &[Slot],
    upload: Option<UploadId>,
) -> Result<(), UploadError> {
    let transaction = scope.begin().await?;
    let tx = transaction.scope();
    // The policy may have changed and keys may have been revoked while the artifact arrived.
    artifact.signers = judges(&tx).await?.judge(evidence, artifact.updated_at)?;
    refuse_taken(&tx, &artifact, slots).await?;
    artifacts::insert(&tx, &artifact, slots).await.map_err(|err| {
        if err.is_unique_violation() {
            UploadError::Conflict { name: artifact.name.clone(), existing: None }
        } else {
            err.into()
        }
    })?;
    releases::touch(&tx, &artifact.name, artifact.updated_at).await?;
    if let Some(upload) = upload
        && !uploads::set_artifact(&tx, upload, artifact.id).await?
    {
        return Err(UploadError::Interrupted);
    }
    let event = Event::new(Action::Upload, Object::artifact(artifact.id, &artifact.name));
    tx.audit(event.change(format!("sha256: {}", hex(&artifact.sha256))));
    tx.record(Change::ArtifactAdded { artifact_name: artifact.name.clone(), artifact: artifact.fit() });
    Ok(transaction.commit(artifact.updated_at).await?)
}

async fn refuse_taken(tx: &WriteScope<'_>, artifact: &Artifact, slots: &[Slot]) -> Result<(), UploadError> {
    if artifacts::id_is_taken(tx, artifact.id).await? {
        return Err(UploadError::IdTaken(artifact.id));
    }
    match artifacts::holder_of(tx, &artifact.name, slots).await? {
        None => Ok(()),
        existing => Err(UploadError::Conflict { name: artifact.name.clone(), existing }),
    }
}
