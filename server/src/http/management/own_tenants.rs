//! The tenants of a caller (management API §1.2, §5, §6).

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpResponse, web};
use secrecy::ExposeSecret as _;
use serde::Serialize;

use super::tenants::{limit, tenant_id};
use super::users::{OwnAccount, TOKEN_TYPE};
use crate::http::error::{ApiError, Code};
use crate::http::extract::AuthedUser;
use crate::http::failure::storage_failure;
use crate::tenants::TenantError;
use crate::users::SwitchError;

/// What consoles of others show for paid plans, all of which is there.
const ADDONS: [&str; 3] = ["configure", "monitor", "troubleshoot"];

/// A tenant as consoles of others know it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct OwnTenantBody {
    id: String,
    name: String,
    /// What devices name the tenant by; empty for the default tenant, whose devices need nothing.
    tenant_token: String,
    /// `active`.
    status: &'static str,
    /// `enterprise`: nothing is held back.
    plan: &'static str,
    trial: bool,
    addons: Vec<AddonBody>,
    /// Accepted devices.
    device_count: u64,
    /// Devices that may be accepted at once; -1 is no limit.
    device_limit: i64,
}

/// Something that the original servers sell beside a plan.
#[derive(Serialize, utoipa::ToSchema)]
pub struct AddonBody {
    name: &'static str,
    enabled: bool,
}

/// The tenant that the caller works in. A server whose setting `users.full_console` is off answers 404: Mender's web
/// console then shows less.
#[utoipa::path(
    get,
    path = "/api/management/v2/tenantadm/tenants/me",
    tag = "Management API: tenants",
    responses(
        (status = 200, description = "The tenant", body = OwnTenantBody),
        (status = 401, description = "No valid session"),
        (status = 403, description = "A second factor has to be set up"),
        (status = 404, description = "Not told by this server"),
    ),
    security(("user" = []))
)]
pub async fn current(caller: AuthedUser<OwnAccount>) -> Result<HttpResponse, ApiError> {
    describe(&caller).await
}

/// The same for older consoles.
#[utoipa::path(
    get,
    path = "/api/management/v1/tenantadm/user/tenant",
    tag = "Management API: tenants",
    responses(
        (status = 200, description = "The tenant", body = OwnTenantBody),
        (status = 401, description = "No valid session"),
        (status = 403, description = "A second factor has to be set up"),
        (status = 404, description = "Not told by this server"),
    ),
    security(("user" = []))
)]
pub async fn current_v1(caller: AuthedUser<OwnAccount>) -> Result<HttpResponse, ApiError> {
    describe(&caller).await
}

/// A session of the caller in another tenant; the answer is the bare token.
#[utoipa::path(
    get,
    path = "/api/management/v1/useradm/users/tenants/{id}/token",
    tag = "Management API: tenants",
    params(("id" = String, Path, description = "Tenant id, one of those that `users/me` lists")),
    responses(
        (status = 200, description = "The token", body = String, content_type = "application/jwt"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "A token for programs, or a second factor has to be set up"),
        (status = 404, description = "No such tenant, or none of the caller's"),
    ),
    security(("user" = []))
)]
pub async fn switch(caller: AuthedUser<OwnAccount>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let opened = caller.switch(tenant_id(&id)?).await?;
    tracing::info!(
        user.id = %opened.session.user, session.id = %opened.session.id, tenant.id = %opened.session.tenant,
        "user went over to another tenant"
    );
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    Ok(response.content_type(TOKEN_TYPE).body(opened.token.expose_secret().to_owned()))
}

async fn describe(caller: &AuthedUser<OwnAccount>) -> Result<HttpResponse, ApiError> {
    if !caller.shows_full_console() {
        return Err(ApiError::new(Code::NotFound, "not found"));
    }
    let current = caller.own_tenants().current().await.map_err(storage_failure)?;
    let (tenant, devices) =
        current.ok_or_else(|| TenantError::NotFound(caller.principal().tenant.to_string()))?;
    let token = match caller.tenants().token(tenant.id).await {
        Ok(token) => token.expose_secret().to_owned(),
        Err(TenantError::NoToken) => String::new(),
        Err(err) => return Err(err.into()),
    };
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    Ok(response.json(OwnTenantBody {
        id: tenant.id.to_string(),
        name: tenant.name,
        tenant_token: token,
        status: tenant.status.as_str(),
        plan: "enterprise",
        trial: false,
        addons: ADDONS.map(|name| AddonBody { name, enabled: true }).into(),
        device_count: devices,
        device_limit: limit(tenant.device_limit),
    }))
}

impl From<SwitchError> for ApiError {
    fn from(err: SwitchError) -> Self {
        match err {
            SwitchError::NoSession => Self::new(Code::PermissionDenied, err.to_string()),
            SwitchError::NotFound(_) => Self::new(Code::NotFound, err.to_string()),
            SwitchError::Sign(err) => Self::internal(err),
            SwitchError::Storage(err) => storage_failure(err),
        }
    }
}
