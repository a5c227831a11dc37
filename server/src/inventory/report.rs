//! What happens when a device sends its inventory.

use std::sync::Arc;

use super::{AttributeScope, DocumentError, InventoryMode, InventoryWrite, parse};
use crate::fleet::FleetIndex;
use crate::ids::DeviceNumber;
use crate::storage::{Access, Scope, StorageError, inventory};
use crate::writer::{WriteError, Writer};

/// Why a device's inventory was not stored.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// It is not acceptable.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The writer did not store it.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

/// Takes the inventories of the devices of one tenant.
#[derive(Clone)]
pub struct InventoryReports {
    scope: Scope,
    fleet: Arc<FleetIndex>,
    writer: Writer,
    limit: usize,
}

impl InventoryReports {
    /// Binds reports to the tenant of a scope; a device may have `limit` attributes.
    #[must_use]
    pub const fn new(scope: Scope, fleet: Arc<FleetIndex>, writer: Writer, limit: usize) -> Self {
        Self { scope, fleet, writer, limit }
    }

    /// Stores what a device sent. What is stored already costs no write.
    pub async fn receive(
        &self,
        device: DeviceNumber,
        mode: InventoryMode,
        body: &[u8],
    ) -> Result<(), ReportError> {
        let attributes = parse(body, self.limit)?;
        match mode {
            InventoryMode::Replace if self.fleet.has_inventory(device, attributes.digest()) => return Ok(()),
            InventoryMode::Replace => {}
            InventoryMode::Merge => self.check_room(device, &attributes).await?,
        }
        let write = InventoryWrite { device, mode, attributes, limit: self.limit };
        Ok(self.writer.inventory(self.scope.tenant(), write).await?)
    }

    async fn check_room(
        &self,
        device: DeviceNumber,
        attributes: &super::AttributeSet,
    ) -> Result<(), ReportError> {
        let stored = inventory::of_devices(&self.scope, &[device], &[AttributeScope::Inventory]).await?;
        let kept = stored.iter().filter(|(_, attribute)| attributes.get(&attribute.name).is_none()).count();
        if kept + attributes.len() > self.limit {
            return Err(DocumentError::TooMany { limit: self.limit }.into());
        }
        Ok(())
    }
}
