//! Devices report (device protocol §2.3, §2.5).

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use crate::deployments::DeviceDeploymentState;
use crate::http::body::read_body;
use crate::http::error::{ApiError, Code};
use crate::http::extract::AuthedDevice;
use crate::http::json::Json;
use crate::ids::DeploymentId;
use crate::throttle::Class;

/// Longest substate, in characters.
const MAX_SUBSTATE: usize = 200;

/// How far a device is.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct StatusReport {
    /// `downloading`, `installing`, `rebooting`, `success`, `failure`, `already-installed` or one of the pauses.
    status: String,
    /// What the device says beside, at most 200 characters.
    substate: Option<String>,
}

/// Reports how far the device is. 204 is the only answer that lets an update go on, 409 the only one that ends it.
#[utoipa::path(
    put,
    path = "/api/devices/v1/deployments/device/deployments/{id}/status",
    tag = "Device API: deployments",
    params(("id" = String, Path, description = "Deployment id")),
    request_body = StatusReport,
    responses(
        (status = 204, description = "Stored"),
        (status = 400, description = "Unknown status"),
        (status = 401, description = "No valid session; the body is empty"),
        (status = 404, description = "Not a deployment of this device"),
        (status = 409, description = "Aborted: the device must stop"),
    ),
    security(("device" = []))
)]
pub async fn status(
    device: AuthedDevice,
    id: web::Path<String>,
    report: Json<StatusReport>,
) -> Result<HttpResponse, ApiError> {
    let Json(report) = report;
    let (state, substate) = told(report)?;
    let id = deployment_id(&id)?;
    device.deployments().report(device.session(), id, state, substate).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Sends the log of a failed deployment. Any body is kept, as text: some clients send broken JSON here.
#[utoipa::path(
    put,
    path = "/api/devices/v1/deployments/device/deployments/{id}/log",
    tag = "Device API: deployments",
    params(("id" = String, Path, description = "Deployment id")),
    request_body(content = serde_json::Value, description = "`messages`: timestamp, level, message"),
    responses(
        (status = 204, description = "Stored"),
        (status = 401, description = "No valid session; the body is empty"),
        (status = 404, description = "Not a deployment of this device"),
        (status = 413, description = "Body too large"),
        (status = 429, description = "Too busy: try again later"),
    ),
    security(("device" = []))
)]
pub async fn log(
    device: AuthedDevice,
    id: web::Path<String>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = read_body(&request, &mut payload.into_inner(), device.limits().max_log_bytes).await?;
    device.serve(Class::Log)?;
    let messages = without_nul(&String::from_utf8_lossy(&body));
    device.deployments().log(device.session(), deployment_id(&id)?, messages).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What a report says, as it is stored.
pub(in crate::http) fn told(
    report: StatusReport,
) -> Result<(DeviceDeploymentState, Option<String>), ApiError> {
    let StatusReport { status, substate } = report;
    let state = DeviceDeploymentState::from_report(&status)
        .map_err(|err| ApiError::new(Code::BadRequest, err.to_string()))?;
    if substate.as_ref().is_some_and(|substate| substate.chars().count() > MAX_SUBSTATE) {
        return Err(ApiError::new(
            Code::BadRequest,
            format!("substate: longer than {MAX_SUBSTATE} characters"),
        ));
    }
    Ok((state, substate.map(|substate| without_nul(&substate))))
}

/// PostgreSQL text holds no NUL, and a refused report would not let an update go on.
pub(in crate::http) fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn deployment_id(text: &str) -> Result<DeploymentId, ApiError> {
    text.parse()
        .map_err(|_| ApiError::new(Code::NotFound, format!("deployment {text:?} is not one of this device")))
}
