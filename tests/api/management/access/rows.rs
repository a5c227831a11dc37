//! Who may use which route: the expectation that the server is compared with, reviewed by hand.

use Who::{Anybody, Device, User};

/// Whom a route is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Who {
    /// Everybody: it opens a session, tells nothing that is secret, or is behind a signed link.
    Anybody,
    /// A device with a session.
    Device,
    /// A user with a session and this permission.
    User(&'static str),
}

/// A route and whom it is for.
pub(super) struct Row {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) who: Who,
}

const fn row(method: &'static str, path: &'static str, who: Who) -> Row {
    Row { method, path, who }
}

pub(super) const ROWS: &[Row] = &[
    // Devices.
    row("POST", "/api/devices/v1/authentication/auth_requests", Anybody),
    row("POST", "/api/devices/v2/deployments/device/deployments/next", Device),
    row("POST", "/api/devices/v1/deployments/device/deployments/next", Device),
    row("GET", "/api/devices/v1/deployments/device/deployments/next", Device),
    row("PUT", "/api/devices/v1/deployments/device/deployments/{id}/status", Device),
    row("PUT", "/api/devices/v1/deployments/device/deployments/{id}/log", Device),
    row("GET", "/api/devices/v1/deployments/download/{deployment}/{device}/{artifact}", Anybody),
    row("HEAD", "/api/devices/v1/deployments/download/{deployment}/{device}/{artifact}", Anybody),
    row("PUT", "/api/devices/v1/inventory/device/attributes", Device),
    row("PATCH", "/api/devices/v1/inventory/device/attributes", Device),
    // Devices and their authentication sets, for users.
    row("GET", "/api/management/v2/devauth/devices", User("devices:read")),
    row("POST", "/api/management/v2/devauth/devices", User("devices:preauthorize")),
    row("POST", "/api/management/v2/devauth/devices/search", User("devices:read")),
    row("GET", "/api/management/v2/devauth/devices/count", User("devices:read")),
    row("GET", "/api/management/v2/devauth/devices/{id}", User("devices:read")),
    row("DELETE", "/api/management/v2/devauth/devices/{id}", User("devices:decommission")),
    row("GET", "/api/management/v2/devauth/devices/{id}/auth/{set}/status", User("devices:read")),
    row("PUT", "/api/management/v2/devauth/devices/{id}/auth/{set}/status", User("devices:decide")),
    row("DELETE", "/api/management/v2/devauth/devices/{id}/auth/{set}", User("devices:decide")),
    row("DELETE", "/api/management/v2/devauth/tokens/{id}", User("devices:decide")),
    row("GET", "/api/management/v2/devauth/limits/{name}", User("devices:read")),
    // Inventory and groups, for users.
    row("GET", "/api/management/v1/inventory/devices", User("inventory:read")),
    row("GET", "/api/management/v1/inventory/devices/{id}", User("inventory:read")),
    row("GET", "/api/management/v1/inventory/devices/{id}/group", User("inventory:read")),
    row("PUT", "/api/management/v1/inventory/devices/{id}/group", User("groups:write")),
    row("DELETE", "/api/management/v1/inventory/devices/{id}/group/{name}", User("groups:write")),
    row("GET", "/api/management/v1/inventory/groups", User("inventory:read")),
    row("DELETE", "/api/management/v1/inventory/groups/{name}", User("groups:write")),
    row("GET", "/api/management/v1/inventory/groups/{name}/devices", User("inventory:read")),
    row("PATCH", "/api/management/v1/inventory/groups/{name}/devices", User("groups:write")),
    row("DELETE", "/api/management/v1/inventory/groups/{name}/devices", User("groups:write")),
    // Artifacts and releases, for users.
    row("POST", "/api/management/v1/deployments/artifacts", User("artifacts:upload")),
    row("GET", "/api/management/v1/deployments/artifacts", User("artifacts:read")),
    row("GET", "/api/management/v1/deployments/artifacts/list", User("artifacts:read")),
    row("GET", "/api/management/v2/deployments/artifacts", User("artifacts:read")),
    row("OPTIONS", "/api/management/v1/deployments/artifacts/uploads", Anybody),
    row("POST", "/api/management/v1/deployments/artifacts/uploads", User("artifacts:upload")),
    row("GET", "/api/management/v1/deployments/artifacts/uploads", User("artifacts:upload")),
    row("HEAD", "/api/management/v1/deployments/artifacts/uploads/{id}", User("artifacts:upload")),
    row("PATCH", "/api/management/v1/deployments/artifacts/uploads/{id}", User("artifacts:upload")),
    row("DELETE", "/api/management/v1/deployments/artifacts/uploads/{id}", User("artifacts:upload")),
    row("GET", "/api/management/v1/deployments/artifacts/{id}", User("artifacts:read")),
    row("PUT", "/api/management/v1/deployments/artifacts/{id}", User("artifacts:update")),
    row("DELETE", "/api/management/v1/deployments/artifacts/{id}", User("artifacts:delete")),
    row("GET", "/api/management/v1/deployments/artifacts/{id}/download", User("artifacts:read")),
    row("GET", "/api/management/v1/deployments/artifacts/{id}/content", Anybody),
    row("HEAD", "/api/management/v1/deployments/artifacts/{id}/content", Anybody),
    row("GET", "/api/management/v1/deployments/limits/{name}", User("artifacts:read")),
    row("GET", "/api/management/v2/deployments/deployments/releases", User("artifacts:read")),
    row("DELETE", "/api/management/v2/deployments/deployments/releases", User("artifacts:delete")),
    row("GET", "/api/management/v2/deployments/deployments/releases/{name}", User("artifacts:read")),
    row("PATCH", "/api/management/v2/deployments/deployments/releases/{name}", User("artifacts:update")),
    row("PUT", "/api/management/v2/deployments/deployments/releases/{name}/tags", User("artifacts:update")),
    row("GET", "/api/management/v2/deployments/releases/all/tags", User("artifacts:read")),
    row("GET", "/api/management/v2/deployments/releases/all/types", User("artifacts:read")),
    row("GET", "/api/management/v1alpha1/deployments/software", User("artifacts:read")),
    row("GET", "/api/management/v1alpha1/deployments/software/tags", User("artifacts:read")),
    row("GET", "/api/management/v1/deployments/deployments/releases", User("artifacts:read")),
    row("GET", "/api/management/v1/deployments/deployments/releases/list", User("artifacts:read")),
    // Whose signatures on releases count, for users.
    row("POST", "/api/management/v1/releases/keys", User("trust:write")),
    row("GET", "/api/management/v1/releases/keys", User("trust:read")),
    row("GET", "/api/management/v1/releases/keys/{id}", User("trust:read")),
    row("POST", "/api/management/v1/releases/keys/{id}/revoke", User("trust:write")),
    row("GET", "/api/management/v1/releases/policy", User("trust:read")),
    row("PUT", "/api/management/v1/releases/policy", User("trust:write")),
    // Users.
    row("POST", "/api/management/v1/setup", Anybody),
    row("POST", "/api/management/v1/useradm/auth/login", Anybody),
    row("POST", "/api/management/v1/useradm/auth/logout", User("account:own")),
    row("POST", "/api/management/v1/useradm/auth/logout-all", User("account:own")),
    row("POST", "/api/management/v1/useradm/auth/step-up", User("account:own")),
    row("GET", "/api/management/v1/useradm/sessions", User("account:own")),
    row("DELETE", "/api/management/v1/useradm/sessions/{id}", User("account:own")),
    row("GET", "/api/management/v1/useradm/users", User("users:read")),
    row("POST", "/api/management/v1/useradm/users", User("users:manage")),
    row("GET", "/api/management/v1/useradm/users/exists", User("users:manage")),
    row("GET", "/api/management/v1/useradm/users/me", User("account:own")),
    row("PUT", "/api/management/v1/useradm/users/me", User("account:own")),
    row("PUT", "/api/management/v2/useradm/users/me", User("account:own")),
    row("POST", "/api/management/v1/useradm/users/{id}/2fa/enable", User("account:own")),
    row("POST", "/api/management/v1/useradm/users/{id}/2fa/disable", User("account:own")),
    row("GET", "/api/management/v1/useradm/2faqr", User("account:own")),
    row("PUT", "/api/management/v1/useradm/2faverify", User("account:own")),
    row("POST", "/api/management/v1/useradm/users/me/2fa/recovery-codes", User("account:own")),
    row("GET", "/api/management/v1/useradm/users/me/2fa/recovery-codes", User("account:own")),
    row("GET", "/api/management/v1/useradm/users/{id}", User("users:read")),
    row("PUT", "/api/management/v1/useradm/users/{id}", User("users:manage")),
    row("DELETE", "/api/management/v1/useradm/users/{id}", User("users:manage")),
    row("GET", "/api/management/v2/useradm/roles", User("users:read")),
    row("POST", "/api/management/v2/useradm/roles", User("users:manage")),
    row("GET", "/api/management/v2/useradm/roles/{name}", User("users:read")),
    row("PUT", "/api/management/v2/useradm/roles/{name}", User("users:manage")),
    row("DELETE", "/api/management/v2/useradm/roles/{name}", User("users:manage")),
    row("GET", "/api/management/v1/useradm/roles", User("users:read")),
    row("POST", "/api/management/v1/useradm/roles", User("users:manage")),
    row("GET", "/api/management/v1/useradm/roles/{name}", User("users:read")),
    row("PUT", "/api/management/v1/useradm/roles/{name}", User("users:manage")),
    row("DELETE", "/api/management/v1/useradm/roles/{name}", User("users:manage")),
    row("GET", "/api/management/v2/useradm/permission_sets", User("users:read")),
    row("POST", "/api/management/v2/useradm/permission_sets", User("users:manage")),
    row("GET", "/api/management/v2/useradm/permission_sets/{name}", User("users:read")),
    row("PUT", "/api/management/v2/useradm/permission_sets/{name}", User("users:manage")),
    row("DELETE", "/api/management/v2/useradm/permission_sets/{name}", User("users:manage")),
    // Deployments, for users.
    row("POST", "/api/management/v1/deployments/deployments", User("deployments:create")),
    row("GET", "/api/management/v1/deployments/deployments", User("deployments:read")),
    row("GET", "/api/management/v2/deployments/deployments", User("deployments:read")),
    row("POST", "/api/management/v1/deployments/deployments/statistics/list", User("deployments:read")),
    row("POST", "/api/management/v1/deployments/deployments/group/{name}", User("deployments:create")),
    row("GET", "/api/management/v1/deployments/deployments/devices/{device}", User("deployments:read")),
    row("DELETE", "/api/management/v1/deployments/deployments/devices/{device}", User("deployments:abort")),
    row("GET", "/api/management/v1/deployments/deployments/{id}", User("deployments:read")),
    row("PUT", "/api/management/v1/deployments/deployments/{id}/status", User("deployments:abort")),
    row("GET", "/api/management/v1/deployments/deployments/{id}/statistics", User("deployments:read")),
    row("GET", "/api/management/v1/deployments/deployments/{id}/devices", User("deployments:read")),
    row("GET", "/api/management/v1/deployments/deployments/{id}/devices/list", User("deployments:read")),
    row(
        "GET",
        "/api/management/v1/deployments/deployments/{id}/devices/{device}/log",
        User("deployments:read"),
    ),
    // The server itself.
    row("GET", "/health/live", Anybody),
    row("GET", "/health/ready", Anybody),
    row("GET", "/openapi.json", Anybody),
    row("GET", "/docs", Anybody),
];
