//! Devices download what was offered to them (device protocol §3).

use std::str::FromStr;

use actix_web::http::Method;
use actix_web::http::header::RANGE;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::deployments::downloads::{DownloadError, DownloadLink};
use crate::http::content::artifact_answer;
use crate::http::error::{ApiError, Code};
use crate::http::extract::Anonymous;
use crate::http::file_body::broken_off;
use crate::http::query::Query;
use crate::telemetry::chain;

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

/// The path and query of a link.
pub(in crate::http) fn target(link: &DownloadLink) -> String {
    let DownloadLink { deployment, device, artifact, expires_at, signature } = link;
    let expires = expires_at.timestamp();
    format!(
        "/api/devices/v1/deployments/download/{deployment}/{device}/{artifact}?expires={expires}&signature={signature}"
    )
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
    serve(&caller, &request, &path, &query).await
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
    serve(&caller, &request, &path, &query).await
}

async fn serve(
    caller: &Anonymous,
    request: &HttpRequest,
    path: &(String, String, String),
    query: &Query,
) -> Result<HttpResponse, ApiError> {
    let link = link(path, query)?;
    let is_resumed = request.method() == Method::GET && request.headers().contains_key(RANGE);
    match caller.downloads().open(&link).await {
        Ok(content) => Ok(artifact_answer(request, content)),
        // Of a stranger nothing is known, so it gets a plain answer.
        Err(err @ DownloadError::Invalid) => Err(err.into()),
        // Any other answer to a resumed download makes a client of generation 5 hang until it is restarted; a
        // broken connection it takes as one more failed attempt (device protocol §3).
        Err(err) if is_resumed => {
            tracing::info!(device.id = %link.device, error = chain(&err), "download not resumed");
            Ok(broken_off())
        }
        Err(err) => Err(err.into()),
    }
}

pub(in crate::http) fn link(
    (deployment, device, artifact): &(String, String, String),
    query: &Query,
) -> Result<DownloadLink, ApiError> {
    Ok(DownloadLink {
        deployment: parse(deployment)?,
        device: parse(device)?,
        artifact: parse(artifact)?,
        expires_at: query.moment("expires")?.ok_or_else(malformed)?,
        signature: query.get("signature").ok_or_else(malformed)?.to_owned(),
    })
}

fn parse<T: FromStr>(id: &str) -> Result<T, ApiError> {
    id.parse().map_err(|_| malformed())
}

fn malformed() -> ApiError {
    ApiError::new(Code::BadRequest, "the link is malformed")
}

impl From<DownloadError> for ApiError {
    fn from(err: DownloadError) -> Self {
        match err {
            DownloadError::Release(err) => err.into(),
            DownloadError::Invalid
            | DownloadError::Expired
            | DownloadError::NotAccepted(_)
            | DownloadError::Suspended
            | DownloadError::Ended
            | DownloadError::Untrusted => Self::new(Code::LinkRefused, err.to_string()),
        }
    }
}
