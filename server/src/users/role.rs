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
    /// Looks, and sends releases to devices; a role that existing clients know.
    DeploymentsManager,
    /// Looks, and opens terminals of devices; a role that existing clients know.
    RemoteTerminal,
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
    P::DevicesConfigure,
    P::DevicesConnect,
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
    P::DevicesConfigure,
    P::DevicesConnect,
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

const DEPLOYMENTS_MANAGER: &[Permission] = &[
    P::AccountOwn,
    P::ArtifactsRead,
    P::DeploymentsAbort,
    P::DeploymentsCreate,
    P::DeploymentsRead,
    P::DevicesRead,
    P::InventoryRead,
    P::SettingsRead,
    P::TrustRead,
];

const REMOTE_TERMINAL: &[Permission] = &[
    P::AccountOwn,
    P::ArtifactsRead,
    P::DeploymentsRead,
    P::DevicesConnect,
    P::DevicesRead,
    P::InventoryRead,
    P::SettingsRead,
    P::TrustRead,
];

impl Role {
    /// All roles.
    pub const ALL: [Self; 8] = [
        Self::Admin,
        Self::ReleaseManager,
        Self::Operator,
        Self::Enroller,
        Self::Ci,
        Self::Viewer,
        Self::DeploymentsManager,
        Self::RemoteTerminal,
    ];

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
            Self::DeploymentsManager => DEPLOYMENTS_MANAGER,
            Self::RemoteTerminal => REMOTE_TERMINAL,
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
            Self::DeploymentsManager => "deployments-manager",
            Self::RemoteTerminal => "remote-terminal",
        }
    }

    /// The name that existing clients know (management API §1.6), where they know one.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Admin => "RBAC_ROLE_PERMIT_ALL",
            Self::Ci => "RBAC_ROLE_CI",
            Self::Viewer => "RBAC_ROLE_OBSERVER",
            Self::DeploymentsManager => "RBAC_ROLE_DEPLOYMENTS_MANAGER",
            Self::RemoteTerminal => "RBAC_ROLE_REMOTE_TERMINAL",
            Self::ReleaseManager | Self::Operator | Self::Enroller => self.as_str(),
        }
    }

    /// What it is for.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Admin => "Everything",
            Self::ReleaseManager => "What an operator may, and releases",
            Self::Operator => "Devices, groups, logs, deployments",
            Self::Enroller => "Enrols devices by scanning their labels",
            Self::Ci => "Uploads and deploys",
            Self::Viewer => "Reads",
            Self::DeploymentsManager => "Reads, and creates and aborts deployments",
            Self::RemoteTerminal => "Reads, and opens terminals of devices",
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
        assert_eq!(
            names,
            [
                "admin",
                "release-manager",
                "operator",
                "enroller",
                "ci",
                "viewer",
                "deployments-manager",
                "remote-terminal",
            ]
        );
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
        assert!(holds(Role::Operator, Role::DeploymentsManager));
        assert!(holds(Role::Operator, Role::RemoteTerminal));
        assert!(holds(Role::Ci, Role::Viewer));
    }

    #[test]
    fn only_admins_manage_users_settings_and_trust() {
        for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
            for permission in [
                P::TenantsManage,
                P::TenantsRead,
                P::UsersManage,
                P::UsersRead,
                P::SettingsWrite,
                P::TrustWrite,
            ] {
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
