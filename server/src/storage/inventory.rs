//! Inventory rows (being written).
use super::{StorageError, WriteScope};
use crate::ids::DeviceNumber;
/// Forgets a device.
pub async fn delete_of_device(_: &WriteScope<'_>, _: DeviceNumber) -> Result<(), StorageError> {
    Ok(())
}
