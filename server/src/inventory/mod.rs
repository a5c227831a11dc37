//! Inventory (being written).
use crate::storage::{StorageError, WriteScope};
use chrono::{DateTime, Utc};
/// A write.
#[derive(Debug)]
pub struct InventoryWrite;
pub(crate) async fn store(
    _: &WriteScope<'_>,
    _: &[&InventoryWrite],
    _: DateTime<Utc>,
) -> Result<(), StorageError> {
    Ok(())
}
