//! Where a device stands, as others see it.

use std::fmt;

/// What a device is busy with.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum DeviceState {
    /// Not switched on yet.
    Waiting,
    /// Has no session yet.
    Connecting,
    /// Was refused a session: not accepted, or not any more.
    Pending,
    /// Has a session and nothing to do but to poll.
    Idle,
    /// Fetches or stores an artifact.
    Downloading,
    /// Installs.
    Installing,
    /// Is down for a moment.
    Rebooting,
    /// Stands at the commit gate or reports the end.
    Reporting,
}

/// How the first update of a device ended.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Outcome {
    /// Installed, committed and acknowledged.
    Success,
    /// Rolled back or never installed, and reported so.
    Failure,
    /// Stopped by the server (409).
    Aborted,
    /// Refused, because an artifact of that name is installed.
    AlreadyInstalled,
    /// Over, but the server never took the final report.
    Unreported,
}

impl DeviceState {
    /// All states, in the order in which a device meets them.
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Connecting,
        Self::Pending,
        Self::Idle,
        Self::Downloading,
        Self::Installing,
        Self::Rebooting,
        Self::Reporting,
    ];

    /// The name used in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Connecting => "connecting",
            Self::Pending => "pending",
            Self::Idle => "idle",
            Self::Downloading => "downloading",
            Self::Installing => "installing",
            Self::Rebooting => "rebooting",
            Self::Reporting => "reporting",
        }
    }
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 5] =
        [Self::Success, Self::Failure, Self::Aborted, Self::AlreadyInstalled, Self::Unreported];

    /// Whether the device has what the deployment wanted it to have, and the server knows.
    #[must_use]
    pub fn is_good(self) -> bool {
        matches!(self, Self::Success | Self::AlreadyInstalled)
    }

    /// The name used in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Aborted => "aborted",
            Self::AlreadyInstalled => "already_installed",
            Self::Unreported => "unreported",
        }
    }
}

impl fmt::Display for DeviceState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
