//! Device deployments: what deployments mean for devices (management API §4.3).

use std::fmt::Write;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};

use super::deployment_body::{DeploymentBody, DeviceDeploymentBody};
use super::deployments::{AbortDeployments, ReadDeployments, deployment_id};
use super::devices::device_id;
use crate::deployments::DeviceDeploymentState;
use crate::http::error::{ApiError, Code};
use crate::http::extract::AuthedUser;
use crate::http::listing::{Extent, part};
use crate::http::query::{MAX_PER_PAGE, Query};

/// Rows of a device's history that may be asked for at once.
const MAX_HISTORY: u64 = 20;

/// Lists a deployment's devices.
#[utoipa::path(
    get,
    path = "/api/management/v1/deployments/deployments/{id}/devices/list",
    tag = "Management API: deployments",
    params(
        ("id" = String, Path, description = "Deployment id"),
        ("status" = Option<String>, Query, description = "A state, or pause, active, finished"),
        ("page" = Option<u64>, Query, description = "Part of the list, from 1"),
        ("per_page" = Option<u64>, Query, description = "Rows in a part, at most 500"),
    ),
    responses(
        (status = 200, description = "Devices that asked", body = [DeviceDeploymentBody]),
        (status = 400, description = "Malformed query, or not a UUID"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such deployment"),
    ),
    security(("user" = []))
)]
pub async fn list(
    caller: AuthedUser<ReadDeployments>,
    id: web::Path<String>,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    let page = query.page(MAX_PER_PAGE)?;
    let states = states(query.get("status"))?;
    let (found, total) = caller.deployments().devices(deployment_id(&id)?, &states, Some(page)).await?;
    let items: Vec<DeviceDeploymentBody> = found.into_iter().map(DeviceDeploymentBody::from).collect();
    Ok(part(&request, &query, page, Extent::Total(total), &items))
}

/// All of a deployment's devices: the older form.
#[utoipa::path(
    get,
    path = "/api/management/v1/deployments/deployments/{id}/devices",
    tag = "Management API: deployments",
    params(
        ("id" = String, Path, description = "Deployment id"),
        ("status" = Option<String>, Query, description = "A state, or pause, active, finished"),
    ),
    responses(
        (status = 200, description = "Devices that asked", body = [DeviceDeploymentBody]),
        (status = 400, description = "Malformed query, or not a UUID"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such deployment"),
    ),
    security(("user" = []))
)]
pub async fn list_all(
    caller: AuthedUser<ReadDeployments>,
    id: web::Path<String>,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    let states = states(query.get("status"))?;
    let (found, _) = caller.deployments().devices(deployment_id(&id)?, &states, None).await?;
    let items: Vec<DeviceDeploymentBody> = found.into_iter().map(DeviceDeploymentBody::from).collect();
    Ok(HttpResponse::Ok().json(items))
}

/// The log that a device sent, a line for each entry.
#[utoipa::path(
    get,
    path = "/api/management/v1/deployments/deployments/{id}/devices/{device}/log",
    tag = "Management API: deployments",
    params(("id" = String, Path, description = "Deployment id"), ("device" = String, Path, description = "Device id")),
    responses(
        (status = 200, description = "`TIME LEVEL: MESSAGE` lines", content_type = "text/plain", body = String),
        (status = 400, description = "Not a UUID"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No log"),
    ),
    security(("user" = []))
)]
pub async fn log(
    caller: AuthedUser<ReadDeployments>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let (deployment, device) = path.into_inner();
    let stored = caller.deployments().log(deployment_id(&deployment)?, device_id(&device)?).await?;
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(lines(stored)))
}

