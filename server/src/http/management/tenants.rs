//! The tenants of a server, for administrators of the default one.

use actix_web::http::header::{CACHE_CONTROL, HeaderValue, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::timestamp;
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Freshness, Requires, Sent};
use crate::http::failure::storage_failure;
use crate::http::listing::{Extent, part};
use crate::http::query::{MAX_PER_PAGE, Query};
use crate::ids::TenantId;
use crate::tenants::{Tenant, TenantChange, TenantError};
use crate::users::Permission;

/// May see tenants.
pub struct ReadTenants;
impl Requires for ReadTenants {
    const PERMISSION: Permission = Permission::TenantsRead;
}

/// May make and change tenants.
pub struct ManageTenants;
impl Requires for ManageTenants {
    const PERMISSION: Permission = Permission::TenantsManage;
    const FRESHNESS: Freshness = Freshness::Always;
}

/// A tenant.
#[derive(Serialize, utoipa::ToSchema)]
pub struct TenantBody {
    id: String,
    name: String,
    /// `active` or `suspended`.
    status: &'static str,
    /// Devices that may be accepted at once; -1 is no limit.
    device_limit: i64,
    /// Whether all of its members need a second factor.
    require_2fa: bool,
    created_ts: String,
}

/// What a tenant is to be; what is absent stays.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct TenantChangeBody {
    /// 1 to 128 characters; no other tenant is called so.
    #[serde(default)]
    name: Option<String>,
    /// `active` or `suspended`.
    #[serde(default)]
    status: Option<String>,
    /// Devices that may be accepted at once; -1 is no limit.
    #[serde(default)]
    device_limit: Option<i64>,
    #[serde(default)]
    require_2fa: Option<bool>,
}

/// A tenant to be made.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct NewTenantBody {
    /// 1 to 128 characters; no other tenant is called so.
    name: String,
    /// Devices that may be accepted at once; -1, and nothing, is no limit.
    #[serde(default)]
    device_limit: Option<i64>,
    #[serde(default)]
    require_2fa: Option<bool>,
}

/// What the devices of a tenant name it by.
#[derive(Serialize, utoipa::ToSchema)]
pub struct TenantTokenBody {
    /// `TenantToken` in the configuration of clients.
    tenant_token: String,
}

impl From<Tenant> for TenantBody {
    fn from(tenant: Tenant) -> Self {
        Self {
            id: tenant.id.to_string(),
            name: tenant.name,
            status: tenant.status.as_str(),
            device_limit: limit(tenant.device_limit),
            require_2fa: tenant.require_2fa,
            created_ts: timestamp(tenant.created_at),
        }
    }
}

/// A limit on the wire.
pub(super) fn limit(limit: Option<u64>) -> i64 {
    limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
}

impl From<TenantError> for ApiError {
    fn from(err: TenantError) -> Self {
        let text = err.to_string();
        match err {
            TenantError::NotFound(_) | TenantError::NoToken => Self::new(Code::NotFound, text),
            TenantError::NameTaken(_) | TenantError::Default | TenantError::DefaultLimit => {
                Self::new(Code::Conflict, text)
            }
            TenantError::DefaultMembers => Self::new(Code::Conflict, text),
            TenantError::InvalidName => Self::new(Code::BadRequest, text),
            TenantError::Member(err) => err.into(),
            TenantError::Storage(err) => storage_failure(err),
        }
    }
}

/// Lists tenants by name.
#[utoipa::path(
    get,
    path = "/api/management/v1/tenants",
    tag = "Management API: tenants",
    params(
        ("page" = Option<u64>, Query, description = "Part of the list, from 1"),
        ("per_page" = Option<u64>, Query, description = "Rows in a part, at most 500"),
    ),
    responses(
        (status = 200, description = "Tenants", body = [TenantBody]),
        (status = 400, description = "No such part"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn list(
    caller: AuthedUser<ReadTenants>,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    let page = query.page(MAX_PER_PAGE)?;
    let (tenants, total) = caller.tenants().list(page).await?;
    let items: Vec<TenantBody> = tenants.into_iter().map(TenantBody::from).collect();
    Ok(part(&request, &query, page, Extent::Total(total), &items))
}

/// Makes a tenant. Nobody is a member of it as yet.
#[utoipa::path(
    post,
    path = "/api/management/v1/tenants",
    tag = "Management API: tenants",
    request_body = NewTenantBody,
    responses(
        (status = 201, description = "Made; `Location` names it", body = TenantBody),
        (status = 400, description = "Malformed"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, or the proof of who is calling is too old"),
        (status = 409, description = "There is one of this name"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
    ),
    security(("user" = []))
)]
pub async fn add(
    sent: Sent<ManageTenants, NewTenantBody>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, body) = sent;
    let change = TenantChange {
        device_limit: body.device_limit,
        require_2fa: body.require_2fa,
        ..TenantChange::default()
    };
    let tenant = caller.tenants().add(body.name, change).await?;
    tracing::info!(user.id = %caller.principal().user, object.id = %tenant.id, "tenant made");
    let location = format!("{}/{}", request.path().trim_end_matches('/'), tenant.id);
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(TenantBody::from(tenant)))
}

