//! Inventory as devices report it.

use std::sync::Arc;

use crate::devices::session::DeviceSession;
use crate::fleet::FleetIndex;
use crate::writer::{WriteError, Writer};

use super::InventoryWrite;

/// Stores what devices report; what is stored already costs no write.
#[derive(Clone)]
pub struct DeviceInventory {
    fleet: Arc<FleetIndex>,
    writer: Writer,
    attributes_max: usize,
}

impl DeviceInventory {
    /// Wires the service.
    #[must_use]
    pub const fn new(fleet: Arc<FleetIndex>, writer: Writer, attributes_max: usize) -> Self {
        Self { fleet, writer, attributes_max }
    }
}
