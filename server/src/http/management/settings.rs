//! Settings of a tenant and of its users (management API §1.3).

use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value};

use super::edition::{self, seen};
use super::users::OwnAccount;
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Requires, Sent};
use crate::http::failure::storage_failure;
use crate::users::Permission;
use crate::users::settings::{Settings, SettingsError, SettingsOwner};

/// May see the settings of the tenant.
pub struct ReadSettings;
impl Requires for ReadSettings {
    const PERMISSION: Permission = Permission::SettingsRead;
}

/// May change the settings of the tenant.
pub struct WriteSettings;
impl Requires for WriteSettings {
    const PERMISSION: Permission = Permission::SettingsWrite;
}

/// The settings of the tenant.
#[utoipa::path(
    get,
    path = "/api/management/v1/useradm/settings",
    tag = "Management API: settings",
    responses(
        (status = 200, description = "An object; its `ETag` is a bare UUID, once something was stored", body = Object),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn get(caller: AuthedUser<ReadSettings>) -> Result<HttpResponse, ApiError> {
    let found = caller.settings().get(SettingsOwner::Tenant).await.map_err(storage_failure)?;
    Ok(shown(found))
}

/// Puts others into the place of the tenant's settings.
#[utoipa::path(
    post,
    path = "/api/management/v1/useradm/settings",
    tag = "Management API: settings",
    params(("If-Match" = Option<String>, Header, description = "The `ETag` of those that are to be replaced")),
    request_body = Object,
    responses(
        (status = 201, description = "Stored"),
        (status = 400, description = "Not an object, or too large a member"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 412, description = "They were changed in the meantime"),
    ),
    security(("user" = []))
)]
pub async fn put(
    request: HttpRequest,
    sent: Sent<WriteSettings, Map<String, Value>>,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, content) = sent;
    caller.settings().put(SettingsOwner::Tenant, content, seen(&request)?).await?;
    Ok(HttpResponse::Created().finish())
}

/// The caller's own settings.
#[utoipa::path(
    get,
    path = "/api/management/v1/useradm/settings/me",
    tag = "Management API: settings",
    responses(
        (status = 200, description = "An object; its `ETag` is a bare UUID, once something was stored", body = Object),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn get_own(caller: AuthedUser<OwnAccount>) -> Result<HttpResponse, ApiError> {
    let owner = SettingsOwner::User(caller.principal().user);
    Ok(shown(caller.settings().get(owner).await.map_err(storage_failure)?))
}

/// Puts others into the place of the caller's own settings.
#[utoipa::path(
    post,
    path = "/api/management/v1/useradm/settings/me",
    tag = "Management API: settings",
    params(("If-Match" = Option<String>, Header, description = "The `ETag` of those that are to be replaced")),
    request_body = Object,
    responses(
        (status = 201, description = "Stored"),
        (status = 400, description = "Not an object, or too large a member"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 412, description = "They were changed in the meantime"),
    ),
    security(("user" = []))
)]
pub async fn put_own(
    request: HttpRequest,
    sent: Sent<OwnAccount, Map<String, Value>>,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, content) = sent;
    let owner = SettingsOwner::User(caller.principal().user);
    caller.settings().put(owner, content, seen(&request)?).await?;
    Ok(HttpResponse::Created().finish())
}

fn shown(settings: Option<Settings>) -> HttpResponse {
    let Some(settings) = settings else { return HttpResponse::Ok().json(Map::new()) };
    HttpResponse::Ok().insert_header(edition::shown(settings.edition)).json(settings.content)
}

impl From<SettingsError> for ApiError {
    fn from(err: SettingsError) -> Self {
        let text = err.to_string();
        match err {
            SettingsError::TooMany | SettingsError::Key | SettingsError::Text(_) => {
                Self::new(Code::BadRequest, text)
            }
            SettingsError::Changed => Self::new(Code::EditionMismatch, text),
            SettingsError::Storage(err) => storage_failure(err),
        }
    }
}
