//! How long the audit trail goes back.

use chrono::TimeDelta;
use serde::Deserialize;

use super::error::ConfigError;
use super::server::check_range;

/// A hundred years.
const MAX_RETENTION_DAYS: u64 = 36_525;

/// The section `[audit]`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Audit {
    /// For how many days records are kept at least.
    pub retention_days: u64,
}

impl Default for Audit {
    fn default() -> Self {
        Self { retention_days: 365 }
    }
}

impl Audit {
    /// For how long records are kept at least.
    #[must_use]
    pub fn retention(&self) -> TimeDelta {
        i64::try_from(self.retention_days).ok().and_then(TimeDelta::try_days).unwrap_or(TimeDelta::MAX)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        check_range("audit.retention_days", self.retention_days, 1, MAX_RETENTION_DAYS)
    }
}
