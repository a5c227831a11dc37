//! Keeping what devices report to provide.

use super::StorageError;
use crate::ids::{DeviceNumber, TenantId};
use crate::storage::{Transaction, provides};

/// What a device reported to provide, as the JSON object that it sent.
#[derive(Debug)]
pub(crate) struct ReportedProvides {
    pub(crate) tenant: TenantId,
    pub(crate) device: DeviceNumber,
    pub(crate) digest: u64,
    pub(crate) provides: String,
}

pub(super) async fn carry_out(tx: &Transaction, reported: &[ReportedProvides]) -> Result<(), StorageError> {
    for one in reported {
        provides::store(&tx.scope_of(one.tenant), one.device, one.digest, &one.provides).await?;
    }
    Ok(())
}
