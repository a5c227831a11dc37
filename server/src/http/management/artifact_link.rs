//! Users fetch artifacts through links (management API §4.1): tools follow them without a token.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::artifacts::{ReadArtifacts, artifact_id};
use super::timestamp;
use crate::crypto::signed_link::LinkAuthority;
use crate::http::base_url::base_url;
use crate::http::content::artifact_answer;
use crate::http::error::{ApiError, Code};
use crate::http::extract::{Anonymous, AuthedUser};
use crate::http::query::Query;
use crate::ids::{ArtifactId, TenantId};

/// Keeps these links apart from every other kind.
const AUDIENCE: &str = "user-download";

/// How long a link works.
const LINK_LIFE: TimeDelta = TimeDelta::minutes(15);

/// Where an artifact can be fetched.
#[derive(Serialize, utoipa::ToSchema)]
pub struct LinkBody {
    /// The link.
    uri: String,
    /// When it ends.
    expire: String,
}

/// What authorises a link.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "names the parameters in the description")]
pub struct LinkQuery {
    /// When the link ends, in seconds since 1970.
    expires: i64,
    /// The tenant that the artifact belongs to.
    tenant: String,
    /// The server's signature over the link.
    signature: String,
}

/// A link to fetch an artifact with, good for a quarter of an hour.
#[utoipa::path(
    get,
    path = "/api/management/v1/deployments/artifacts/{id}/download",
    tag = "Management API: artifacts",
    params(("id" = String, Path, description = "Artifact id")),
    responses(
        (status = 200, description = "The link", body = LinkBody),
        (status = 400, description = "Not a UUID"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such artifact"),
    ),
    security(("user" = []))
)]
pub async fn download(
    caller: AuthedUser<ReadArtifacts>,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let artifact = caller.releases().artifact(artifact_id(&id)?).await?;
    let now = caller.now();
    let expires_at = now.checked_add_signed(LINK_LIFE).unwrap_or(now);
    let path = link(caller.links(), caller.principal().tenant, artifact.id, expires_at);
    let uri = format!("{}{path}", base_url(caller.public_url(), &request)?);
    Ok(HttpResponse::Ok().json(LinkBody { uri, expire: timestamp(expires_at) }))
}

/// Fetches an artifact, whole or from an offset. The link is the authority.
#[utoipa::path(
    get,
    path = "/api/management/v1/deployments/artifacts/{id}/content",
    tag = "Management API: artifacts",
    params(("id" = String, Path, description = "Artifact id"), LinkQuery),
    responses(
        (status = 200, description = "The artifact", content_type = "application/vnd.mender-artifact"),
        (status = 206, description = "The part of it that was asked for", content_type = "application/vnd.mender-artifact"),
        (status = 400, description = "Malformed link"),
        (status = 403, description = "Expired or foreign link"),
        (status = 404, description = "The artifact does not exist any more"),
        (status = 416, description = "The artifact has no such part"),
    )
)]
pub async fn content(
    caller: Anonymous,
    request: HttpRequest,
    id: web::Path<String>,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    serve(&caller, &request, &id, &query).await
}

/// The same without the bytes.
#[utoipa::path(
    head,
    path = "/api/management/v1/deployments/artifacts/{id}/content",
    tag = "Management API: artifacts",
    params(("id" = String, Path, description = "Artifact id"), LinkQuery),
    responses(
        (status = 200, description = "The headers of the artifact"),
        (status = 400, description = "Malformed link"),
        (status = 403, description = "Expired or foreign link"),
        (status = 404, description = "The artifact does not exist any more"),
    )
)]
pub async fn content_head(
    caller: Anonymous,
    request: HttpRequest,
    id: web::Path<String>,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    serve(&caller, &request, &id, &query).await
}

fn link(links: &LinkAuthority, tenant: TenantId, artifact: ArtifactId, expires_at: DateTime<Utc>) -> String {
    let (tenant, artifact) = (tenant.to_string(), artifact.to_string());
    let signature = links.sign(AUDIENCE, &[&tenant, &artifact], expires_at);
    let expires = expires_at.timestamp();
    format!(
        "/api/management/v1/deployments/artifacts/{artifact}/content?expires={expires}&tenant={tenant}&signature={signature}"
    )
}

async fn serve(
    caller: &Anonymous,
    request: &HttpRequest,
    artifact: &str,
    query: &Query,
) -> Result<HttpResponse, ApiError> {
    let malformed = || ApiError::new(Code::BadRequest, "the link is malformed");
    let expires_at = query.moment("expires")?.ok_or_else(malformed)?;
    let (tenant, signature) = query.get("tenant").zip(query.get("signature")).ok_or_else(malformed)?;
    let releases = caller
        .linked_releases(AUDIENCE, [tenant, artifact], expires_at, signature)
        .map_err(|err| ApiError::new(Code::LinkRefused, err.to_string()))?;
    let content = releases.content(artifact.parse().map_err(|_| malformed())?).await?;
    Ok(artifact_answer(request, content))
}
