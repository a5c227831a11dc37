//! Artifacts: listed, looked at, described, deleted (management API §4.1).

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::artifact_body::ArtifactBody;
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Requires, Sent};
use crate::http::listing::{Extent, part};
use crate::http::query::{MAX_PER_PAGE, Query};
use crate::ids::ArtifactId;
use crate::releases::{Artifact, ArtifactFilter, ArtifactOrder, ArtifactSort, TextMatch};
use crate::users::Permission;

/// Names that one list may ask for.
const MAX_NAMES: usize = 100;

/// May see and fetch artifacts and releases.
pub struct ReadArtifacts;
impl Requires for ReadArtifacts {
    const PERMISSION: Permission = Permission::ArtifactsRead;
}

/// May change what is said about artifacts.
pub struct UpdateArtifacts;
impl Requires for UpdateArtifacts {
    const PERMISSION: Permission = Permission::ArtifactsUpdate;
}

/// May delete artifacts and releases.
pub struct DeleteArtifacts;
impl Requires for DeleteArtifacts {
    const PERMISSION: Permission = Permission::ArtifactsDelete;
}

/// What is said about an artifact.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct Description {
    /// At most 4096 bytes.
    description: String,
}

/// Lists all artifacts, by name: what `mender-cli` 1.9 asks for.
#[utoipa::path(
    get,
    path = "/api/management/v1/deployments/artifacts",
    tag = "Management API: artifacts",
    params(
        ("name" = Option<String>, Query, description = "A part of the name, in any case"),
        ("description" = Option<String>, Query, description = "A part of the description, in any case"),
        ("device_type" = Option<String>, Query, description = "A part of a device type, in any case"),
    ),
    responses(
        (status = 200, description = "Artifacts", body = [ArtifactBody]),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn list_all(caller: AuthedUser<ReadArtifacts>, query: Query) -> Result<HttpResponse, ApiError> {
    let filter = parts_filter(&query);
    let (found, _) = caller.releases().artifacts(&filter, ArtifactOrder::default(), None).await?;
    let items = bodies(found, caller.now());
    Ok(HttpResponse::Ok().json(items))
}

/// Lists artifacts, a part at a time.
#[utoipa::path(
    get,
    path = "/api/management/v1/deployments/artifacts/list",
    tag = "Management API: artifacts",
    params(
        ("name" = Option<String>, Query, description = "A part of the name, in any case"),
        ("description" = Option<String>, Query, description = "A part of the description, in any case"),
        ("device_type" = Option<String>, Query, description = "A part of a device type, in any case"),
        ("sort" = Option<String>, Query, description = "name or modified, then :asc or :desc"),
        ("page" = Option<u64>, Query, description = "Part of the list, from 1"),
        ("per_page" = Option<u64>, Query, description = "Rows in a part, at most 500"),
    ),
    responses(
        (status = 200, description = "Artifacts", body = [ArtifactBody]),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn list_parts(
    caller: AuthedUser<ReadArtifacts>,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    let page = query.lenient_page(MAX_PER_PAGE);
    let (found, total) =
        caller.releases().artifacts(&parts_filter(&query), order(&query), Some(page)).await?;
    let items = bodies(found, caller.now());
    Ok(part(&request, &query, page, Extent::Total(total), &items))
}

/// Lists artifacts, by name, with names and device types given exactly or by their beginning.
#[utoipa::path(
    get,
    path = "/api/management/v2/deployments/artifacts",
    tag = "Management API: artifacts",
    params(
        ("name" = Option<Vec<String>>, Query, description = "Any of these names, or one beginning: `foo*`"),
        ("description" = Option<String>, Query, description = "The description, or its beginning: `foo*`"),
        ("device_type" = Option<String>, Query, description = "A device type, or its beginning: `foo*`"),
        ("page" = Option<u64>, Query, description = "Part of the list, from 1"),
        ("per_page" = Option<u64>, Query, description = "Rows in a part"),
    ),
    responses(
        (status = 200, description = "Artifacts", body = [ArtifactBody]),
        (status = 400, description = "Names and beginnings mixed, two beginnings, or too many names"),
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
    let filter = ArtifactFilter {
        name: patterns("name", &query)?,
        description: patterns("description", &query)?,
        device_type: patterns("device_type", &query)?,
    };
    // Here, unlike everywhere else, a part may have any size.
    let page = query.lenient_page(i64::MAX.unsigned_abs());
    let (found, total) = caller.releases().artifacts(&filter, ArtifactOrder::default(), Some(page)).await?;
    let has_more = page.page.saturating_mul(page.per_page) < total;
    let items = bodies(found, caller.now());
    Ok(part(&request, &query, page, Extent::More(has_more), &items))
}

/// An artifact.
#[utoipa::path(
    get,
    path = "/api/management/v1/deployments/artifacts/{id}",
    tag = "Management API: artifacts",
    params(("id" = String, Path, description = "Artifact id")),
    responses(
        (status = 200, description = "The artifact", body = ArtifactBody),
        (status = 400, description = "Not a UUID"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such artifact"),
    ),
    security(("user" = []))
)]
pub async fn get(caller: AuthedUser<ReadArtifacts>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let found = caller.releases().artifact(artifact_id(&id)?).await?;
    Ok(HttpResponse::Ok().json(ArtifactBody::new(found, caller.now())))
}

/// Changes the description of an artifact that no deployment used yet.
#[utoipa::path(
    put,
    path = "/api/management/v1/deployments/artifacts/{id}",
    tag = "Management API: artifacts",
    params(("id" = String, Path, description = "Artifact id")),
    request_body = Description,
    responses(
        (status = 204, description = "Changed"),
        (status = 400, description = "Malformed, too long, or not a UUID"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such artifact"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "Used in a deployment"),
    ),
    security(("user" = []))
)]
pub async fn describe(
    sent: Sent<UpdateArtifacts, Description>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, body) = sent;
    caller.releases().describe(artifact_id(&id)?, &body.description).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Deletes an artifact; its release goes with its last one.
