//! Devices ask for an update, in the three forms that clients use (device protocol §2.1). Most questions do not come
//! this far: see [`super::idle_poll`].

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::download;
use crate::crypto::first_u64;
use crate::deployments::DeviceFacts;
use crate::deployments::device_service::{DeviceDeploymentError, Offer};
use crate::http::base_url::base_url;
use crate::http::body::read_body;
use crate::http::error::{ApiError, Code};
use crate::http::extract::AuthedDevice;
use crate::http::failure::{storage_failure, write_failure};
use crate::http::query::Query;
use crate::throttle::Class;

/// Bytes that a question may have: a device reports some dozens of provides.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// Where devices ask with a body, which [`super::idle_poll`] recognises.
pub(super) const BY_BODY: [&str; 2] = [
    "/api/devices/v2/deployments/device/deployments/next",
    "/api/devices/v1/deployments/device/deployments/next",
];

/// What a device reports in one question.
const MAX_PROVIDES: usize = 1_000;

#[derive(Deserialize)]
struct Question {
    device_provides: BTreeMap<String, String>,
}

/// A deployment, as clients take it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Instructions {
    /// The deployment's id.
    id: String,
    artifact: OfferedArtifact,
}

#[derive(Serialize, utoipa::ToSchema)]
struct OfferedArtifact {
    id: String,
    artifact_name: String,
    device_types_compatible: Vec<String>,
    source: Source,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Source {
    uri: String,
    expire: String,
}

/// Asks for an update, naming everything that the device provides.
#[utoipa::path(
    post,
    path = "/api/devices/v2/deployments/device/deployments/next",
    tag = "Device API: deployments",
    request_body(content = serde_json::Value, description = "`device_provides`: a flat object of strings"),
    responses(
        (status = 200, description = "An update", body = Instructions),
        (status = 204, description = "No update"),
        (status = 400, description = "Malformed question"),
        (status = 401, description = "No valid session; the body is empty"),
        (status = 429, description = "Too busy for devices that have no update in progress: try again later"),
    ),
    security(("device" = []))
)]
pub async fn next_v2(
    device: AuthedDevice,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = read_body(&request, &mut payload.into_inner(), MAX_BODY).await?;
    device.serve(Class::Poll)?;
    answer(&device, &request, digest(&body), question_v2(&body)?).await
}

/// Asks for an update, with what the device provides as the whole body.
#[utoipa::path(
    post,
    path = "/api/devices/v1/deployments/device/deployments/next",
    tag = "Device API: deployments",
    request_body(content = serde_json::Value, description = "A flat object of strings"),
    responses(
        (status = 200, description = "An update", body = Instructions),
        (status = 204, description = "No update"),
        (status = 400, description = "Malformed question"),
        (status = 401, description = "No valid session; the body is empty"),
        (status = 429, description = "Too busy for devices that have no update in progress: try again later"),
    ),
    security(("device" = []))
)]
pub async fn next_v1(
    device: AuthedDevice,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = read_body(&request, &mut payload.into_inner(), MAX_BODY).await?;
    device.serve(Class::Poll)?;
    answer(&device, &request, digest(&body), question_v1(&body)?).await
}

/// Asks for an update, naming the artifact and the type only: a query has no place for other provides.
#[utoipa::path(
    get,
    path = "/api/devices/v1/deployments/device/deployments/next",
    tag = "Device API: deployments",
    params(
        ("artifact_name" = String, Query, description = "The artifact that the device runs"),
        ("device_type" = String, Query, description = "The device's type"),
    ),
    responses(
        (status = 200, description = "An update", body = Instructions),
        (status = 204, description = "No update"),
        (status = 400, description = "Malformed question"),
        (status = 401, description = "No valid session; the body is empty"),
        (status = 429, description = "Too busy for devices that have no update in progress: try again later"),
    ),
    security(("device" = []))
)]
pub async fn next_by_query(
    device: AuthedDevice,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    device.serve(Class::Poll)?;
    let asked = |key| required(key, query.get(key).map(str::to_owned));
    let facts = DeviceFacts {
        number: device.session().number,
        device_type: asked("device_type")?,
        artifact_name: asked("artifact_name")?,
        provides: BTreeMap::new(),
        provides_known: false,
    };
    respond(&device, &request, &facts).await
}

/// What a device provides, of a question in the second form.
pub(in crate::http) fn question_v2(body: &[u8]) -> Result<BTreeMap<String, String>, ApiError> {
    let question: Question = serde_json::from_slice(body).map_err(|err| malformed(&err))?;
    Ok(question.device_provides)
}

/// What a device provides, of a question in the first form.
pub(in crate::http) fn question_v1(body: &[u8]) -> Result<BTreeMap<String, String>, ApiError> {
    serde_json::from_slice(body).map_err(|err| malformed(&err))
}

async fn answer(
    device: &AuthedDevice,
    request: &HttpRequest,
    digest: u64,
    mut provides: BTreeMap<String, String>,
) -> Result<HttpResponse, ApiError> {
    if provides.len() > MAX_PROVIDES {
        return Err(ApiError::new(Code::BadRequest, format!("more than {MAX_PROVIDES} provides")));
    }
    let reported = serde_json::to_string(&provides).map_err(ApiError::internal)?;
    let mut take = |key| required(key, provides.remove(key));
    let (device_type, artifact_name) = (take("device_type")?, take("artifact_name")?);
    let number = device.session().number;
    let facts = DeviceFacts { number, device_type, artifact_name, provides, provides_known: true };
    device.deployments().note_provides(device.session(), digest, &reported);
    respond(device, request, &facts).await
}

/// What every question must say.
fn required(key: &str, value: Option<String>) -> Result<String, ApiError> {
    let value = value.filter(|value| !value.is_empty());
    value.ok_or_else(|| ApiError::new(Code::BadRequest, format!("{key} is missing or empty")))
}

async fn respond(
    device: &AuthedDevice,
    request: &HttpRequest,
    facts: &DeviceFacts,
) -> Result<HttpResponse, ApiError> {
    let Some(offer) = device.deployments().next(device.session(), facts).await? else {
        return Ok(HttpResponse::NoContent().finish());
    };
    Ok(HttpResponse::Ok().json(instructions(device, request, offer)?))
}

fn instructions(
    device: &AuthedDevice,
    request: &HttpRequest,
    offer: Offer,
) -> Result<Instructions, ApiError> {
    let link = device.downloads().link(device.session(), &offer);
    let base = base_url(device.public_url(), request)?;
    Ok(Instructions {
        id: offer.deployment.to_string(),
        artifact: OfferedArtifact {
            id: offer.artifact.to_string(),
            artifact_name: offer.artifact_name,
            device_types_compatible: offer.device_types,
            source: Source {
                uri: format!("{base}{}", download::target(&link)),
                expire: timestamp(link.expires_at),
            },
        },
    })
}

fn timestamp(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Recognises the same question from the same device.
pub(super) fn digest(body: &[u8]) -> u64 {
    first_u64(&Sha256::digest(body))
}

fn malformed(err: &serde_json::Error) -> ApiError {
    ApiError::new(Code::BadRequest, format!("the body is not a question for an update: {err}"))
}

impl From<DeviceDeploymentError> for ApiError {
    fn from(err: DeviceDeploymentError) -> Self {
        match err {
            DeviceDeploymentError::Unknown(_) => Self::new(Code::NotFound, err.to_string()),
            DeviceDeploymentError::Aborted => Self::new(Code::Conflict, err.to_string()),
            DeviceDeploymentError::Write(err) => write_failure(err),
            DeviceDeploymentError::Storage(err) => storage_failure(err),
        }
    }
}
