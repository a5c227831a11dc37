//! Permissions: what a route may ask of its caller.

use std::fmt;

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
    /// End deployments.
    DeploymentsAbort = "deployments:abort";
    /// Create deployments.
    DeploymentsCreate = "deployments:create";
    /// See deployments, their devices and logs.
    DeploymentsRead = "deployments:read";
    /// Accept, reject and dismiss devices.
    DevicesDecide = "devices:decide";
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
    /// See whose signatures on artifacts count.
    TrustRead = "trust:read";
    /// Decide whose signatures on artifacts count.
    TrustWrite = "trust:write";
    /// Add, change and disable users.
    UsersManage = "users:manage";
    /// See users.
    UsersRead = "users:read";
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