#[utoipa::path(
    delete,
    path = "/api/management/v1/deployments/artifacts/{id}",
    tag = "Management API: artifacts",
    params(("id" = String, Path, description = "Artifact id")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 400, description = "Not a UUID"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such artifact"),
        (status = 409, description = "Used in an active deployment"),
    ),
    security(("user" = []))
)]
pub async fn delete(
    caller: AuthedUser<DeleteArtifacts>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller.releases().delete(artifact_id(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// How many bytes artifacts take; a limit of 0 is none.
#[utoipa::path(
    get,
    path = "/api/management/v1/deployments/limits/{name}",
    tag = "Management API: artifacts",
    params(("name" = String, Path, description = "`storage`")),
    responses(
        (status = 200, description = "`limit` and `usage`, in bytes"),
        (status = 400, description = "Unknown limit"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn limit(
    caller: AuthedUser<ReadArtifacts>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    if *name != "storage" {
        return Err(ApiError::new(Code::BadRequest, format!("unsupported limit {:?}", *name)));
    }
    let usage = caller.releases().total_size().await?;
    Ok(HttpResponse::Ok().json(json!({ "limit": 0, "usage": usage })))
}

pub(super) fn artifact_id(text: &str) -> Result<ArtifactId, ApiError> {
    text.parse().map_err(|_| ApiError::new(Code::BadRequest, "ID is not a valid UUID"))
}

fn bodies(found: Vec<Artifact>, now: DateTime<Utc>) -> Vec<ArtifactBody> {
    found.into_iter().map(|artifact| ArtifactBody::new(artifact, now)).collect()
}

pub(in crate::http) fn parts_filter(query: &Query) -> ArtifactFilter {
    let contains = |key| query.get(key).map(|text| TextMatch::Contains(text.to_owned()));
    ArtifactFilter {
        name: contains("name"),
        description: contains("description"),
        device_type: contains("device_type"),
    }
}

/// Lists of artifacts forgive a wrong order as they forgive a wrong page.
pub(in crate::http) fn order(query: &Query) -> ArtifactOrder {
    let Some((key, direction)) = query.sort() else { return ArtifactOrder::default() };
    let by = if key == "modified" { ArtifactSort::Modified } else { ArtifactSort::Name };
    ArtifactOrder { by, direction: direction.unwrap_or_default() }
}

/// Exact texts, or one beginning that ends in a star; `\*` at the end is a star that is meant.
pub(in crate::http) fn patterns(key: &str, query: &Query) -> Result<Option<TextMatch>, ApiError> {
    let refused = |why: &str| ApiError::new(Code::BadRequest, format!("{key}: {why}"));
    let mut exact = Vec::new();
    let mut beginning = None;
    for value in query.all(key).filter(|value| !value.is_empty()) {
        let unstarred = value.strip_suffix('*').filter(|rest| !rest.ends_with('\\'));
        match unstarred {
            Some(start) if beginning.is_none() => beginning = Some(start.to_owned()),
            Some(_) => return Err(refused("only one beginning can be given")),
            None => exact.push(value.replace("\\*", "*")),
        }
    }
    match beginning {
        Some(_) if !exact.is_empty() => Err(refused("exact values and a beginning cannot be mixed")),
        Some(start) => Ok(Some(TextMatch::StartsWith(start.replace("\\*", "*")))),
        None if exact.len() > MAX_NAMES => Err(refused(&format!("at most {MAX_NAMES} values can be given"))),
        None if exact.is_empty() => Ok(None),
        None => Ok(Some(TextMatch::AnyOf(exact))),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::FromRequest;
    use actix_web::test::TestRequest;

    use super::{Query, TextMatch, patterns};

    async fn names(text: &str) -> Result<Option<TextMatch>, ()> {
        let request = TestRequest::with_uri(&format!("/?{text}")).to_http_request();
        patterns("name", &Query::extract(&request).await.unwrap()).map_err(|_| ())
    }

    #[tokio::test]
    async fn names_are_exact_or_one_beginning() {
        let any_of =
            |names: &[&str]| Ok(Some(TextMatch::AnyOf(names.iter().map(|&name| name.to_owned()).collect())));
        assert_eq!(names("").await, Ok(None));
        assert_eq!(names("name=").await, Ok(None));
        assert_eq!(names("name=a&name=b").await, any_of(&["a", "b"]));
        assert_eq!(names("name=a*").await, Ok(Some(TextMatch::StartsWith("a".to_owned()))));
        assert_eq!(names("name=a%5C*").await, any_of(&["a*"]));
        assert!(names("name=a*&name=b").await.is_err());
        assert!(names("name=a*&name=b*").await.is_err());
        assert!(names(&"name=a&".repeat(101)).await.is_err());
    }
}
