//! What can be done to an object.

use std::fmt;
use std::str::FromStr;

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)+) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Action {
            $($(#[$doc])* $name,)+
        }

        impl Action {
            /// All actions.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The spelling.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }
        }
    };
}

// Append only: spellings are stored, and clients filter by them. Where existing clients know a word (management API
// §5), it is theirs.
actions! {
    /// An unfinished deployment was ended.
    Abort = "abort";
    /// A key of a device was accepted.
    Accept = "accept";
    /// Something was made.
    Create = "create";
    /// A device was forgotten.
    Decommission = "decommission";
    /// Something was removed.
    Delete = "delete";
    /// A configuration was sent to a device.
    DeployConfiguration = "deploy_configuration";
    /// A user was kept from logging in, or a factor was taken away.
    Disable = "disable";
    /// A key of a device was dismissed.
    Dismiss = "dismiss";
    /// A user may log in again, or has one more factor.
    Enable = "enable";
    /// A list was taken out of the server.
    Export = "export";
    /// A session was opened.
    LogIn = "log_in";
    /// A session was ended by its user.
    LogOut = "log_out";
    /// A device became expected.
    Preauthorize = "preauthorize";
    /// A key of a device was rejected.
    Reject = "reject";
    /// A password or a second factor was replaced by somebody else than its owner.
    Reset = "reset";
    /// A key, a token or a session was made void.
    Revoke = "revoke";
    /// A secret was replaced by another one.
    Rotate = "rotate";
    /// Records of the past were dropped, and the hash at their end kept.
    Seal = "seal";
    /// The configuration of a device was changed.
    SetConfiguration = "set_configuration";
    /// A caller proved again who it is.
    StepUp = "step_up";
    /// Something was changed.
    Update = "update";
    /// An artifact was added.
    Upload = "upload";
    /// An address, a factor or a code was proven.
    Verify = "verify";
}

/// A text that names no action.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not an action")]
pub struct UnknownAction;

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|action| action.as_str() == text).ok_or(UnknownAction)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
