//! How much the server takes from whom.

use serde::Deserialize;

use super::error::ConfigError;
use super::server::check_range;
use crate::throttle::Networks;

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
    /// Connections open at once from one source: an IPv4 address, or an IPv6 network of 64 bits.
    pub max_connections_per_source: usize,
    /// TLS handshakes that are unfinished at once.
    pub max_handshakes: usize,
    /// TLS handshakes from one source that are unfinished at once.
    pub max_handshakes_per_source: usize,
    /// Networks with no limits of their own, as `10.0.0.0/8, 2001:db8::/32`: proxies, and sites behind one address.
    pub unlimited_networks: Networks,
    /// How long a client may take for its TLS handshake and the head of its first request together, and for the
    /// head of each further one from its first byte on.
    pub head_timeout_secs: u64,
    /// The largest head of a request.
    pub max_head_bytes: usize,
    /// The longest path with its query.
    pub max_target_bytes: usize,
    /// The slowest that a client may send a body or read an answer, on average; see `rate_grace_secs`.
    pub min_bytes_per_sec: u64,
    /// How long a body may come slower than that. An answer may for six times as long.
    pub rate_grace_secs: u64,
    /// How long the server may wait for a body that is not an artifact, all in all.
    pub max_body_secs: u64,
    /// Memory for the bodies of requests.
    pub max_buffered_bytes: usize,
    /// Artifacts that are uploaded at once.
    pub max_uploads: usize,
    /// Uploads in parts that are not finished, of all users.
    pub unfinished_uploads_max: u64,
    /// The same of one user.
    pub unfinished_uploads_per_user_max: u64,
    /// Bytes that unfinished uploads may have together, those included that have not come yet.
    pub unfinished_uploads_max_bytes: u64,
    /// How long an unfinished upload is kept after its last byte.
    pub unfinished_uploads_ttl_secs: u64,
    /// Authentication requests of devices, a second; ten seconds' worth may come at once. This and the rates below
    /// hold for all that is not in `unlimited_networks`.
    pub login_rate: u32,
    /// The same from one source.
    pub login_rate_per_source: u32,
    /// Authentication requests of devices that nobody knows yet, a second.
    pub registration_rate: u32,
    /// The same from one source.
    pub registration_rate_per_source: u32,
    /// Passwords of users, a second.
    pub password_rate: u32,
    /// The same from one source.
    pub password_rate_per_source: u32,
    /// How late a worker is when it begins to shed polls and inventory. Twice as late it sheds registrations and
    /// users too, four times as late logins and logs.
    pub overload_delay_ms: u64,
    /// How long after its login a device is served whatever the load.
    pub new_session_secs: u32,
    /// The least level of load: 1 to 3 shed as if the server were that much behind; for drills and emergencies.
    pub load_level_min: u8,
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
            max_connections_per_source: 5_000,
            max_handshakes: 4_096,
            max_handshakes_per_source: 1_024,
            unlimited_networks: Networks::loopback(),
            head_timeout_secs: 10,
            max_head_bytes: 16 * KIB,
            max_target_bytes: 8 * KIB,
            min_bytes_per_sec: 1_024,
            rate_grace_secs: 10,
            max_body_secs: 60,
            max_buffered_bytes: 64 * MIB,
            max_uploads: 16,
            unfinished_uploads_max: 100,
            unfinished_uploads_per_user_max: 20,
            unfinished_uploads_max_bytes: 100 * GIB,
            unfinished_uploads_ttl_secs: 24 * 60 * 60,
            login_rate: 5_000,
            login_rate_per_source: 200,
            registration_rate: 500,
            registration_rate_per_source: 20,
            password_rate: 20,
            password_rate_per_source: 1,
            overload_delay_ms: 250,
            new_session_secs: 300,
            load_level_min: 0,
            pending_devices_max: 100_000,
            pending_ttl_secs: 30 * 24 * 60 * 60,
            pending_per_device_max: 10,
            inventory_attributes_max: 100,
        }
    }
}

impl Limits {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wide = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        let least: [(&'static str, u64, u64); 26] = [
            ("limits.max_artifact_bytes", self.max_artifact_bytes, 4096),
            ("limits.max_json_bytes", wide(self.max_json_bytes), 1024),
            ("limits.max_auth_body_bytes", wide(self.max_auth_body_bytes), 4096),
            ("limits.max_log_bytes", wide(self.max_log_bytes), 1024),
            ("limits.max_connections", wide(self.max_connections), 1),
            ("limits.max_connections_per_source", wide(self.max_connections_per_source), 1),
            ("limits.max_handshakes", wide(self.max_handshakes), 1),
            ("limits.max_handshakes_per_source", wide(self.max_handshakes_per_source), 1),
            // What one body may have must fit, or it would be refused for ever.
            ("limits.max_buffered_bytes", wide(self.max_buffered_bytes), wide(self.largest_buffered())),
            ("limits.max_uploads", wide(self.max_uploads), 1),
            ("limits.unfinished_uploads_max", self.unfinished_uploads_max, 1),
            ("limits.unfinished_uploads_per_user_max", self.unfinished_uploads_per_user_max, 1),
            ("limits.unfinished_uploads_max_bytes", self.unfinished_uploads_max_bytes, 4096),
            ("limits.unfinished_uploads_ttl_secs", self.unfinished_uploads_ttl_secs, 1),
            ("limits.login_rate", self.login_rate.into(), 1),
            ("limits.login_rate_per_source", self.login_rate_per_source.into(), 1),
            ("limits.registration_rate", self.registration_rate.into(), 1),
            ("limits.registration_rate_per_source", self.registration_rate_per_source.into(), 1),
            ("limits.password_rate", self.password_rate.into(), 1),
            ("limits.password_rate_per_source", self.password_rate_per_source.into(), 1),
            ("limits.overload_delay_ms", self.overload_delay_ms, 1),
            ("limits.pending_devices_max", self.pending_devices_max, 1),
            ("limits.pending_ttl_secs", self.pending_ttl_secs, 60),
            ("limits.pending_per_device_max", self.pending_per_device_max.into(), 1),
            ("limits.inventory_attributes_max", wide(self.inventory_attributes_max), 1),
            ("limits.min_bytes_per_sec", self.min_bytes_per_sec, 1),
        ];
        for (key, value, least) in least {
            if value < least {
                return Err(ConfigError::value(key, format!("is {value}, but must be at least {least}")));
            }
        }
        check_range("limits.head_timeout_secs", self.head_timeout_secs, 1, 300)?;
        check_range("limits.max_head_bytes", wide(self.max_head_bytes), 4096, 64 * 1024)?;
        check_range("limits.max_target_bytes", wide(self.max_target_bytes), 1024, 32 * 1024)?;
        check_range("limits.rate_grace_secs", self.rate_grace_secs, 1, 600)?;
        check_range("limits.max_body_secs", self.max_body_secs, 1, 3600)?;
        check_range("limits.load_level_min", self.load_level_min.into(), 0, 3)
    }

    fn largest_buffered(&self) -> usize {
        self.max_json_bytes.max(self.max_auth_body_bytes).max(self.max_log_bytes)
    }
}
