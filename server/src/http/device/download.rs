//! Devices download what was offered to them (device protocol §3).

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::http::header::RANGE;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, TimeDelta, Utc};

use crate::app::Core;
use crate::crypto::signed_link::LinkError;
use crate::deployments::device_service::Offer;
use crate::devices::DeviceStatus;
use crate::devices::session::DeviceSession;
use crate::fleet::KnownDevice;
use crate::http::content::artifact_answer;
use crate::http::error::{ApiError, Code};
use crate::http::extract::Anonymous;
use crate::http::file_body::broken_off;
use crate::http::query::Query;
use crate::ids::{ArtifactId, DeploymentId};
use crate::releases::Releases;

/// Keeps these links apart from every other kind.
const AUDIENCE: &str = "device-download";

/// What authorises a link.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "names the parameters in the description")]
pub struct Authority {
    /// When the link ends, in seconds since 1970.
    expires: i64,
    /// The server's signature over the link.
    signature: String,
}

/// A link to an offered artifact, bound to deployment, device and the key that the device has now: path and query,
/// and when it ends.
pub(super) fn link(core: &Core, session: &DeviceSession, offer: &Offer) -> (String, DateTime<Utc>) {
    let ttl = i64::try_from(core.config.download_link_ttl_secs).unwrap_or(i64::MAX);
    let now = core.clock.now();
    let expires_at = TimeDelta::try_seconds(ttl).and_then(|ttl| now.checked_add_signed(ttl)).unwrap_or(now);
    let [deployment, device, artifact] =
        [offer.deployment.to_string(), session.id.to_string(), offer.artifact.to_string()];
    let key = core.fleet.accepted_auth_set(session.number).map(|set| set.to_string()).unwrap_or_default();
    let signature = core.links.sign(AUDIENCE, &[&deployment, &device, &artifact, &key], expires_at);
    let expires = expires_at.timestamp();
    let path = format!(
        "/api/devices/v1/deployments/download/{deployment}/{device}/{artifact}?expires={expires}&signature={signature}"
    );
    (path, expires_at)
}

/// Fetches an offered artifact, whole or from an offset. The link is the authority: no client sends a token.
#[utoipa::path(
    get,
    path = "/api/devices/v1/deployments/download/{deployment}/{device}/{artifact}",
    tag = "Device API: deployments",
    params(
        ("deployment" = String, Path, description = "Deployment id"),
        ("device" = String, Path, description = "Device id"),
        ("artifact" = String, Path, description = "Artifact id"),
        Authority,
    ),
    responses(
        (status = 200, description = "The artifact", content_type = "application/octet-stream"),
        (status = 206, description = "A part of it"),
        (status = 304, description = "Not changed since it was fetched"),
        (status = 400, description = "Malformed link"),
        (status = 403, description = "Expired or foreign link, or the device may not fetch it any more"),
        (status = 404, description = "The artifact does not exist any more"),
        (status = 416, description = "No such part"),
    )
)]
pub async fn download(
    caller: Anonymous,
    request: HttpRequest,
    path: web::Path<(String, String, String)>,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    serve(caller.core(), &request, path.into_inner(), &query).await
}

/// Tells what a fetch would bring, without the bytes.
#[utoipa::path(
    head,
    path = "/api/devices/v1/deployments/download/{deployment}/{device}/{artifact}",
    tag = "Device API: deployments",
    params(
        ("deployment" = String, Path, description = "Deployment id"),
        ("device" = String, Path, description = "Device id"),
        ("artifact" = String, Path, description = "Artifact id"),
        Authority,
    ),
    responses(
        (status = 200, description = "The headers of the artifact"),
        (status = 400, description = "Malformed link"),
        (status = 403, description = "Expired or foreign link, or the device may not fetch it any more"),
        (status = 404, description = "The artifact does not exist any more"),
    )
)]
pub async fn download_head(
    caller: Anonymous,
    request: HttpRequest,
    path: web::Path<(String, String, String)>,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    serve(caller.core(), &request, path.into_inner(), &query).await
}

async fn serve(
    core: &Core,
    request: &HttpRequest,
    path: (String, String, String),
    query: &Query,
) -> Result<HttpResponse, ApiError> {
    let link = Link::parse(core, path, query)?;
    let answer = fetch(core, request, &link).await;
    let is_resumed = request.method() == Method::GET && request.headers().contains_key(RANGE);
    match answer {
        // Any other answer to a resumed download makes a client of generation 5 hang until it is restarted; a
        // broken connection it takes as one more failed attempt (device protocol §3).
        Err(err) if is_resumed => {
            tracing::info!(device.id = %link.device.id, code = err.code().as_str(), "download not resumed");
            Ok(broken_off())
        }
        answer => answer,
    }
}

/// A link that this server made for a device that exists.
struct Link {
    deployment: DeploymentId,
    device: KnownDevice,
    artifact: ArtifactId,
    is_over: bool,
}

impl Link {
    fn parse(
        core: &Core,
        (deployment, device, artifact): (String, String, String),
        query: &Query,
    ) -> Result<Self, ApiError> {
        let expires_at = query.moment("expires")?.ok_or_else(malformed)?;
        let signature = query.get("signature").ok_or_else(malformed)?;
        let known = core.fleet.device(parse(&device)?);
        let known = known.ok_or_else(|| refused("the device does not exist any more"))?;
        // With the key that the link was made for, the device lost the link.
        let key = core.fleet.accepted_auth_set(known.number).map(|set| set.to_string()).unwrap_or_default();
        let parts = [deployment.as_str(), &device, &artifact, &key];
        match core.links.verify(AUDIENCE, &parts, expires_at, signature, core.clock.now()) {
            Err(LinkError::Invalid) => Err(refused("the link is not valid for this device any more")),
            verified => Ok(Self {
                deployment: parse(&deployment)?,
                device: known,
                artifact: parse(&artifact)?,
                is_over: verified == Err(LinkError::Expired),
            }),
        }
    }
}

/// Serves the artifact to a device that is accepted and has not ended the deployment.
async fn fetch(core: &Core, request: &HttpRequest, link: &Link) -> Result<HttpResponse, ApiError> {
    let device = &link.device;
    if link.is_over {
        return Err(refused("the link has expired"));
    }
    if device.status != DeviceStatus::Accepted {
        return Err(refused("the device is not accepted any more"));
    }
    if !core.fleet.is_active(device.tenant, link.deployment, device.number) {
        return Err(refused("the deployment has ended for this device"));
    }
    let scope = core.database.scope(device.tenant);
    let releases = Releases::new(scope, core.blobs.clone(), Arc::clone(&core.clock));
    Ok(artifact_answer(request, releases.content(link.artifact).await?))
}

fn refused(why: &str) -> ApiError {
    ApiError::new(Code::LinkRefused, why)
}

fn parse<T: std::str::FromStr>(id: &str) -> Result<T, ApiError> {
    id.parse().map_err(|_| malformed())
}

fn malformed() -> ApiError {
    ApiError::new(Code::BadRequest, "the link is malformed")
}
