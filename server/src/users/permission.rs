//! Permissions: what a route may ask of its caller.

use std::fmt;
use std::str::FromStr;

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)+) => {
        /// One thing that may be done.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Permission {
            $($(#[$doc])* $name,)+
        }

        impl Permission {
            /// All permissions.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The spelling, `resource:action`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }
        }
    };
}

permissions! {
    /// See, change and end what is one's own: account, sessions, settings.
    AccountOwn = "account:own";
    /// Delete artifacts and releases.
    ArtifactsDelete = "artifacts:delete";
    /// See and fetch artifacts and releases.
    ArtifactsRead = "artifacts:read";
    /// Change what is said about artifacts and releases.
    ArtifactsUpdate = "artifacts:update";
    /// Add artifacts.
    ArtifactsUpload = "artifacts:upload";
    /// See who did what.
    AuditRead = "audit:read";
    /// End deployments.
    DeploymentsAbort = "deployments:abort";
    /// Create deployments.
    DeploymentsCreate = "deployments:create";
    /// See deployments, their devices and logs.
    DeploymentsRead = "deployments:read";
    /// Accept, reject and dismiss devices.
    DevicesDecide = "devices:decide";
    /// Change the configuration of devices.
    DevicesConfigure = "devices:configure";
    /// Open terminals of devices and move files.
    DevicesConnect = "devices:connect";
    /// Forget devices.
    DevicesDecommission = "devices:decommission";
    /// Make devices expected.
    DevicesPreauthorize = "devices:preauthorize";
    /// See devices and what they proved.
    DevicesRead = "devices:read";
    /// Put devices into groups.
    GroupsWrite = "groups:write";
    /// See inventory and groups.
    InventoryRead = "inventory:read";
    /// Change the tags of devices.
    InventoryWrite = "inventory:write";
    /// See the settings of the tenant.
    SettingsRead = "settings:read";
    /// Change the settings of the tenant.
    SettingsWrite = "settings:write";
    /// Add, change and remove tenants; held in the default tenant only.
    TenantsManage = "tenants:manage";
    /// See tenants; held in the default tenant only.
    TenantsRead = "tenants:read";
    /// See whose signatures on artifacts count.
    TrustRead = "trust:read";
    /// Decide whose signatures on artifacts count.
    TrustWrite = "trust:write";
    /// Add, change and disable users.
    UsersManage = "users:manage";
    /// See users.
    UsersRead = "users:read";
}

/// A kind of thing that a permission is about.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Object {
    /// Devices, and deployments to them: can be limited to groups.
    Devices,
    /// Releases that exist: can be limited to those with certain tags.
    Releases,
    /// The tenant as a whole.
    Tenant,
}

impl Permission {
    /// Whether who has it can give itself everything, or take it from others: what makes it lasting asks for a fresh proof
    /// of who is calling (user authentication §4).
    #[must_use]
    pub const fn is_of_admins(self) -> bool {
        matches!(self, Self::SettingsWrite | Self::TenantsManage | Self::TrustWrite | Self::UsersManage)
    }

    /// What it is about. What makes something new is about the tenant: what is new has no group and no tag.
    #[must_use]
    pub const fn object(self) -> Object {
        match self {
            Self::DeploymentsAbort
            | Self::DeploymentsCreate
            | Self::DeploymentsRead
            | Self::DevicesConfigure
            | Self::DevicesConnect
            | Self::DevicesDecide
            | Self::DevicesDecommission
            | Self::DevicesRead
            | Self::GroupsWrite
            | Self::InventoryRead
            | Self::InventoryWrite => Object::Devices,
            Self::ArtifactsDelete | Self::ArtifactsRead | Self::ArtifactsUpdate => Object::Releases,
            Self::AccountOwn
            | Self::ArtifactsUpload
            | Self::AuditRead
            | Self::DevicesPreauthorize
            | Self::SettingsRead
            | Self::SettingsWrite
            | Self::TenantsManage
            | Self::TenantsRead
            | Self::TrustRead
            | Self::TrustWrite
            | Self::UsersManage
            | Self::UsersRead => Object::Tenant,
        }
    }
}

/// A word that names no permission.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is not a permission")]
pub struct UnknownPermission(pub String);

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().copied().find(|permission| permission.as_str() == text);
        known.ok_or_else(|| UnknownPermission(text.to_owned()))
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
