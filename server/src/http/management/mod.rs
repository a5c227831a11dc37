//! The management API, as existing tools speak it (management API).

pub mod deployment_body;
pub mod deployments;
pub mod device_deployments;
pub mod devices;

use chrono::{DateTime, SecondsFormat, Utc};

/// A moment on the wire: RFC 3339, UTC, with a fraction.
fn timestamp(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}