/// A device's deployments, newest first.
#[utoipa::path(
    get,
    path = "/api/management/v1/deployments/deployments/devices/{device}",
    tag = "Management API: deployments",
    params(
        ("device" = String, Path, description = "Device id"),
        ("status" = Option<String>, Query, description = "A state, or pause, active, finished"),
        ("page" = Option<u64>, Query, description = "Part of the list, from 1"),
        ("per_page" = Option<u64>, Query, description = "Rows in a part, at most 20"),
    ),
    responses(
        (status = 200, description = "`id`, `deployment` and `device` of each"),
        (status = 400, description = "Malformed query"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such device"),
    ),
    security(("user" = []))
)]
pub async fn history(
    caller: AuthedUser<ReadDeployments>,
    device: web::Path<String>,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    let page = query.page(MAX_HISTORY)?;
    let states = states(query.get("status"))?;
    let (found, total) = caller.deployments().of_device(device_id(&device)?, &states, page).await?;
    let now = caller.now();
    let items: Vec<Value> = found
        .into_iter()
        .map(|(row, deployment)| {
            json!({
                "id": format!("{}-{}", deployment.id, row.device_id),
                "deployment": DeploymentBody::at(deployment, now),
                "device": DeviceDeploymentBody::from(row),
            })
        })
        .collect();
    Ok(part(&request, &query, page, Extent::Total(total), &items))
}

/// Ends all unfinished deployments of a device. What names no device has none (management API §9).
#[utoipa::path(
    delete,
    path = "/api/management/v1/deployments/deployments/devices/{device}",
    tag = "Management API: deployments",
    params(("device" = String, Path, description = "Device id")),
    responses(
        (status = 204, description = "Aborted for the device, or no such device"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn abort_for_device(
    caller: AuthedUser<AbortDeployments>,
    device: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    if let Ok(device) = device.parse() {
        caller.deployments().abort_device(device).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Forgets what a device has ended. It is offered again what goes on; of what is over, the deployment still tells.
#[utoipa::path(
    delete,
    path = "/api/management/v1/deployments/deployments/devices/{device}/history",
    tag = "Management API: deployments",
    params(("device" = String, Path, description = "Device id")),
    responses(
        (status = 204, description = "Forgotten, or no such device"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn forget_history(
    caller: AuthedUser<AbortDeployments>,
    device: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    if let Ok(device) = device.parse() {
        caller.deployments().forget_history(device).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}

fn states(word: Option<&str>) -> Result<Vec<DeviceDeploymentState>, ApiError> {
    use DeviceDeploymentState as S;
    let all = || S::ALL.into_iter();
    Ok(match word {
        None => Vec::new(),
        Some("pause") => {
            vec![S::PauseBeforeInstalling, S::PauseBeforeCommitting, S::PauseBeforeRebooting]
        }
        Some("active") => all().filter(|state| !state.is_final()).collect(),
        Some("finished") => all().filter(|state| state.is_final()).collect(),
        Some(word) => {
            let state = word.parse();
            vec![state.map_err(|_| ApiError::new(Code::BadRequest, format!("unknown status {word:?}")))?]
        }
    })
}

/// What a device sent, as lines; as it is, if it is not what devices should send.
fn lines(stored: String) -> String {
    #[derive(Deserialize)]
    struct Log {
        messages: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        timestamp: String,
        level: String,
        message: String,
    }
    let Ok(log) = serde_json::from_str::<Log>(&stored) else { return stored };
    log.messages.iter().fold(String::new(), |mut text, entry| {
        let written = writeln!(text, "{} {}: {}", entry.timestamp, entry.level, entry.message);
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::{lines, states};

    #[test]
    fn logs_become_lines_and_broken_ones_stay() {
        let sent = r#"{"messages":[{"timestamp":"2026-01-01T00:00:00Z","level":"error","message":"no"}]}"#;
        assert_eq!(lines(sent.to_owned()), "2026-01-01T00:00:00Z error: no\n");
        assert_eq!(lines(r#"{"messages":["#.to_owned()), r#"{"messages":["#);
    }

    #[test]
    fn words_name_sets_of_states() {
        assert_eq!(states(Some("pause")).unwrap().len(), 3);
        assert_eq!(states(Some("active")).unwrap().len() + states(Some("finished")).unwrap().len(), 13);
        assert!(states(Some("unheard-of")).is_err());
    }
}
