//! What devices are called, say, and have: all of it follows from a device's number in the fleet.

use sealift::ids::{AuthSetId, DeviceId};
use uuid::Uuid;

/// What each device says when it asks for an update: about what a client of generation 4 or 5 says.
pub(crate) const PROVIDES: &str = "{\"device_provides\":{\"artifact_name\":\"factory\",\"device_type\":\"bench-board\",\
    \"rootfs-image.checksum\":\"4d480539cdb23a4aee6330ff80673a5af92b7793eb1c57c4694532f96383b619\",\
    \"rootfs-image.version\":\"factory\"}}";

/// The part of it that is stored.
pub(crate) const STORED_PROVIDES: &str = "{\"artifact_name\":\"factory\",\"device_type\":\"bench-board\",\
    \"rootfs-image.checksum\":\"4d480539cdb23a4aee6330ff80673a5af92b7793eb1c57c4694532f96383b619\",\
    \"rootfs-image.version\":\"factory\"}";

/// The type of all devices.
pub(crate) const DEVICE_TYPE: &str = "bench-board";

/// Ids of registered devices begin here: like those of version 7 they grow, and their random bits are set.
const FIRST_DEVICE: u128 = 0x0190_0000_0000_7000_8000_0000_0000_0000;

/// The same for authentication sets.
const FIRST_AUTH_SET: u128 = 0x0190_0000_0001_7000_8000_0000_0000_0000;

/// The id of a device.
pub(crate) fn device_id(device: u64) -> DeviceId {
    Uuid::from_u128(FIRST_DEVICE + u128::from(device)).into()
}

/// The id of its authentication set.
pub(crate) fn auth_set_id(device: u64) -> AuthSetId {
    Uuid::from_u128(FIRST_AUTH_SET + u128::from(device)).into()
}

/// Its identity data.
pub(crate) fn identity(device: u64) -> String {
    let mac: Vec<String> = device.to_be_bytes().iter().skip(3).map(|byte| format!("{byte:02x}")).collect();
    format!("{{\"mac\":\"02:{}\"}}", mac.join(":"))
}