/// A tenant.
#[utoipa::path(
    get,
    path = "/api/management/v1/tenants/{id}",
    tag = "Management API: tenants",
    params(("id" = String, Path, description = "Tenant id")),
    responses(
        (status = 200, description = "The tenant", body = TenantBody),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such tenant"),
    ),
    security(("user" = []))
)]
pub async fn get(caller: AuthedUser<ReadTenants>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let tenant = caller.tenants().get(tenant_id(&id)?).await?;
    Ok(HttpResponse::Ok().json(TenantBody::from(tenant)))
}

/// Changes a tenant. While one is suspended, neither its devices nor its members get in; nothing of it is lost.
#[utoipa::path(
    put,
    path = "/api/management/v1/tenants/{id}",
    tag = "Management API: tenants",
    params(("id" = String, Path, description = "Tenant id")),
    request_body = TenantChangeBody,
    responses(
        (status = 204, description = "Changed"),
        (status = 400, description = "Malformed"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, or the proof of who is calling is too old"),
        (status = 404, description = "No such tenant"),
        (status = 409, description = "There is another one of this name, or the default tenant does not allow it"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
    ),
    security(("user" = []))
)]
pub async fn update(
    sent: Sent<ManageTenants, TenantChangeBody>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, body) = sent;
    let status = body.status.map(|text| text.parse()).transpose();
    let status = status.map_err(|err| ApiError::new(Code::BadRequest, format!("status: {err}")))?;
    let change = TenantChange {
        name: body.name,
        status,
        device_limit: body.device_limit,
        require_2fa: body.require_2fa,
    };
    caller.tenants().change(tenant_id(&id)?, change).await?;
    tracing::info!(user.id = %caller.principal().user, object.id = %*id, "tenant changed");
    Ok(HttpResponse::NoContent().finish())
}

/// What the devices of a tenant name it by. Those of the default tenant need nothing.
#[utoipa::path(
    get,
    path = "/api/management/v1/tenants/{id}/token",
    tag = "Management API: tenants",
    params(("id" = String, Path, description = "Tenant id")),
    responses(
        (status = 200, description = "The token", body = TenantTokenBody),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such tenant, or the default one"),
    ),
    security(("user" = []))
)]
pub async fn token(caller: AuthedUser<ReadTenants>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let token = caller.tenants().token(tenant_id(&id)?).await?;
    Ok(shown(&mut HttpResponse::Ok(), &token))
}

/// Replaces what the devices of a tenant name it by. Sessions go on; who logs in again needs the new one.
#[utoipa::path(
    post,
    path = "/api/management/v1/tenants/{id}/token",
    tag = "Management API: tenants",
    params(("id" = String, Path, description = "Tenant id")),
    responses(
        (status = 201, description = "The new token", body = TenantTokenBody),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, or the proof of who is calling is too old"),
        (status = 404, description = "No such tenant, or the default one"),
    ),
    security(("user" = []))
)]
pub async fn renew_token(
    caller: AuthedUser<ManageTenants>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let token = caller.tenants().renew_token(tenant_id(&id)?).await?;
    tracing::info!(user.id = %caller.principal().user, object.id = %*id, "tenant token replaced");
    Ok(shown(&mut HttpResponse::Created(), &token))
}

fn shown(response: &mut actix_web::HttpResponseBuilder, token: &SecretString) -> HttpResponse {
    response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    response.json(TenantTokenBody { tenant_token: token.expose_secret().to_owned() })
}

/// What is no id is the id of no tenant.
pub(super) fn tenant_id(text: &str) -> Result<TenantId, ApiError> {
    text.parse().map_err(|_| TenantError::NotFound(text.chars().take(64).collect()).into())
}
