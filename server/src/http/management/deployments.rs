//! Deployments: created, looked at, aborted (management API §4.3).

use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::deployment_body::DeploymentBody;
use super::groups::group_name;
use crate::deployments::service::{DeploymentError, Plan, Target};
use crate::deployments::{Batch, PhasePlan};
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Requires, Sent};
use crate::http::failure::storage_failure;
use crate::ids::DeploymentId;
use crate::users::Permission;

/// May see deployments.
pub struct ReadDeployments;
impl Requires for ReadDeployments {
    const PERMISSION: Permission = Permission::DeploymentsRead;
}

/// May create deployments.
pub struct CreateDeployments;
impl Requires for CreateDeployments {
    const PERMISSION: Permission = Permission::DeploymentsCreate;
}

/// May abort deployments.
pub struct AbortDeployments;
impl Requires for AbortDeployments {
    const PERMISSION: Permission = Permission::DeploymentsAbort;
}

/// A deployment to be created: for `devices`, or for `all_devices`.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct NewDeployment {
    /// Its name.
    name: String,
    /// The release to roll out.
    artifact_name: String,
    /// Device ids.
    devices: Option<Vec<String>>,
    /// Whether all accepted devices are meant.
    #[serde(default)]
    all_devices: bool,
    /// Whether devices that have the release already get it again.
    #[serde(default)]
    force_installation: bool,
    /// When how many devices may begin; all at once without.
    #[serde(default)]
    phases: Option<Vec<NewPhase>>,
    /// How often a device may fail and try again, at most 100.
    #[serde(default)]
    retries: Option<u32>,
}

/// A phase of a deployment to be created (management API §4.4).
#[derive(Deserialize, utoipa::ToSchema)]
pub struct NewPhase {
    /// A share of the devices in percent; the last phase may take the rest.
    #[serde(default)]
    batch_size: Option<u32>,
    /// So many devices, instead of a share.
    #[serde(default)]
    batch_size_devices: Option<u64>,
    /// When it begins (RFC 3339); the first one may begin at once.
    #[serde(default)]
    start_ts: Option<DateTime<Utc>>,
}

impl NewPhase {
    fn plan(&self) -> Result<PhasePlan, ApiError> {
        let batch = match (self.batch_size, self.batch_size_devices) {
            (Some(_), Some(_)) => {
                let message = "phases: either batch_size or batch_size_devices is possible";
                return Err(ApiError::new(Code::BadRequest, message));
            }
            (Some(percent), None) => Some(Batch::Percent(percent)),
            (None, Some(devices)) => Some(Batch::Devices(devices)),
            (None, None) => None,
        };
        Ok(PhasePlan { batch, starts_at: self.start_ts })
    }
}

/// The status that a deployment is to have.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct StatusChange {
    /// `aborted`.
    status: String,
}

/// Creates a deployment.
#[utoipa::path(
    post,
    path = "/api/management/v1/deployments/deployments",
    tag = "Management API: deployments",
    request_body = NewDeployment,
    responses(
        (status = 201, description = "Created; `Location` names it, the body is empty"),
        (status = 400, description = "Malformed, no device, or phases that cannot be"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 409, description = "The same deployment is active"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "No artifact of that name"),
    ),
    security(("user" = []))
)]
pub async fn create(sent: Sent<CreateDeployments, NewDeployment>) -> Result<HttpResponse, ApiError> {
    let Sent(caller, mut body) = sent;
    let target = match (body.devices.take(), body.all_devices) {
        (None, true) => Target::All,
        (Some(ids), true) if ids.is_empty() => Target::All,
        (Some(ids), false) => Target::Devices(device_ids(&ids)?),
        (Some(_), true) | (None, false) => {
            let message = "name either devices or all_devices";
            return Err(ApiError::new(Code::BadRequest, message));
        }
    };
    store(&caller, body, target).await
}

