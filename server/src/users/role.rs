//! Roles: sets of permissions with names that do not change.

use std::fmt;
use std::str::FromStr;

use super::Permission;
use super::Permission as P;

/// A built-in role (user authentication §8).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// May do everything.
    Admin,
    /// May do what an operator may, and decides about releases.
    ReleaseManager,
    /// Looks after devices, groups and deployments.
    Operator,
    /// Brings devices in.
    Enroller,
    /// Uploads and deploys: a build pipeline.
    Ci,
    /// Looks.
    Viewer,
}

/// A word that names no role.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not a role")]
pub struct UnknownRole(pub String);

const RELEASE_MANAGER: &[Permission] = &[
    P::AccountOwn,
    P::ArtifactsDelete,
    P::ArtifactsRead,
    P::ArtifactsUpdate,
    P::ArtifactsUpload,
    P::DeploymentsAbort,
    P::DeploymentsCreate,
    P::DeploymentsRead,
    P::DevicesDecide,
    P::DevicesDecommission,
    P::DevicesPreauthorize,
    P::DevicesRead,
    P::GroupsWrite,
    P::InventoryRead,
    P::InventoryWrite,
    P::SettingsRead,
    P::TrustRead,
];

const OPERATOR: &[Permission] = &[
    P::AccountOwn,
    P::ArtifactsRead,
    P::DeploymentsAbort,
    P::DeploymentsCreate,
    P::DeploymentsRead,
    P::DevicesDecide,
    P::DevicesDecommission,
    P::DevicesPreauthorize,
    P::DevicesRead,
    P::GroupsWrite,
    P::InventoryRead,
    P::InventoryWrite,
    P::SettingsRead,
    P::TrustRead,
];

const ENROLLER: &[Permission] = &[
    P::AccountOwn,
    P::DevicesDecide,
    P::DevicesPreauthorize,
    P::DevicesRead,
    P::GroupsWrite,
    P::InventoryRead,
    P::SettingsRead,
];

const CI: &[Permission] = &[
    P::AccountOwn,
    P::ArtifactsRead,
    P::ArtifactsUpload,
    P::DeploymentsAbort,
    P::DeploymentsCreate,
    P::DeploymentsRead,
    P::DevicesRead,
    P::InventoryRead,
    P::SettingsRead,
    P::TrustRead,
];

const VIEWER: &[Permission] = &[
    P::AccountOwn,
    P::ArtifactsRead,
    P::DeploymentsRead,
    P::DevicesRead,
    P::InventoryRead,
    P::SettingsRead,
    P::TrustRead,
];

impl Role {
    /// All roles.
    pub const ALL: [Self; 6] =
        [Self::Admin, Self::ReleaseManager, Self::Operator, Self::Enroller, Self::Ci, Self::Viewer];

    /// What it may do.
    #[must_use]
    pub const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Admin => Permission::ALL,
            Self::ReleaseManager => RELEASE_MANAGER,
            Self::Operator => OPERATOR,
            Self::Enroller => ENROLLER,
            Self::Ci => CI,
            Self::Viewer => VIEWER,
        }
    }

    /// The spelling on the command line and in storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::ReleaseManager => "release-manager",
            Self::Operator => "operator",
            Self::Enroller => "enroller",
            Self::Ci => "ci",
            Self::Viewer => "viewer",
        }
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|role| role.as_str() == text);
        known.ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{P, Role};

    #[test]
    fn names_are_fixed() {
        let names: Vec<_> = Role::ALL.iter().map(|role| role.as_str()).collect();
        assert_eq!(names, ["admin", "release-manager", "operator", "enroller", "ci", "viewer"]);
        assert!(Role::ALL.iter().all(|role| role.as_str().parse() == Ok(*role)));
        assert!("root".parse::<Role>().is_err());
    }

    #[test]
    fn wider_roles_hold_what_narrower_ones_hold() {
        let holds = |wide: Role, narrow: Role| {
            narrow.permissions().iter().all(|permission| wide.permissions().contains(permission))
        };
        assert!(Role::ALL.iter().all(|role| holds(Role::Admin, *role)));
        assert!(holds(Role::ReleaseManager, Role::Operator));
        assert!(holds(Role::Operator, Role::Viewer));
        assert!(holds(Role::Operator, Role::Enroller));
        assert!(holds(Role::Ci, Role::Viewer));
    }

    #[test]
    fn only_admins_manage_users_settings_and_trust() {
        for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
            for permission in [P::UsersManage, P::UsersRead, P::SettingsWrite, P::TrustWrite] {
                assert!(!role.permissions().contains(&permission), "{role}");
            }
        }
        assert!(!Role::Viewer.permissions().iter().any(|permission| !matches!(
            permission,
            P::AccountOwn
                | P::ArtifactsRead
                | P::DeploymentsRead
                | P::DevicesRead
                | P::InventoryRead
                | P::SettingsRead
                | P::TrustRead
        )));
    }
}
