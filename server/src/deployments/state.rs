//! The states of a device deployment.

use std::fmt;
use std::str::FromStr;

use crate::devices::auth_set::UnknownStatus;

macro_rules! states {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)+) => {
        /// How far one device is with one deployment.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum DeviceDeploymentState {
            $($(#[$doc])* $name,)+
        }

        impl DeviceDeploymentState {
            /// All states, in the order of the counters.
            pub const ALL: [Self; 13] = [$(Self::$name,)+];

            /// The spelling on the wire and in storage.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }
        }
    };
}

states! {
    /// The device failed and went back to what it had.
    Failure = "failure";
    /// An operator ended it.
    Aborted = "aborted";
    /// The device waits before installing.
    PauseBeforeInstalling = "pause_before_installing";
    /// The device waits before committing.
    PauseBeforeCommitting = "pause_before_committing";
    /// The device waits before rebooting.
    PauseBeforeRebooting = "pause_before_rebooting";
    /// The device fetches the artifact.
    Downloading = "downloading";
    /// The device installs it, or is about to commit it.
    Installing = "installing";
    /// The device reboots into it.
    Rebooting = "rebooting";
    /// The device did not report progress yet.
    Pending = "pending";
    /// The device runs it.
    Success = "success";
    /// No artifact of the release fits the device.
    NoArtifact = "noartifact";
    /// The device had it before.
    AlreadyInstalled = "already-installed";
    /// The device was decommissioned.
    Decommissioned = "decommissioned";
}

/// A state that a device may not report.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a device cannot report the status {0:?}")]
pub struct InvalidReport(pub String);

/// What a report does to a device deployment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReportEffect {
    /// It moves on.
    MovesTo(DeviceDeploymentState),
    /// The report repeats what is known, or comes after the end: it is acknowledged and changes nothing.
    Acknowledged,
    /// The device must stop: to it this is the abort (device protocol §2.4).
    Stop,
}

impl DeviceDeploymentState {
    /// Parses what a device reports.
    pub fn from_report(word: &str) -> Result<Self, InvalidReport> {
        let state = word.parse().map_err(|_| InvalidReport(word.to_owned()))?;
        match state {
            Self::Pending | Self::NoArtifact | Self::Aborted | Self::Decommissioned => {
                Err(InvalidReport(word.to_owned()))
            }
            Self::Failure
            | Self::PauseBeforeInstalling
            | Self::PauseBeforeCommitting
            | Self::PauseBeforeRebooting
            | Self::Downloading
            | Self::Installing
            | Self::Rebooting
            | Self::Success
            | Self::AlreadyInstalled => Ok(state),
        }
    }

    /// Answers whether a device that is first heard of in this state asked for the deployment: the other ends come
    /// over devices that never did.
    #[must_use]
    pub const fn is_answer(self) -> bool {
        !matches!(self, Self::Aborted | Self::Decommissioned)
    }

    /// Answers whether nothing can follow.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Failure
            | Self::Aborted
            | Self::Success
            | Self::NoArtifact
            | Self::AlreadyInstalled
            | Self::Decommissioned => true,
            Self::PauseBeforeInstalling
            | Self::PauseBeforeCommitting
            | Self::PauseBeforeRebooting
            | Self::Downloading
            | Self::Installing
            | Self::Rebooting
            | Self::Pending => false,
        }
    }

    /// What a device's report does. Any order of unfinished states is accepted: devices repeat reports, start
    /// over after a restart, and say `installing` again at the commit gate (device protocol §2.3).
    #[must_use]
    pub fn reported(self, to: Self) -> ReportEffect {
        match self {
            Self::Aborted | Self::Decommissioned => ReportEffect::Stop,
            Self::Failure | Self::Success | Self::NoArtifact | Self::AlreadyInstalled => {
                ReportEffect::Acknowledged
            }
            Self::PauseBeforeInstalling
            | Self::PauseBeforeCommitting
            | Self::PauseBeforeRebooting
            | Self::Downloading
            | Self::Installing
            | Self::Rebooting
            | Self::Pending => {
                if self == to {
                    ReportEffect::Acknowledged
                } else {
                    ReportEffect::MovesTo(to)
                }
            }
        }
    }
}

impl FromStr for DeviceDeploymentState {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|state| state.as_str() == text);
        known.ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

impl fmt::Display for DeviceDeploymentState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, proptest};
    use proptest::sample::select;

    use super::DeviceDeploymentState as State;
    use super::ReportEffect;

    fn reports() -> impl Strategy<Value = Vec<State>> {
        proptest::collection::vec(select(State::ALL.to_vec()), 0..32)
    }

    #[test]
    fn only_what_devices_may_say_is_parsed() {
        let sayable: Vec<_> =
            State::ALL.into_iter().filter(|s| State::from_report(s.as_str()).is_ok()).collect();
        assert_eq!(sayable.len(), 9);
        for word in ["pending", "noartifact", "aborted", "decommissioned", "", "Success"] {
            assert!(State::from_report(word).is_err(), "{word}");
        }
    }

    proptest! {
        #[test]
        fn finished_is_final(history in reports()) {
            let mut state = State::Pending;
            let mut end = None;
            for report in history.into_iter().filter(|state| State::from_report(state.as_str()).is_ok()) {
                if let ReportEffect::MovesTo(next) = state.reported(report) {
                    assert_eq!(end, None, "moved on from {state}");
                    state = next;
                }
                if state.is_final() {
                    end = Some(state);
                }
            }
        }

        #[test]
        fn aborted_always_stops(report in select(State::ALL.to_vec())) {
            assert_eq!(State::Aborted.reported(report), ReportEffect::Stop);
            assert_eq!(State::Decommissioned.reported(report), ReportEffect::Stop);
        }
    }
}
