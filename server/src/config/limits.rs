//! How much the server takes from whom.

use serde::Deserialize;

use super::error::ConfigError;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const GIB: u64 = 1 << 30;

/// The section `[limits]`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The largest artifact that can be uploaded.
    pub max_artifact_bytes: u64,
    /// The largest JSON body.
    pub max_json_bytes: usize,
    /// The largest body of an authentication request.
    pub max_auth_body_bytes: usize,
    /// The largest deployment log of a device.
    pub max_log_bytes: usize,
    /// Connections open at once.
    pub max_connections: usize,
    /// Devices that may wait for acceptance at once.
    pub pending_devices_max: u64,
    /// How long a device may wait before it is forgotten.
    pub pending_ttl_secs: u64,
    /// Keys that may wait for acceptance at once for one device.
    pub pending_per_device_max: u32,
    /// Attributes that the inventory of one device may have.
    pub inventory_attributes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_artifact_bytes: 10 * GIB,
            max_json_bytes: MIB,
            max_auth_body_bytes: 64 * KIB,
            max_log_bytes: MIB,
            max_connections: 25_000,
            pending_devices_max: 100_000,
            pending_ttl_secs: 30 * 24 * 60 * 60,
            pending_per_device_max: 10,
            inventory_attributes_max: 100,
        }
    }
}

impl Limits {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let is_at_least = |key, value: u64, least: u64| {
            if value >= least {
                Ok(())
            } else {
                Err(ConfigError::value(key, format!("is {value}, but must be at least {least}")))
            }
        };
        let wide = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        is_at_least("limits.max_artifact_bytes", self.max_artifact_bytes, 4096)?;
        is_at_least("limits.max_json_bytes", wide(self.max_json_bytes), 1024)?;
        is_at_least("limits.max_auth_body_bytes", wide(self.max_auth_body_bytes), 4096)?;
        is_at_least("limits.max_log_bytes", wide(self.max_log_bytes), 1024)?;
        is_at_least("limits.max_connections", wide(self.max_connections), 1)?;
        is_at_least("limits.pending_devices_max", self.pending_devices_max, 1)?;
        is_at_least("limits.pending_ttl_secs", self.pending_ttl_secs, 60)?;
        is_at_least("limits.pending_per_device_max", self.pending_per_device_max.into(), 1)?;
        is_at_least("limits.inventory_attributes_max", wide(self.inventory_attributes_max), 1)
    }
}
