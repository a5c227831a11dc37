//! Lists of deployments, and their statistics (management API §4.3).

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::deployment_body::{DeploymentBody, statistics};
use super::deployments::{ReadDeployments, deployment_id};
use crate::deployments::DeploymentStatus;
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Sent};
use crate::http::listing::{Extent, part};
use crate::http::query::{MAX_PER_PAGE, Query};
use crate::storage::deployments::DeploymentFilter;

/// Deployments whose statistics are asked for.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct StatisticsQuestion {
    /// Deployment ids.
    deployment_ids: Vec<String>,
}

/// Lists deployments, newest first.
#[utoipa::path(
    get,
    path = "/api/management/v2/deployments/deployments",
    tag = "Management API: deployments",
    params(
        ("id" = Option<Vec<String>>, Query, description = "Any of these ids"),
        ("name" = Option<Vec<String>>, Query, description = "Any of these names"),
        ("status" = Option<String>, Query, description = "inprogress, finished, pending, scheduled or aborted"),
        ("type" = Option<String>, Query, description = "software or configuration"),
        ("created_before" = Option<i64>, Query, description = "Seconds since 1970"),
        ("created_after" = Option<i64>, Query, description = "Seconds since 1970"),
        ("sort" = Option<String>, Query, description = "asc or desc, by creation"),
        ("page" = Option<u64>, Query, description = "Part of the list, from 1"),
        ("per_page" = Option<u64>, Query, description = "Rows in a part, at most 500"),
    ),
    responses(
        (status = 200, description = "Deployments", body = [DeploymentBody]),
        (status = 400, description = "Malformed query, or both ids and names"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn list(
    caller: AuthedUser<ReadDeployments>,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    let mut filter = common_filter(&query)?;
    name_some(&mut filter, &query)?;
    answer(&caller, &request, &query, &filter).await
}

/// Lists deployments by a part of their name or release: the older form.
#[utoipa::path(
    get,
    path = "/api/management/v1/deployments/deployments",
    tag = "Management API: deployments",
    params(
        ("search" = Option<String>, Query, description = "A part of name or release"),
        ("status" = Option<String>, Query, description = "inprogress, finished, pending, scheduled or aborted"),
        ("type" = Option<String>, Query, description = "software or configuration"),
        ("created_before" = Option<i64>, Query, description = "Seconds since 1970"),
        ("created_after" = Option<i64>, Query, description = "Seconds since 1970"),
        ("sort" = Option<String>, Query, description = "asc or desc, by creation"),
        ("page" = Option<u64>, Query, description = "Part of the list, from 1"),
        ("per_page" = Option<u64>, Query, description = "Rows in a part, at most 500"),
    ),
    responses(
        (status = 200, description = "Deployments", body = [DeploymentBody]),
        (status = 400, description = "Malformed query"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn list_v1(
    caller: AuthedUser<ReadDeployments>,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    let mut filter = common_filter(&query)?;
    filter.search = query.get("search").map(str::to_owned);
    answer(&caller, &request, &query, &filter).await
}

async fn answer(
    caller: &AuthedUser<ReadDeployments>,
    request: &HttpRequest,
    query: &Query,
    filter: &DeploymentFilter,
) -> Result<HttpResponse, ApiError> {
    let page = query.page(MAX_PER_PAGE)?;
    // Configuration deployments do not exist yet, so none is of that type.
    let none_match = match query.get("type") {
        None | Some("software") => false,
        Some("configuration") => true,
        Some(other) => return Err(unknown("type", other)),
    };
    let (found, total) =
        if none_match { (Vec::new(), 0) } else { caller.deployments().list(filter, page).await? };
    let now = caller.now();
    let items: Vec<DeploymentBody> = found.into_iter().map(|found| DeploymentBody::at(found, now)).collect();
    Ok(part(request, query, page, Extent::Total(total), &items))
}

/// How many devices of a deployment are in each state.
#[utoipa::path(
    get,
    path = "/api/management/v1/deployments/deployments/{id}/statistics",
    tag = "Management API: deployments",
    params(("id" = String, Path, description = "Deployment id")),
    responses(
        (status = 200, description = "One counter for each state"),
        (status = 400, description = "Not a UUID"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such deployment"),
    ),
    security(("user" = []))
)]
pub async fn get_statistics(
    caller: AuthedUser<ReadDeployments>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let found = caller.deployments().get(deployment_id(&id)?).await?;
    Ok(HttpResponse::Ok().json(statistics(&found.statistics)))
}

/// The statistics of several deployments.
#[utoipa::path(
    post,
    path = "/api/management/v1/deployments/deployments/statistics/list",
    tag = "Management API: deployments",
    request_body = StatisticsQuestion,
    responses(
        (status = 200, description = "`id` and `stats` of each"),
        (status = 400, description = "Malformed, or not a UUID"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "One of them does not exist"),
        (status = 415, description = "Not JSON"),
    ),
    security(("user" = []))
)]
pub async fn list_statistics(
    sent: Sent<ReadDeployments, StatisticsQuestion>,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, question) = sent;
    let ids = question.deployment_ids;
    if ids.is_empty() {
        // Existing clients get an object here, not an array.
        return Ok(HttpResponse::Ok().json(Value::Object(Map::new())));
    }
    if u64::try_from(ids.len()).is_ok_and(|count| count > MAX_PER_PAGE) {
        let message = format!("deployment_ids: at most {MAX_PER_PAGE} can be named");
        return Err(ApiError::new(Code::BadRequest, message));
    }
    let mut answers = Vec::with_capacity(ids.len());
    for id in &ids {
        let found = caller.deployments().get(deployment_id(id)?).await?;
        answers.push(json!({ "id": id, "stats": statistics(&found.statistics) }));
    }
    Ok(HttpResponse::Ok().json(answers))
}

