//! Roles as clients send and take them (management API §1.6).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::http::error::{ApiError, Code};
use crate::users::{Grant, Granted, Permission, RoleDefinition, RoleDraft, Within};

/// A role.
#[derive(Serialize, utoipa::ToSchema)]
pub struct RoleBody {
    name: String,
    description: String,
    /// What it allows beside its sets.
    permissions: Vec<PermissionBody>,
    permission_sets_with_scope: Vec<ScopedSetBody>,
    /// Whether who holds it needs a second factor.
    require_2fa: bool,
}

/// What a role is to be.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct RoleChangeBody {
    /// At most 1024 characters.
    #[serde(default)]
    description: String,
    #[serde(default)]
    permissions: Vec<PermissionBody>,
    /// At most 15.
    #[serde(default)]
    permission_sets_with_scope: Vec<ScopedSetBody>,
    /// Whether who holds it needs a second factor; as it was if missing.
    require_2fa: Option<bool>,
}

/// A role to be made.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct NewRoleBody {
    /// 1 to 128 of the characters A-Z, a-z, 0-9, -, _ and ., not beginning with RBAC_.
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) role: RoleChangeBody,
}

/// A permission, and to what.
#[derive(Deserialize, Serialize, utoipa::ToSchema)]
pub struct PermissionBody {
    /// `resource:action`; also the `any`, `CREATE_DEPLOYMENT`, `VIEW_DEVICE`, `MANAGE_DEVICE` and
    /// `REMOTE_TERMINAL` of older clients.
    action: String,
    object: ObjectBody,
}

/// What a permission reaches.
#[derive(Deserialize, Serialize, utoipa::ToSchema)]
pub struct ObjectBody {
    /// `any`, `DEVICE_GROUP` or `RELEASE_TAG`.
    #[serde(rename = "type")]
    kind: String,
    /// The name of the group or tag.
    #[serde(default)]
    value: String,
}

/// A set of permissions, and to what.
#[derive(Deserialize, Serialize, utoipa::ToSchema)]
pub struct ScopedSetBody {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<ScopeBody>,
}

/// What a set of permissions is limited to.
#[derive(Deserialize, Serialize, utoipa::ToSchema)]
pub struct ScopeBody {
    /// `DeviceGroups` or `ReleaseTags`.
    #[serde(rename = "type")]
    kind: String,
    /// Names of groups or tags.
    value: Vec<String>,
}

impl From<&RoleDefinition> for RoleBody {
    fn from(role: &RoleDefinition) -> Self {
        let (mut permissions, mut sets) = (Vec::new(), Vec::new());
        for grant in &role.grants {
            match &grant.what {
                Granted::Set(name) => {
                    let scope = grant.within.as_ref().map(ScopeBody::from);
                    sets.push(ScopedSetBody { name: name.clone(), scope });
                }
                Granted::Permission(permission) => {
                    permissions.extend(PermissionBody::list(*permission, grant.within.as_ref()));
                }
            }
        }
        Self {
            name: role.name.id().to_owned(),
            description: role.description.clone(),
            permissions,
            permission_sets_with_scope: sets,
            require_2fa: role.require_2fa,
        }
    }
}

impl TryFrom<RoleChangeBody> for RoleDraft {
    type Error = ApiError;

    fn try_from(body: RoleChangeBody) -> Result<Self, ApiError> {
        let sets = body.permission_sets_with_scope.into_iter().map(ScopedSetBody::grant);
        let permissions = body.permissions.iter().map(PermissionBody::grant);
        let grants = sets.chain(permissions).collect::<Result<_, _>>()?;
        Ok(Self { description: body.description, grants, require_2fa: body.require_2fa })
    }
}

impl ScopedSetBody {
    fn grant(self) -> Result<Grant, ApiError> {
        let within = match self.scope {
            None => None,
            Some(scope) => Some(match scope.kind.as_str() {
                "DeviceGroups" => Within::Groups(scope.value.into_iter().collect()),
                "ReleaseTags" => tags(scope.value),
                other => return Err(malformed(format!("scope type {other:?} is not known"))),
            }),
        };
        Ok(Grant { what: Granted::Set(self.name), within })
    }
}

impl From<&Within> for ScopeBody {
    fn from(within: &Within) -> Self {
        let kind = match within {
            Within::Groups(_) => "DeviceGroups",
            Within::Tags(_) => "ReleaseTags",
        };
        Self { kind: kind.to_owned(), value: within.names().iter().cloned().collect() }
    }
}

impl PermissionBody {
    /// A permission over everything.
    #[must_use]
    pub fn over_everything(permission: Permission) -> Self {
        Self::new(permission, "any", "any")
    }

    fn new(permission: Permission, kind: &str, value: &str) -> Self {
        let object = ObjectBody { kind: kind.to_owned(), value: value.to_owned() };
        Self { action: permission.as_str().to_owned(), object }
    }

    /// A permission over everything, or once for each group or tag.
    fn list(permission: Permission, within: Option<&Within>) -> Vec<Self> {
        let Some(within) = within else { return vec![Self::over_everything(permission)] };
        let kind = match within {
            Within::Groups(_) => "DEVICE_GROUP",
            Within::Tags(_) => "RELEASE_TAG",
        };
        within.names().iter().map(|name| Self::new(permission, kind, name)).collect()
    }

    /// The permission, if it is one of ours over everything.
    #[must_use]
    pub fn unlimited(&self) -> Option<Permission> {
        self.action.parse().ok().filter(|_| self.object.kind == "any")
    }

    fn grant(&self) -> Result<Grant, ApiError> {
        let name = || [self.object.value.clone()];
        let within = match self.object.kind.as_str() {
            "any" => None,
            "DEVICE_GROUP" => Some(Within::Groups(name().into())),
            "RELEASE_TAG" => Some(tags(name())),
            other => return Err(malformed(format!("object type {other:?} is not known"))),
        };
        let set = |name: &str| Granted::Set(name.to_owned());
        let what = match self.action.as_str() {
            "any" => set("SuperUser"),
            "CREATE_DEPLOYMENT" => Granted::Permission(Permission::DeploymentsCreate),
            "VIEW_DEVICE" => set("ReadDevices"),
            "MANAGE_DEVICE" => set("ManageDevices"),
            "REMOTE_TERMINAL" => set("ConnectToDevices"),
            action => Granted::Permission(
                action.parse().map_err(|_| malformed(format!("action {action:?} is not known")))?,
            ),
        };
        Ok(Grant { what, within })
    }
}

/// Tags of releases are kept in small letters.
fn tags(names: impl IntoIterator<Item = String>) -> Within {
    Within::Tags(names.into_iter().map(|name| name.to_ascii_lowercase()).collect::<BTreeSet<_>>())
}

fn malformed(why: String) -> ApiError {
    ApiError::new(Code::BadRequest, why)
}
