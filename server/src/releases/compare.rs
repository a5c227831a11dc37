//! Finding the stored artifacts that a new key signed.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::task::spawn_blocking;

use super::inspect::glance;
use super::verification::VerificationKey;
use super::{Artifact, ReleaseError};
use crate::clock::Clock;
use crate::ids::{ArtifactId, KeyId};
use crate::storage::blobs::{BlobError, BlobStore};
use crate::storage::{Change, Database, Scope, artifact_signatures, artifacts, verification_keys};
use crate::telemetry::chain;

/// Artifacts that are compared in one go.
const BATCH: u64 = 100;

/// Goes on with keys that a stop left halfway. Called at start.
pub async fn compare_rest(
    database: &Database,
    blobs: &BlobStore,
    clock: &Arc<dyn Clock>,
) -> Result<(), ReleaseError> {
    let scope = database.scope(crate::ids::TenantId::DEFAULT);
    for (tenant, key) in verification_keys::all_uncompared(&scope).await? {
        compare(&database.scope(tenant), blobs, &**clock, key).await?;
    }
    Ok(())
}

/// Compares every signed artifact that is stored with a key, and notes which ones it fits. What is uploaded
/// meanwhile is compared by its upload, which sees the key.
pub(super) async fn compare(
    scope: &Scope,
    blobs: &BlobStore,
    clock: &dyn Clock,
    key: KeyId,
) -> Result<(), ReleaseError> {
    let Some(key) = verification_keys::find(scope, key).await? else { return Ok(()) };
    let mut last = None;
    loop {
        let batch = artifacts::signed_after(scope, last, BATCH).await?;
        let Some(end) = batch.last() else { break };
        last = Some(end.id);
        let mut signed = Vec::new();
        for artifact in &batch {
            if is_signed_by(blobs, artifact, &key).await? {
                signed.push(artifact.id);
            }
        }
        if !signed.is_empty() {
            note(scope, &key, &signed, clock.now()).await?;
        }
    }
    let transaction = scope.begin().await?;
    let now = clock.now();
    verification_keys::set_compared(&transaction.scope(), key.id, now).await?;
    Ok(transaction.commit(now).await?)
}

async fn note(
    scope: &Scope,
    key: &VerificationKey,
    signed: &[ArtifactId],
    now: DateTime<Utc>,
) -> Result<(), ReleaseError> {
    let transaction = scope.begin().await?;
    let tx = transaction.scope();
    for id in signed {
        // One that was deleted since is not there any more.
        if let Some(artifact) = artifacts::find(&tx, *id).await? {
            artifact_signatures::insert(&tx, *id, &[key.id], now).await?;
            tx.record(Change::ArtifactVerified { artifact_name: artifact.name, id: *id, key: key.id });
        }
    }
    Ok(transaction.commit(now).await?)
}

async fn is_signed_by(
    blobs: &BlobStore,
    artifact: &Artifact,
    key: &VerificationKey,
) -> Result<bool, ReleaseError> {
    let file = match blobs.read(artifact.sha256).await {
        Ok((file, _)) => file,
        // Deleted meanwhile, or lost: neither is a reason not to look at the others.
        Err(err @ (BlobError::Missing(_) | BlobError::Io { .. } | BlobError::Full)) => {
            tracing::warn!(artifact.id = %artifact.id, error = chain(&err), "artifact not compared with a key");
            return Ok(false);
        }
    };
    let key = [key.clone()];
    spawn_blocking(move || !glance(file).signers(&key).is_empty())
        .await
        .map_err(|_| ReleaseError::Interrupted)
}