/// Narrows a list to ids or to names; not to both, and an empty name is none.
pub(in crate::http) fn name_some(filter: &mut DeploymentFilter, query: &Query) -> Result<(), ApiError> {
    filter.names = query.all("name").filter(|name| !name.is_empty()).map(str::to_owned).collect();
    for id in query.all("id") {
        filter.ids.push(deployment_id(id)?);
    }
    if !filter.ids.is_empty() && !filter.names.is_empty() {
        return Err(ApiError::new(Code::BadRequest, "id and name cannot be given together"));
    }
    Ok(())
}

fn unknown(key: &str, value: &str) -> ApiError {
    ApiError::new(Code::BadRequest, format!("unknown {key} {value:?}"))
}

pub(in crate::http) fn common_filter(query: &Query) -> Result<DeploymentFilter, ApiError> {
    let mut filter = DeploymentFilter {
        created_before: query.moment("created_before")?,
        created_after: query.moment("created_after")?,
        oldest_first: match query.get("sort") {
            None | Some("desc") => false,
            Some("asc") => true,
            Some(other) => return Err(unknown("sort", other)),
        },
        ..DeploymentFilter::default()
    };
    match query.get("status") {
        None => {}
        Some("scheduled") => filter.statuses.push(DeploymentStatus::Scheduled),
        Some("pending") => filter.statuses.push(DeploymentStatus::Pending),
        Some("inprogress") => filter.statuses.push(DeploymentStatus::InProgress),
        Some("finished") => filter.statuses.push(DeploymentStatus::Finished),
        Some("aborted") => filter.aborted = true,
        Some(other) => return Err(unknown("status", other)),
    }
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use actix_web::FromRequest as _;
    use actix_web::test::TestRequest;

    use super::{DeploymentFilter, Query, name_some};

    async fn named(text: &str) -> Option<(usize, Vec<String>)> {
        let request = TestRequest::with_uri(&format!("/?{text}")).to_http_request();
        let mut filter = DeploymentFilter::default();
        name_some(&mut filter, &Query::extract(&request).await.unwrap()).ok()?;
        Some((filter.ids.len(), filter.names))
    }

    #[tokio::test]
    async fn ids_and_names_exclude_each_other_and_an_empty_name_is_none() {
        let id = "id=0192f0a0-0000-7000-8000-000000000001";
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(named("name=a&name=&name=b").await, Some((0, names(&["a", "b"]))));
        assert_eq!(named("name=").await, Some((0, names(&[]))));
        assert_eq!(named(&format!("{id}&{id}&name=")).await, Some((2, names(&[]))));
        assert_eq!(named(&format!("{id}&name=a")).await, None);
        assert_eq!(named("id=a").await, None);
    }
}
