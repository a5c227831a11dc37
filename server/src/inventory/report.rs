//! What happens when a device sends its inventory.

use std::sync::Arc;

use super::{DocumentError, InventoryMode, InventoryOutcome, InventoryWrite, parse};
use crate::fleet::FleetIndex;
use crate::ids::DeviceNumber;
use crate::storage::{Access, Scope};
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
        let is_stored =
            mode == InventoryMode::Replace && self.fleet.has_inventory(device, attributes.digest());
        if is_stored {
            return Ok(());
        }
        // What is compared above is what was committed; from here on it is about to change.
        self.fleet.forget_inventory(device);
        let write = InventoryWrite { device, mode, attributes, limit: self.limit };
        match self.writer.inventory(self.scope.tenant(), write).await? {
            InventoryOutcome::Stored => Ok(()),
            InventoryOutcome::TooMany => Err(DocumentError::TooMany { limit: self.limit }.into()),
        }
    }
}
