//! What something is done to.

use std::str::FromStr;

use crate::ids::{ArtifactId, DeploymentId, DeviceId, TenantId, UserId};

macro_rules! object_kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)+) => {
        /// What kind of thing it is.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum ObjectKind {
            $($(#[$doc])* $name,)+
        }

        impl ObjectKind {
            /// All kinds.
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

// Append only: spellings are stored. The first five are those of existing clients (management API §5).
object_kinds! {
    /// An artifact.
    Artifact = "artifact";
    /// A deployment.
    Deployment = "deployment";
    /// A device.
    Device = "device";
    /// A tenant.
    Tenant = "tenant";
    /// A user.
    User = "user";
    /// The audit trail itself.
    AuditLog = "audit_log";
    /// A saved filter of devices.
    Filter = "filter";
    /// A group of devices.
    Group = "group";
    /// A release.
    Release = "release";
    /// A role.
    Role = "role";
    /// A session of a user.
    Session = "session";
    /// Settings of a tenant or a user.
    Settings = "settings";
    /// Whose signatures count.
    SignaturePolicy = "signature_policy";
    /// A token of a user.
    Token = "token";
    /// An upload in parts.
    Upload = "upload";
    /// A key that artifacts are signed with.
    VerificationKey = "verification_key";
    /// A set of permissions that roles are made of.
    PermissionSet = "permission_set";
}

/// A text that names no kind of object.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a kind of object")]
pub struct UnknownObjectKind;

impl FromStr for ObjectKind {
    type Err = UnknownObjectKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or(UnknownObjectKind)
    }
}

/// What something is done to. It may be gone when its event is read, so its name is kept with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Object {
    /// What kind of thing.
    pub kind: ObjectKind,
    /// Its id.
    pub id: String,
    /// What people call it: an address, a name, the identity data of a device.
    pub label: Option<String>,
    /// What belongs to the name: of a deployment the name of the release.
    pub detail: Option<String>,
}

impl Object {
    /// A thing with nothing but an id.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "ids are small, and calls read better")]
    pub fn new(kind: ObjectKind, id: impl ToString) -> Self {
        Self { kind, id: id.to_string(), label: None, detail: None }
    }

    /// A thing with a name.
    #[must_use]
    pub fn named(kind: ObjectKind, id: impl ToString, label: impl Into<String>) -> Self {
        Self { label: Some(label.into()), ..Self::new(kind, id) }
    }

    /// An artifact by the name that it has in its release.
    #[must_use]
    pub fn artifact(id: ArtifactId, name: &str) -> Self {
        Self::named(ObjectKind::Artifact, id, name)
    }

    /// A deployment by its name, and the release that it brings.
    #[must_use]
    pub fn deployment(id: DeploymentId, name: &str, release: &str) -> Self {
        Self { detail: Some(release.to_owned()), ..Self::named(ObjectKind::Deployment, id, name) }
    }

    /// A device by its identity data, as canonical JSON.
    #[must_use]
    pub fn device(id: DeviceId, identity: &str) -> Self {
        Self::named(ObjectKind::Device, id, identity)
    }

    /// A group: its name is its id.
    #[must_use]
    pub fn group(name: &str) -> Self {
        Self::named(ObjectKind::Group, name, name)
    }

    /// A release: its name is its id.
    #[must_use]
    pub fn release(name: &str) -> Self {
        Self::named(ObjectKind::Release, name, name)
    }

    /// What a tenant has one of: settings, a policy, itself.
    #[must_use]
    pub fn of_tenant(kind: ObjectKind, tenant: TenantId) -> Self {
        Self::new(kind, tenant)
    }

    /// A user by its address.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "ids are small, and calls read better")]
    pub fn user(id: UserId, email: impl ToString) -> Self {
        Self::named(ObjectKind::User, id, email.to_string())
    }
}
