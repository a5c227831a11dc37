//! The inventory that a device sends (device protocol §4).

use serde::Serialize;

/// `PUT` here replaces the device's inventory; the answer is 200.
pub const PATH: &str = "/api/devices/v1/inventory/device/attributes";

/// One inventory attribute.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Attribute {
    /// Its name, 1 to 1024 bytes.
    pub name: String,
    /// Its value; devices send strings.
    pub value: String,
}

impl Attribute {
    /// An attribute with one value.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}
