//! Second factors of users (user authentication §3, management API §1.5).
//!
//! A user *enables* TOTP: a secret is made, which does not count yet. The first right code *verifies* it; from then on
//! a log-in needs a code. *Recovery codes* stand in for codes, each once.

mod check;
mod service;
#[cfg(test)]
mod tests;

pub use check::{CheckError, Checked, MAX_FAILURES, QUIET_SECS};
pub use service::{OwnSecondFactor, SecondFactorError, SecondFactors};

/// How far a user's TOTP is set up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TotpState {
    /// There is none.
    #[default]
    Disabled,
    /// The secret was made, and no code came yet: log-ins need none.
    Unverified,
    /// Log-ins need a code.
    Enabled,
}

impl TotpState {
    /// The spelling in storage and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Unverified => "unverified",
            Self::Enabled => "enabled",
        }
    }
}
