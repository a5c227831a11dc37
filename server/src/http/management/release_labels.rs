//! What people put on releases: notes and tags (management API §4.2).

use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::artifacts::{ReadArtifacts, UpdateArtifacts};
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Sent};
use crate::releases::{InvalidLabel, Notes, Tags};

/// What changes about a release.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct ReleaseChange {
    /// At most 1024 characters that can be printed.
    #[schema(max_length = 1024)]
    notes: String,
}

/// Changes what is noted about a release.
#[utoipa::path(
    patch,
    path = "/api/management/v2/deployments/deployments/releases/{name}",
    tag = "Management API: releases",
    params(("name" = String, Path, description = "Release")),
    request_body = ReleaseChange,
    responses(
        (status = 204, description = "Changed"),
        (status = 400, description = "Malformed, too long, or not to be printed"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such release"),
        (status = 413, description = "Too large"),
        (status = 415, description = "Not JSON"),
    ),
    security(("user" = []))
)]
pub async fn change(
    sent: Sent<UpdateArtifacts, ReleaseChange>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, body) = sent;
    caller.releases().set_notes(&name, &Notes::new(body.notes)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Replaces the tags of a release; capitals become small letters.
#[utoipa::path(
    put,
    path = "/api/management/v2/deployments/deployments/releases/{name}/tags",
    tag = "Management API: releases",
    params(("name" = String, Path, description = "Release")),
    request_body(content = Vec<String>, description = "At most 20 tags of the characters A-Z, a-z, 0-9, _, - and ."),
    responses(
        (status = 204, description = "Changed"),
        (status = 400, description = "Malformed, not tags, or too many"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such release"),
        (status = 409, description = "All releases would have more than 100 different tags together"),
        (status = 413, description = "Too large"),
        (status = 415, description = "Not JSON"),
    ),
    security(("user" = []))
)]
pub async fn put_tags(
    sent: Sent<UpdateArtifacts, Vec<String>>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, tags) = sent;
    caller.releases().set_tags(&name, &Tags::new(tags)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The tags of all releases.
#[utoipa::path(
    get,
    path = "/api/management/v2/deployments/releases/all/tags",
    tag = "Management API: releases",
    responses(
        (status = 200, description = "Each tag once, in the order of the alphabet", body = [String]),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn all_tags(caller: AuthedUser<ReadArtifacts>) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(caller.releases().all_tags().await?))
}

/// The types of the payloads of all releases.
#[utoipa::path(
    get,
    path = "/api/management/v2/deployments/releases/all/types",
    tag = "Management API: releases",
    responses(
        (status = 200, description = "Each type once, in the order of the alphabet", body = [String]),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn all_types(caller: AuthedUser<ReadArtifacts>) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(caller.releases().all_payload_types().await?))
}

impl From<InvalidLabel> for ApiError {
    fn from(err: InvalidLabel) -> Self {
        Self::new(Code::BadRequest, err.to_string())
    }
}
