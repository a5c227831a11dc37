//! Releases: all artifacts of one name (management API §4.2).

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::artifact_body::ArtifactBody;
use super::artifacts::{DeleteArtifacts, ReadArtifacts};
use super::timestamp;
use crate::http::error::{ApiError, Code};
use crate::http::extract::AuthedUser;
use crate::http::listing::{Extent, part};
use crate::http::query::{MAX_PER_PAGE, Query};
use crate::http::request_id::RequestId;
use crate::releases::{
    Release, ReleaseError, ReleaseFilter, ReleaseOrder, ReleaseSort, ReleasedArtifact, Releases, TextMatch,
};
use crate::storage::Page;

/// A release, as clients take it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ReleaseBody {
    name: String,
    modified: String,
    tags: Vec<String>,
    notes: String,
    artifacts: Vec<ArtifactBody>,
    artifacts_count: usize,
}

/// A release as version 1 spells it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct OldReleaseBody {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Artifacts")]
    artifacts: Vec<ArtifactBody>,
    #[serde(rename = "ArtifactsCount")]
    artifacts_count: usize,
    modified: String,
    tags: Vec<String>,
    notes: String,
}

#[derive(Serialize)]
struct InUseBody {
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    code: &'static str,
    active_deployments: Vec<String>,
}

impl ReleaseBody {
    fn new(release: Release, now: DateTime<Utc>) -> Self {
        Self {
            name: release.name,
            modified: timestamp(release.updated_at),
            tags: release.tags,
            notes: release.notes,
            artifacts_count: release.artifacts.len(),
            artifacts: release
                .artifacts
                .into_iter()
                .map(|artifact| ArtifactBody::new(artifact, now))
                .collect(),
        }
    }
}

impl OldReleaseBody {
    fn new(release: Release, now: DateTime<Utc>) -> Self {
        let ReleaseBody { name, modified, tags, notes, artifacts, artifacts_count } =
            ReleaseBody::new(release, now);
        Self { name, artifacts, artifacts_count, modified, tags, notes }
    }
}

/// Lists releases.
#[utoipa::path(
    get,
    path = "/api/management/v2/deployments/deployments/releases",
    tag = "Management API: releases",
    params(
        ("name" = Option<String>, Query, description = "A part of the name, in any case"),
        ("tag" = Option<Vec<String>>, Query, description = "Any of these tags"),
        ("update_type" = Option<String>, Query, description = "The type of a payload"),
        ("sort" = Option<String>, Query, description = "name, modified, artifacts_count or tags, then :asc or :desc"),
        ("page" = Option<u64>, Query, description = "Part of the list, from 1"),
        ("per_page" = Option<u64>, Query, description = "Rows in a part, at most 500"),
    ),
    responses(
        (status = 200, description = "Releases", body = [ReleaseBody]),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn list(
    caller: AuthedUser<ReadArtifacts>,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    let page = query.lenient_page(MAX_PER_PAGE);
    let (found, total) = find(&caller.releases(), &query, Some(page)).await?;
    let now = caller.now();
    let items: Vec<ReleaseBody> = found.into_iter().map(|release| ReleaseBody::new(release, now)).collect();
    Ok(part(&request, &query, page, Extent::Total(total), &items))
}

/// Lists all releases: the older form.
#[utoipa::path(
    get,
    path = "/api/management/v1/deployments/deployments/releases",
    tag = "Management API: releases",
    params(
        ("name" = Option<String>, Query, description = "A part of the name, in any case"),
        ("description" = Option<String>, Query, description = "A part of an artifact's description, in any case"),
        ("device_type" = Option<String>, Query, description = "A part of a device type, in any case"),
        ("tag" = Option<Vec<String>>, Query, description = "Any of these tags"),
        ("update_type" = Option<String>, Query, description = "The type of a payload"),
    ),
    responses(
        (status = 200, description = "Releases", body = [OldReleaseBody]),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn list_all_v1(caller: AuthedUser<ReadArtifacts>, query: Query) -> Result<HttpResponse, ApiError> {
    let (found, _) = find(&caller.releases(), &query, None).await?;
    let now = caller.now();
    let items: Vec<OldReleaseBody> =
        found.into_iter().map(|release| OldReleaseBody::new(release, now)).collect();
    Ok(HttpResponse::Ok().json(items))
}

/// Lists releases, a part at a time: the older form.
#[utoipa::path(
    get,
    path = "/api/management/v1/deployments/deployments/releases/list",
    tag = "Management API: releases",
    params(
        ("name" = Option<String>, Query, description = "A part of the name, in any case"),
        ("description" = Option<String>, Query, description = "A part of an artifact's description, in any case"),
        ("device_type" = Option<String>, Query, description = "A part of a device type, in any case"),
        ("tag" = Option<Vec<String>>, Query, description = "Any of these tags"),
        ("update_type" = Option<String>, Query, description = "The type of a payload"),
        ("sort" = Option<String>, Query, description = "name, modified, artifacts_count or tags, then :asc or :desc"),
        ("page" = Option<u64>, Query, description = "Part of the list, from 1"),
        ("per_page" = Option<u64>, Query, description = "Rows in a part, at most 500"),
    ),
    responses(
        (status = 200, description = "Releases", body = [OldReleaseBody]),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn list_parts_v1(
    caller: AuthedUser<ReadArtifacts>,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    let page = query.lenient_page(MAX_PER_PAGE);
    let (found, total) = find(&caller.releases(), &query, Some(page)).await?;
    let now = caller.now();
    let items: Vec<OldReleaseBody> =
        found.into_iter().map(|release| OldReleaseBody::new(release, now)).collect();
    Ok(part(&request, &query, page, Extent::Total(total), &items))
}

/// A release.
#[utoipa::path(
    get,
    path = "/api/management/v2/deployments/deployments/releases/{name}",
    tag = "Management API: releases",
    params(("name" = String, Path, description = "Release")),
    responses(
        (status = 200, description = "The release", body = ReleaseBody),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such release"),
    ),
    security(("user" = []))
)]
pub async fn get(
    caller: AuthedUser<ReadArtifacts>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(ReleaseBody::new(caller.releases().get(&name).await?, caller.now())))
}

