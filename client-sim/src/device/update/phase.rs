//! What an update waits for.

use crate::device::state::DeviceState;
use crate::protocol::deployments::Status;

/// What an update waits for; the order is that of a whole update.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// The answer to `downloading`, before the download.
    Announcing,
    /// The head of the download.
    Opening,
    /// The time to ask for the download again.
    FetchPause,
    /// The answer to the second `downloading`; 3.x only.
    Arrived,
    /// The artifact.
    Storing,
    /// The answer to the third `downloading`; 3.x only.
    Downloaded,
    /// The answer to `installing`.
    Installing,
    /// The end of the installation.
    Working,
    /// The answer to `rebooting`.
    Rebooting,
    /// The answer to the commit gate, a fresh login before it.
    Gate,
    /// The time to try the gate again.
    GatePause,
    /// The answer to the final report.
    Final(Final),
    /// The time to try the final report again.
    FinalPause(Final),
    /// The answer to the log.
    Logging,
}

/// What is reported last.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Final {
    Success,
    Failure,
    AlreadyInstalled,
}

impl Phase {
    pub(super) fn state(self) -> DeviceState {
        match self {
            Self::Announcing
            | Self::Opening
            | Self::FetchPause
            | Self::Arrived
            | Self::Storing
            | Self::Downloaded => DeviceState::Downloading,
            Self::Installing | Self::Working => DeviceState::Installing,
            Self::Rebooting => DeviceState::Rebooting,
            Self::Gate | Self::GatePause | Self::Final(_) | Self::FinalPause(_) | Self::Logging => {
                DeviceState::Reporting
            }
        }
    }
}

impl Final {
    pub(super) fn status(self) -> Status {
        match self {
            Self::Success => Status::Success,
            Self::Failure => Status::Failure,
            Self::AlreadyInstalled => Status::AlreadyInstalled,
        }
    }
}
