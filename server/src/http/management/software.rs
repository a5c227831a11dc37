//! Releases as the newest console asks for them (management API §4.2).

use std::collections::BTreeSet;

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::artifacts::ReadArtifacts;
use super::releases::{order, tags};
use super::timestamp;
use crate::http::error::{ApiError, Code};
use crate::http::extract::AuthedUser;
use crate::http::listing::{Extent, part};
use crate::http::query::{MAX_PER_PAGE, Query};
use crate::releases::{Release, ReleaseFilter, ReleasedArtifact, TextMatch};

/// Names that one list may ask for.
const MAX_NAMES: usize = 100;

/// Something that can be rolled out.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SoftwareBody {
    name: String,
    /// Always `release`.
    kind: &'static str,
    modified: String,
    tags: Vec<String>,
    notes: String,
    /// The device types of all artifacts.
    compatible_types: BTreeSet<String>,
}

impl From<Release> for SoftwareBody {
    fn from(release: Release) -> Self {
        let types = release.artifacts.into_iter().flat_map(|artifact| artifact.contents.device_types);
        Self {
            name: release.name,
            kind: "release",
            modified: timestamp(release.updated_at),
            tags: release.tags,
            notes: release.notes,
            compatible_types: types.collect(),
        }
    }
}

/// Lists what can be rolled out.
#[utoipa::path(
    get,
    path = "/api/management/v1alpha1/deployments/software",
    tag = "Management API: releases",
    params(
        ("name" = Option<Vec<String>>, Query, description = "Any of these names"),
        ("name_prefix" = Option<String>, Query, description = "The beginning of the name; not together with `name`"),
        ("kind" = Option<Vec<String>>, Query, description = "`release` or `manifest`; there are no manifests"),
        ("tag" = Option<Vec<String>>, Query, description = "Any of these tags"),
        ("update_type" = Option<String>, Query, description = "The type of a payload"),
        ("sort" = Option<String>, Query, description = "name, modified, artifacts_count or tags, then :asc or :desc"),
        ("page" = Option<u64>, Query, description = "Part of the list, from 1"),
        ("per_page" = Option<u64>, Query, description = "Rows in a part, at most 500"),
    ),
    responses(
        (status = 200, description = "What can be rolled out", body = [SoftwareBody]),
        (status = 400, description = "Names and a beginning mixed, too many names, an unknown kind or a wrong page"),
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
    let page = query.page(MAX_PER_PAGE)?;
    let filter = ReleaseFilter {
        name: name(&query)?,
        tags: tags(&query),
        artifact: ReleasedArtifact {
            payload_type: query.get("update_type").map(str::to_owned),
            ..ReleasedArtifact::default()
        },
    };
    let (found, total) = if releases_are_asked_for(&query)? {
        caller.releases().list(&filter, order(&query), Some(page)).await?
    } else {
        (Vec::new(), 0)
    };
    let items: Vec<SoftwareBody> = found.into_iter().map(SoftwareBody::from).collect();
    Ok(part(&request, &query, page, Extent::Total(total), &items))
}

/// The tags of all that can be rolled out.
#[utoipa::path(
    get,
    path = "/api/management/v1alpha1/deployments/software/tags",
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

fn name(query: &Query) -> Result<Option<TextMatch>, ApiError> {
    let refused = |why: String| Err(ApiError::new(Code::BadRequest, why));
    let names: Vec<String> = query.all("name").filter(|name| !name.is_empty()).map(str::to_owned).collect();
    match query.get("name_prefix") {
        Some(_) if !names.is_empty() => refused("name and name_prefix cannot be mixed".to_owned()),
        Some(start) => Ok(Some(TextMatch::StartsWith(start.to_owned()))),
        None if names.len() > MAX_NAMES => refused(format!("name: at most {MAX_NAMES} can be given")),
        None if names.is_empty() => Ok(None),
        None => Ok(Some(TextMatch::AnyOf(names))),
    }
}

fn releases_are_asked_for(query: &Query) -> Result<bool, ApiError> {
    let kinds: Vec<&str> = query.all("kind").filter(|kind| !kind.is_empty()).collect();
    match kinds.iter().find(|kind| !matches!(**kind, "release" | "manifest")) {
        Some(kind) => Err(ApiError::new(Code::BadRequest, format!("kind: {kind:?} is unknown"))),
        None => Ok(kinds.is_empty() || kinds.contains(&"release")),
    }
}
