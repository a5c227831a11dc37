//! Filters that a tenant keeps under names (management API §3).

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::groups::WriteGroups;
use super::inventory::{InventoryBody, ReadInventory};
use super::inventory_search::TermBody;
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Sent};
use crate::http::failure::storage_failure;
use crate::http::listing::{Extent, part};
use crate::http::query::{MAX_PER_PAGE, Query};
use crate::ids::FilterId;
use crate::inventory::{FilterError, SavedFilter, Term};

/// A filter that is kept.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SavedFilterBody {
    id: String,
    name: String,
    terms: Vec<TermBody>,
}

/// A filter to be kept.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct NewFilterBody {
    /// 1 to 256 characters.
    name: String,
    /// All of these must be true; at least one.
    terms: Vec<TermBody>,
}

/// What a filter is to be; what is absent stays.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct FilterChangeBody {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    terms: Option<Vec<TermBody>>,
}

impl From<SavedFilter> for SavedFilterBody {
    fn from(filter: SavedFilter) -> Self {
        let terms = filter.terms.into_iter().map(TermBody::from).collect();
        Self { id: filter.id.to_string(), name: filter.name, terms }
    }
}

impl From<FilterError> for ApiError {
    fn from(err: FilterError) -> Self {
        let text = err.to_string();
        match err {
            FilterError::NotFound(_) => Self::new(Code::NotFound, text),
            FilterError::NameTaken(_) => Self::new(Code::Conflict, text),
            FilterError::InvalidName | FilterError::NoTerms | FilterError::TooLong | FilterError::Term(_) => {
                Self::new(Code::BadRequest, text)
            }
            FilterError::TooMany => Self::new(Code::Unprocessable, text),
            FilterError::BeyondGroups => Self::new(Code::PermissionDenied, text),
            FilterError::Inventory(err) => err.into(),
            FilterError::Storage(err) => storage_failure(err),
        }
    }
}

/// Lists the filters that are kept, by name.
#[utoipa::path(
    get,
    path = "/api/management/v2/inventory/filters",
    tag = "Management API: inventory",
    params(
        ("page" = Option<u64>, Query, description = "Part of the list, from 1"),
        ("per_page" = Option<u64>, Query, description = "Rows in a part, at most 500"),
    ),
    responses(
        (status = 200, description = "Filters", body = [SavedFilterBody]),
        (status = 400, description = "No such part"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn list(
    caller: AuthedUser<ReadInventory>,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    let page = query.page(MAX_PER_PAGE)?;
    let (filters, total) = caller.inventory().filters(page).await?;
    let items: Vec<SavedFilterBody> = filters.into_iter().map(SavedFilterBody::from).collect();
    Ok(part(&request, &query, page, Extent::Total(total), &items))
}

/// Keeps a filter.
#[utoipa::path(
    post,
    path = "/api/management/v2/inventory/filters",
    tag = "Management API: inventory",
    request_body = NewFilterBody,
    responses(
        (status = 201, description = "Kept; `Location` names it"),
        (status = 400, description = "Malformed, no term, or an unknown operator or scope"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, or a role that is limited to groups"),
        (status = 409, description = "There is one of this name"),
        (status = 413, description = "Too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "No further filter can be kept"),
    ),
    security(("user" = []))
)]
pub async fn add(sent: Sent<WriteGroups, NewFilterBody>) -> Result<HttpResponse, ApiError> {
    let Sent(caller, body) = sent;
    let filter = caller.inventory().add_filter(body.name, terms(body.terms)).await?;
    // Existing clients take what follows the slash (management API §3).
    Ok(HttpResponse::Created().insert_header((LOCATION, format!("filters/{}", filter.id))).finish())
}

/// A filter that is kept.
#[utoipa::path(
    get,
    path = "/api/management/v2/inventory/filters/{id}",
    tag = "Management API: inventory",
    params(("id" = String, Path, description = "Filter id")),
    responses(
        (status = 200, description = "The filter", body = SavedFilterBody),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such filter"),
    ),
    security(("user" = []))
)]
pub async fn get(caller: AuthedUser<ReadInventory>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let filter = caller.inventory().filter(filter_id(&id)?).await?;
    Ok(HttpResponse::Ok().json(SavedFilterBody::from(filter)))
}

/// Gives a filter another name, other terms, or both.
#[utoipa::path(
    put,
    path = "/api/management/v2/inventory/filters/{id}",
    tag = "Management API: inventory",
    params(("id" = String, Path, description = "Filter id")),
    request_body = FilterChangeBody,
    responses(
        (status = 204, description = "Changed"),
        (status = 400, description = "Malformed, no term, or an unknown operator or scope"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, or a role that is limited to groups"),
        (status = 404, description = "No such filter"),
        (status = 409, description = "There is another one of this name"),
        (status = 413, description = "Too large"),
        (status = 415, description = "Not JSON"),
    ),
    security(("user" = []))
)]
pub async fn update(
    sent: Sent<WriteGroups, FilterChangeBody>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, body) = sent;
    caller.inventory().change_filter(filter_id(&id)?, body.name, body.terms.map(terms)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Forgets a filter.
#[utoipa::path(
    delete,
    path = "/api/management/v2/inventory/filters/{id}",
    tag = "Management API: inventory",
    params(("id" = String, Path, description = "Filter id")),
    responses(
        (status = 204, description = "Forgotten"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, or a role that is limited to groups"),
        (status = 404, description = "No such filter"),
    ),
    security(("user" = []))
)]
pub async fn delete(
    caller: AuthedUser<WriteGroups>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    caller.inventory().delete_filter(filter_id(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The devices that a filter finds now.
#[utoipa::path(
    get,
    path = "/api/management/v2/inventory/filters/{id}/search",
    tag = "Management API: inventory",
    params(
        ("id" = String, Path, description = "Filter id"),
        ("page" = Option<u64>, Query, description = "Part of the list, from 1"),
        ("per_page" = Option<u64>, Query, description = "Rows in a part, at most 500"),
    ),
    responses(
        (status = 200, description = "Devices", body = [InventoryBody]),
        (status = 400, description = "No such part"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such filter"),
    ),
    security(("user" = []))
)]
pub async fn search(
    caller: AuthedUser<ReadInventory>,
    id: web::Path<String>,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    let page = query.page(MAX_PER_PAGE)?;
    let (found, total) = caller.inventory().filtered(filter_id(&id)?, page).await?;
    let items: Vec<InventoryBody> = found.into_iter().map(InventoryBody::from).collect();
    Ok(part(&request, &query, page, Extent::Total(total), &items))
}

fn terms(bodies: Vec<TermBody>) -> Vec<Term> {
    bodies.into_iter().map(Term::from).collect()
}

/// What is no id is the id of no filter.
fn filter_id(text: &str) -> Result<FilterId, ApiError> {
    text.parse().map_err(|_| ApiError::new(Code::NotFound, format!("filter {text:?} does not exist")))
}
