//! Authentication sets and the sessions opened with them (management API §2).

use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::devices::{ReadDevices, device_id};
use crate::devices::AuthSetStatus;
use crate::devices::auth_set::UnknownStatus;
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Requires, Sent};
use crate::ids::{AuthSetId, DeviceId};
use crate::users::Permission;

/// May accept and reject devices.
pub struct DecideDevices;
impl Requires for DecideDevices {
    const PERMISSION: Permission = Permission::DevicesDecide;
}

/// What is decided about an authentication set.
#[derive(Deserialize, Serialize, utoipa::ToSchema)]
pub struct StatusBody {
    /// `accepted`, `rejected` or `pending`.
    status: String,
}

/// What was decided about an authentication set.
#[utoipa::path(
    get,
    path = "/api/management/v2/devauth/devices/{id}/auth/{set}/status",
    tag = "Management API: devices",
    params(("id" = String, Path, description = "Device id"), ("set" = String, Path, description = "Authentication set id")),
    responses(
        (status = 200, description = "The status", body = StatusBody),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such set"),
    ),
    security(("user" = []))
)]
pub async fn auth_set_status(
    caller: AuthedUser<ReadDevices>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let (device, set) = set_path(&path)?;
    let status = caller.devices().auth_set_status(device, set).await?;
    Ok(HttpResponse::Ok().json(json!({ "status": status.as_str() })))
}

/// Decides about an authentication set.
#[utoipa::path(
    put,
    path = "/api/management/v2/devauth/devices/{id}/auth/{set}/status",
    tag = "Management API: devices",
    params(("id" = String, Path, description = "Device id"), ("set" = String, Path, description = "Authentication set id")),
    request_body = StatusBody,
    responses(
        (status = 204, description = "Decided"),
        (status = 400, description = "Unknown status, a change that is not allowed, or a set of another device"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such set"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "As many devices are accepted as may be"),
    ),
    security(("user" = []))
)]
pub async fn decide(
    request: Sent<DecideDevices, StatusBody>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, body) = request;
    let (device, set) = set_path(&path)?;
    caller.devices().decide(device, set, decision(&body.status)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Deletes an authentication set.
#[utoipa::path(
    delete,
    path = "/api/management/v2/devauth/devices/{id}/auth/{set}",
    tag = "Management API: devices",
    params(("id" = String, Path, description = "Device id"), ("set" = String, Path, description = "Authentication set id")),
    responses(
        (status = 204, description = "Dismissed"),
        (status = 400, description = "A set of another device"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such set"),
    ),
    security(("user" = []))
)]
pub async fn dismiss(
    caller: AuthedUser<DecideDevices>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let (device, set) = set_path(&path)?;
    caller.devices().dismiss(device, set).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Voids a device's session: it must log in again.
#[utoipa::path(
    delete,
    path = "/api/management/v2/devauth/tokens/{id}",
    tag = "Management API: devices",
    params(("id" = String, Path, description = "The token's `jti`: the authentication set id")),
    responses(
        (status = 204, description = "Revoked"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such token"),
    ),
    security(("user" = []))
)]
pub async fn revoke_token(
    caller: AuthedUser<DecideDevices>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let set = id.parse().map_err(|_| ApiError::new(Code::NotFound, "no such token"))?;
    caller.devices().revoke_sessions(set).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What an operator can decide. Preauthorized is no decision, not even of a set that is so already.
fn decision(word: &str) -> Result<AuthSetStatus, ApiError> {
    let refused = |text: String| ApiError::new(Code::BadRequest, text);
    let status = word.parse().map_err(|err: UnknownStatus| refused(err.to_string()))?;
    match status {
        AuthSetStatus::Accepted | AuthSetStatus::Rejected | AuthSetStatus::Pending => Ok(status),
        AuthSetStatus::Preauthorized => Err(refused(format!("status: {word:?} cannot be decided"))),
    }
}

fn set_path(path: &(String, String)) -> Result<(DeviceId, AuthSetId), ApiError> {
    let (device, set) = path;
    let set_id = set
        .parse()
        .map_err(|_| ApiError::new(Code::NotFound, format!("authentication set {set:?} does not exist")))?;
    Ok((device_id(device)?, set_id))
}

#[cfg(test)]
mod tests {
    use super::{AuthSetStatus, Code, decision};

    #[test]
    fn preauthorized_is_no_decision() {
        assert_eq!(decision("accepted").unwrap(), AuthSetStatus::Accepted);
        assert_eq!(decision("rejected").unwrap(), AuthSetStatus::Rejected);
        assert_eq!(decision("pending").unwrap(), AuthSetStatus::Pending);
        for word in ["preauthorized", "noauth", "", "Accepted"] {
            assert_eq!(decision(word).unwrap_err().code(), Code::BadRequest, "{word}");
        }
    }
}
