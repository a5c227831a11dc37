//! Uploads that nobody goes on with are forgotten.

use std::sync::Arc;

use super::{PartialUploadError, UploadLeases};
use crate::clock::Clock;
use crate::ids::TenantId;
use crate::storage::blobs::BlobStore;
use crate::storage::upload_files::UploadFiles;
use crate::storage::{Database, uploads};

/// Uploads that are forgotten in one go.
const BATCH: u64 = 1_000;

/// Forgets the uploads of all tenants whose time is over; returns how many there were.
pub async fn expire_uploads(
    database: &Database,
    blobs: &BlobStore,
    leases: &Arc<UploadLeases>,
    clock: &dyn Clock,
) -> Result<usize, PartialUploadError> {
    let now = clock.now();
    let files = UploadFiles::new(blobs);
    let mut forgotten = 0;
    for (tenant, id) in uploads::all_expired(&database.scope(TenantId::DEFAULT), now, BATCH).await? {
        // One that a part is arriving for lives on.
        let Some(_lease) = leases.take(id).await else { continue };
        let scope = database.scope(tenant);
        if uploads::find(&scope, id).await?.is_none_or(|upload| upload.expires_at > now) {
            continue;
        }
        let transaction = scope.begin().await?;
        uploads::delete(&transaction.scope(), id).await?;
        transaction.commit(now).await?;
        files.remove(id).await?;
        forgotten += 1;
    }
    Ok(forgotten)
}
