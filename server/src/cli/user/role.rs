//! The roles that there are.

use std::fmt;

/// A built-in role (names fixed in design §6).
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(super) enum Role {
    /// Everything
    Admin,
    /// What an operator may, and releases
    ReleaseManager,
    /// Devices, groups, logs, deployments
    Operator,
    /// Enrols devices by scanning their labels
    Enroller,
    /// Uploads and deploys
    Ci,
    /// Reads
    Viewer,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admin => "admin",
            Self::ReleaseManager => "release-manager",
            Self::Operator => "operator",
            Self::Enroller => "enroller",
            Self::Ci => "ci",
            Self::Viewer => "viewer",
        })
    }
}