/// Creates a deployment for the members that a group has now.
#[utoipa::path(
    post,
    path = "/api/management/v1/deployments/deployments/group/{name}",
    tag = "Management API: deployments",
    params(("name" = String, Path, description = "Group")),
    request_body = NewDeployment,
    responses(
        (status = 201, description = "Created; `Location` names it, the body is empty"),
        (status = 400, description = "Malformed, not the name of a group, no device in it, or phases that cannot be"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 409, description = "The same deployment is active"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "No artifact of that name"),
    ),
    security(("user" = []))
)]
pub async fn create_for_group(
    sent: Sent<CreateDeployments, NewDeployment>,
    group: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, body) = sent;
    if body.devices.is_some() || body.all_devices {
        let message = "a deployment for a group names neither devices nor all_devices";
        return Err(ApiError::new(Code::BadRequest, message));
    }
    store(&caller, body, Target::Group(group_name(&group)?.as_str().to_owned())).await
}

async fn store(
    caller: &AuthedUser<CreateDeployments>,
    body: NewDeployment,
    target: Target,
) -> Result<HttpResponse, ApiError> {
    let phases = body.phases.iter().flatten().map(NewPhase::plan).collect::<Result<_, _>>()?;
    let plan = Plan {
        name: body.name,
        artifact_name: body.artifact_name,
        target,
        forced: body.force_installation,
        phases,
        retries: body.retries.unwrap_or_default(),
    };
    let id = caller.deployments().create(&plan).await?;
    let location = format!("/api/management/v1/deployments/deployments/{id}");
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).finish())
}

/// A deployment.
#[utoipa::path(
    get,
    path = "/api/management/v1/deployments/deployments/{id}",
    tag = "Management API: deployments",
    params(("id" = String, Path, description = "Deployment id")),
    responses(
        (status = 200, description = "The deployment", body = DeploymentBody),
        (status = 400, description = "Not a UUID"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such deployment"),
    ),
    security(("user" = []))
)]
pub async fn get(
    caller: AuthedUser<ReadDeployments>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let found = caller.deployments().get(deployment_id(&id)?).await?;
    Ok(HttpResponse::Ok().json(DeploymentBody::at(found, caller.now())))
}

/// Aborts a deployment.
#[utoipa::path(
    put,
    path = "/api/management/v1/deployments/deployments/{id}/status",
    tag = "Management API: deployments",
    params(("id" = String, Path, description = "Deployment id")),
    request_body = StatusChange,
    responses(
        (status = 204, description = "Aborted"),
        (status = 400, description = "Another status, or not a UUID"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "Finished already, or unknown"),
    ),
    security(("user" = []))
)]
pub async fn abort(
    sent: Sent<AbortDeployments, StatusChange>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, change) = sent;
    if change.status != "aborted" {
        return Err(ApiError::new(
            Code::BadRequest,
            format!("status: {:?} is not \"aborted\"", change.status),
        ));
    }
    caller.deployments().abort(deployment_id(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl From<DeploymentError> for ApiError {
    fn from(err: DeploymentError) -> Self {
        let text = err.to_string();
        match err {
            DeploymentError::Invalid(_) | DeploymentError::Phases(_) => Self::new(Code::BadRequest, text),
            DeploymentError::NoArtifact(_) | DeploymentError::Finished(_) => {
                Self::new(Code::Unprocessable, text)
            }
            DeploymentError::Untrusted(_) => Self::new(Code::SignatureUntrusted, text),
            DeploymentError::BeyondGroups => Self::new(Code::PermissionDenied, text),
            DeploymentError::Duplicate => Self::new(Code::Conflict, text),
            DeploymentError::NotFound(_) | DeploymentError::NoLog { .. } => Self::new(Code::NotFound, text),
            DeploymentError::Storage(err) => storage_failure(err),
        }
    }
}

pub(super) fn deployment_id(text: &str) -> Result<DeploymentId, ApiError> {
    text.parse().map_err(|_| not_uuid())
}

fn not_uuid() -> ApiError {
    ApiError::new(Code::BadRequest, "ID is not a valid UUID")
}

/// Ids need not exist, but they must be ids: one that is not would wait for ever.
fn device_ids(texts: &[String]) -> Result<Vec<crate::ids::DeviceId>, ApiError> {
    texts
        .iter()
        .map(|text| {
            text.parse()
                .map_err(|_| ApiError::new(Code::BadRequest, format!("devices: {text:?} is not a device id")))
        })
        .collect()
}
