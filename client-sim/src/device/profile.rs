//! What devices of a fleet have in common.

use super::timing::Timing;
use crate::protocol::Generation;

/// The settings of a device's client; shared by a fleet.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Whose habits the client has.
    pub generation: Generation,
    /// The device type.
    pub device_type: String,
    /// The client's version, as inventory tells it.
    pub client_version: String,
    /// How long it waits for what.
    pub timing: Timing,
    /// How often it tries.
    pub attempts: Attempts,
    /// What goes wrong, and how often.
    pub faults: Faults,
}

/// How often a client tries, in all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Attempts {
    /// The commit gate and the final report.
    pub report: u32,
    /// A download that does not begin.
    pub fetch: u32,
    /// Resuming a broken download.
    pub resume: u32,
}

/// Probabilities, for each update, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// The installation fails.
    pub install_failure: f64,
    /// The update wants a reboot.
    pub reboot: f64,
    /// The download breaks once, and is resumed.
    pub cut_download: f64,
}

impl Profile {
    /// A client of type `device_type` that polls and waits as `timing` says, without faults.
    #[must_use]
    pub fn new(device_type: impl Into<String>, generation: Generation, timing: Timing) -> Self {
        let client_version = match generation {
            Generation::V3 => "3.4.0",
            Generation::V5 => "5.1.0",
        };
        Self {
            generation,
            device_type: device_type.into(),
            client_version: client_version.to_owned(),
            attempts: Attempts { report: timing.derived_report_attempts(), fetch: 3, resume: 10 },
            timing,
            faults: Faults::default(),
        }
    }
}
