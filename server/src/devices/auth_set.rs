//! Authentication sets and what may happen to them.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};

use crate::ids::AuthSetId;

/// One public key of a device.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuthSet {
    /// Its id; also the `jti` of sessions opened with it.
    pub id: AuthSetId,
    /// What was decided about it.
    pub status: AuthSetStatus,
    /// SHA-256 of the key's `SubjectPublicKeyInfo`.
    pub spki_sha256: [u8; 32],
    /// The key as normalised PEM.
    pub public_key: String,
    /// When it first appeared.
    pub created_at: DateTime<Utc>,
}

/// What was decided about an authentication set.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum AuthSetStatus {
    /// May open sessions.
    Accepted,
    /// Proved possession; nobody decided yet.
    Pending,
    /// Expected, never proved yet.
    Preauthorized,
    /// An operator said no; may be accepted later.
    Rejected,
}

/// What a device may do: the strongest of its authentication sets' states, weakest first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum DeviceStatus {
    /// No set is left.
    Noauth,
    /// All sets are rejected.
    Rejected,
    /// A set waits for an operator.
    Pending,
    /// A set is expected.
    Preauthorized,
    /// A set may open sessions.
    Accepted,
}

/// A change of an authentication set's state that is not allowed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an authentication set cannot go from {from} to {to}")]
pub struct InvalidTransition {
    /// Its state.
    pub from: AuthSetStatus,
    /// The state asked for.
    pub to: AuthSetStatus,
}

impl AuthSetStatus {
    /// Answers whether an operator may change the state to `to` (device protocol §1.6): to accepted from pending
    /// or rejected, to rejected from pending or accepted, to pending from anything but preauthorized. The same
    /// state again is allowed and changes nothing.
    pub fn decide(self, to: Self) -> Result<Self, InvalidTransition> {
        let allowed = match to {
            Self::Accepted => matches!(self, Self::Pending | Self::Rejected),
            Self::Rejected => matches!(self, Self::Pending | Self::Accepted),
            Self::Pending => matches!(self, Self::Accepted | Self::Rejected),
            Self::Preauthorized => false,
        };
        if allowed || self == to { Ok(to) } else { Err(InvalidTransition { from: self, to }) }
    }

    /// The spelling on the wire and in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Pending => "pending",
            Self::Preauthorized => "preauthorized",
            Self::Rejected => "rejected",
        }
    }
}

impl DeviceStatus {
    /// The status of a device with sets in these states.
    pub fn strongest(states: impl IntoIterator<Item = AuthSetStatus>) -> Self {
        states.into_iter().map(Self::from).max().unwrap_or(Self::Noauth)
    }

    /// The spelling on the wire and in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Noauth => "noauth",
            Self::Rejected => "rejected",
            Self::Pending => "pending",
            Self::Preauthorized => "preauthorized",
            Self::Accepted => "accepted",
        }
    }
}

impl From<AuthSetStatus> for DeviceStatus {
    fn from(status: AuthSetStatus) -> Self {
        match status {
            AuthSetStatus::Accepted => Self::Accepted,
            AuthSetStatus::Pending => Self::Pending,
            AuthSetStatus::Preauthorized => Self::Preauthorized,
            AuthSetStatus::Rejected => Self::Rejected,
        }
    }
}

/// A word that names no state.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not a status")]
pub struct UnknownStatus(pub String);

impl FromStr for AuthSetStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Accepted, Self::Pending, Self::Preauthorized, Self::Rejected]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

impl FromStr for DeviceStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Noauth, Self::Rejected, Self::Pending, Self::Preauthorized, Self::Accepted]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

impl fmt::Display for AuthSetStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for DeviceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::AuthSetStatus::{Accepted, Pending, Preauthorized, Rejected};
    use super::{AuthSetStatus, DeviceStatus};

    #[test]
    fn every_transition_is_decided() {
        let allowed = [
            (Pending, Accepted),
            (Rejected, Accepted),
            (Pending, Rejected),
            (Accepted, Rejected),
            (Accepted, Pending),
            (Rejected, Pending),
        ];
        let all = [Accepted, Pending, Preauthorized, Rejected];
        for from in all {
            for to in all {
                assert_eq!(
                    from.decide(to).is_ok(),
                    from == to || allowed.contains(&(from, to)),
                    "{from} {to}"
                );
            }
        }
    }

    #[test]
    fn the_strongest_set_decides() {
        assert_eq!(DeviceStatus::strongest([]), DeviceStatus::Noauth);
        assert_eq!(DeviceStatus::strongest([Rejected, Pending]), DeviceStatus::Pending);
        assert_eq!(DeviceStatus::strongest([Pending, Preauthorized, Accepted]), DeviceStatus::Accepted);
    }

    #[test]
    fn words_round_trip() {
        for status in [Accepted, Pending, Preauthorized, Rejected] {
            assert_eq!(status.as_str().parse::<AuthSetStatus>(), Ok(status));
        }
        assert!("Accepted".parse::<DeviceStatus>().is_err());
    }
}
