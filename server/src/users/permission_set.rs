//! Sets of permissions: what roles are made of.

use std::sync::LazyLock;

use super::{Object, Permission as P, Permission};

/// Permissions under one name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PermissionSet {
    /// The name, unique in a tenant.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it allows.
    pub permissions: Vec<Permission>,
}

/// The sets that existing clients know by name (management API §1.6), as our permissions.
static BUILT_IN: LazyLock<Vec<PermissionSet>> = LazyLock::new(|| {
    let releases = [P::ArtifactsRead];
    let devices = [P::DevicesRead, P::InventoryRead, P::DeploymentsRead];
    vec![
        set(
            "Basic",
            "One's own account, and the settings that everybody sees",
            &[P::AccountOwn, P::SettingsRead],
        ),
        set("SuperUser", "Everything", Permission::ALL),
        set("ManageUsers", "Add, change and remove users", &[P::UsersRead, P::UsersManage]),
        set("ReadUsers", "See users", &[P::UsersRead]),
        set("ReadAuditLogs", "See who did what", &[P::AuditRead]),
        set("ReadReleases", "See releases", &releases),
        set("UploadArtifacts", "Add artifacts", &[P::ArtifactsUpload]),
        set(
            "ManageReleases",
            "See, add, change and delete releases",
            &[P::ArtifactsRead, P::ArtifactsUpload, P::ArtifactsUpdate, P::ArtifactsDelete],
        ),
        set("ReadDevices", "See devices and their deployments", &devices),
        set(
            "ManageDevices",
            "See, accept, group and remove devices",
            &[
                P::DevicesRead,
                P::InventoryRead,
                P::DeploymentsRead,
                P::InventoryWrite,
                P::GroupsWrite,
                P::DevicesDecide,
                P::DevicesDecommission,
                P::DevicesPreauthorize,
            ],
        ),
        set(
            "DeployToDevices",
            "Create, see and abort deployments",
            &[P::DeploymentsRead, P::DeploymentsCreate, P::DeploymentsAbort],
        ),
        set("ConnectToDevices", "Open terminals of devices and move files", &[P::DevicesConnect]),
        set("ConfigureDevices", "Change the configuration of devices", &[P::DevicesConfigure]),
        set("ReadTenants", "See tenants", &[P::TenantsRead]),
        set("ManageTenants", "Add, change and remove tenants", &[P::TenantsRead, P::TenantsManage]),
    ]
});

fn set(name: &str, description: &str, permissions: &[Permission]) -> PermissionSet {
    PermissionSet {
        name: name.to_owned(),
        description: description.to_owned(),
        permissions: permissions.to_vec(),
    }
}

impl PermissionSet {
    /// The sets that every tenant has.
    #[must_use]
    pub fn all_built_in() -> &'static [Self] {
        &BUILT_IN
    }

    /// The set that every tenant has under this name.
    #[must_use]
    pub fn built_in(name: &str) -> Option<&'static Self> {
        BUILT_IN.iter().find(|set| set.name == name)
    }

    /// To what it can be limited: what those of its permissions that can be limited are about, if it is one thing.
    #[must_use]
    pub fn object(&self) -> Object {
        let objects = self.permissions.iter().map(|permission| permission.object());
        let limited: Vec<_> = objects.filter(|object| *object != Object::Tenant).collect();
        match limited.as_slice() {
            [object, rest @ ..] if rest.iter().all(|other| other == object) => *object,
            _ => Object::Tenant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PermissionSet;
    use crate::users::Object;

    #[test]
    fn names_are_those_of_existing_clients() {
        let names: Vec<_> = PermissionSet::all_built_in().iter().map(|set| set.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "Basic",
                "SuperUser",
                "ManageUsers",
                "ReadUsers",
                "ReadAuditLogs",
                "ReadReleases",
                "UploadArtifacts",
                "ManageReleases",
                "ReadDevices",
                "ManageDevices",
                "DeployToDevices",
                "ConnectToDevices",
                "ConfigureDevices",
                "ReadTenants",
                "ManageTenants",
            ]
        );
    }

    #[test]
    fn sets_are_limited_by_what_they_are_about() {
        let with = |object| {
            let all = PermissionSet::all_built_in().iter().filter(move |set| set.object() == object);
            all.map(|set| set.name.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(with(Object::Releases), ["ReadReleases", "ManageReleases"]);
        assert_eq!(
            with(Object::Devices),
            ["ReadDevices", "ManageDevices", "DeployToDevices", "ConnectToDevices", "ConfigureDevices"]
        );
    }
}
