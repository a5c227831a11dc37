//! Keeping what devices report to provide.

use std::collections::BTreeMap;

use super::StorageError;
use crate::ids::{DeviceNumber, TenantId};
use crate::storage::Transaction;
use crate::storage::provides::{self, ReportedProvides};

/// What a device reported to provide, as the JSON object that it sent.
#[derive(Debug)]
pub(crate) struct ProvidesReport {
    pub(crate) tenant: TenantId,
    pub(crate) device: DeviceNumber,
    pub(crate) digest: u64,
    pub(crate) provides: String,
}

pub(super) async fn carry_out(tx: &Transaction, reports: &[ProvidesReport]) -> Result<(), StorageError> {
    let mut by_tenant: BTreeMap<TenantId, BTreeMap<DeviceNumber, ReportedProvides<'_>>> = BTreeMap::new();
    for report in reports {
        let ProvidesReport { tenant, device, digest, provides } = report;
        let row = ReportedProvides { device: *device, digest: *digest, provides };
        // Of several reports of a device the last one stands.
        by_tenant.entry(*tenant).or_default().insert(*device, row);
    }
    for (tenant, rows) in by_tenant {
        let rows: Vec<ReportedProvides<'_>> = rows.into_values().collect();
        provides::store(&tx.scope_of(tenant), &rows).await?;
    }
    Ok(())
}