/// Deletes releases with all their artifacts, or none of them.
#[utoipa::path(
    delete,
    path = "/api/management/v2/deployments/deployments/releases",
    tag = "Management API: releases",
    params(("name" = Vec<String>, Query, description = "The releases")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 400, description = "No release is named"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 409, description = "Used in the deployments `active_deployments`"),
    ),
    security(("user" = []))
)]
pub async fn delete(caller: AuthedUser<DeleteArtifacts>, query: Query) -> Result<HttpResponse, ApiError> {
    let names: Vec<String> = query.all("name").filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if names.is_empty() {
        return Err(ApiError::new(Code::BadRequest, "name: no release is named"));
    }
    match caller.releases().delete_releases(names).await {
        Ok(()) => Ok(HttpResponse::NoContent().finish()),
        // Here clients look for the deployments at the top of the body.
        Err(err @ ReleaseError::InUse { .. }) => Ok(HttpResponse::Conflict().json(in_use(&err))),
        Err(err) => Err(err.into()),
    }
}

fn in_use(err: &ReleaseError) -> InUseBody {
    let active = if let ReleaseError::InUse { deployments } = err { deployments.as_slice() } else { &[] };
    InUseBody {
        error: err.to_string(),
        request_id: RequestId::current().map(|id| id.as_str().to_owned()),
        code: Code::Conflict.as_str(),
        active_deployments: active.iter().map(ToString::to_string).collect(),
    }
}

/// The releases that a query asks for, or a part of them, and how many there are.
async fn find(
    releases: &Releases,
    query: &Query,
    page: Option<Page>,
) -> Result<(Vec<Release>, u64), ApiError> {
    Ok(releases.list(&filter(query), order(query), page).await?)
}

fn filter(query: &Query) -> ReleaseFilter {
    let contains = |key| query.get(key).map(|part| TextMatch::Contains(part.to_owned()));
    ReleaseFilter {
        name: contains("name"),
        tags: tags(query),
        artifact: ReleasedArtifact {
            description: contains("description"),
            device_type: contains("device_type"),
            payload_type: query.get("update_type").map(str::to_owned),
        },
    }
}

/// The tags of which a release must have one; they are stored in small letters.
pub(super) fn tags(query: &Query) -> Vec<String> {
    query.all("tag").filter(|tag| !tag.is_empty()).map(str::to_lowercase).collect()
}

/// Lists of releases forgive a wrong order as they forgive a wrong page.
pub(super) fn order(query: &Query) -> ReleaseOrder {
    let Some((key, direction)) = query.sort() else { return ReleaseOrder::default() };
    let by = match key {
        "modified" => ReleaseSort::Modified,
        "artifacts_count" => ReleaseSort::ArtifactsCount,
        "tags" => ReleaseSort::Tags,
        _ => ReleaseSort::Name,
    };
    ReleaseOrder { by, direction: direction.unwrap_or_default() }
}
