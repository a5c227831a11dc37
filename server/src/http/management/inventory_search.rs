//! Searches for devices, and what can be searched for (management API §3.1).

use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::inventory::{InventoryBody, ReadInventory};
use crate::devices::DeviceStatus;
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Sent};
use crate::http::listing::{Extent, part};
use crate::http::query::{DEFAULT_PER_PAGE, MAX_PER_PAGE, Query};
use crate::inventory::{
    AttributeKey, AttributeScope, Condition, InvalidPredicate, InventoryOrder, Predicate, Search, Term, Test,
};
use crate::storage::{Direction, Page};

const TOTAL: HeaderName = HeaderName::from_static("x-total-count");

/// What is looked for.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct SearchBody {
    /// From 1; what is smaller counts as 1.
    #[serde(default)]
    page: Option<i64>,
    /// At most 500; what is smaller than 1 counts as 20.
    #[serde(default)]
    per_page: Option<i64>,
    /// All of these must be so.
    #[serde(default)]
    filters: Option<Vec<TermBody>>,
    /// What the devices are sorted by, the most important first.
    #[serde(default)]
    sort: Option<Vec<SortBody>>,
    /// The attributes that are wanted; all without.
    #[serde(default)]
    attributes: Option<Vec<AttributeNameBody>>,
    /// The devices that are asked about; all without.
    #[serde(default)]
    device_ids: Option<Vec<String>>,
    /// Words of which a device's identity or inventory holds at least one.
    #[serde(default)]
    text: Option<String>,
}

/// Something that must be true of an attribute.
#[derive(Clone, Deserialize, Serialize, utoipa::ToSchema)]
pub struct TermBody {
    /// `identity`, `inventory`, `system`, `tags` or `monitor`.
    scope: String,
    attribute: String,
    /// `$eq`, `$ne`, `$gt`, `$gte`, `$lt`, `$lte`, `$ltne`, `$in`, `$nin`, `$exists` or `$regex`.
    #[serde(rename = "type")]
    operator: String,
    /// A text, a number or an array of them, as the operator takes it.
    value: Value,
}

/// What devices are sorted by.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct SortBody {
    scope: String,
    attribute: String,
    /// `asc` or `desc`.
    order: String,
}

/// Names an attribute.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct AttributeNameBody {
    scope: String,
    attribute: String,
}

/// An attribute that devices have.
#[derive(Serialize, utoipa::ToSchema)]
pub struct KnownAttributeBody {
    name: String,
    scope: &'static str,
    /// How many devices have it; of a large fleet, of the newest 5000.
    count: u64,
}

/// How many devices there are.
#[derive(Serialize, utoipa::ToSchema)]
pub struct DeviceStatisticsBody {
    devices_by_status: StatusesBody,
}

/// How many devices have a status.
#[derive(Default, Serialize, utoipa::ToSchema)]
struct StatusesBody {
    accepted: TiersBody,
    pending: TiersBody,
    preauthorized: TiersBody,
    rejected: TiersBody,
    noauth: TiersBody,
}

/// How many devices are of a kind; all are of the first.
#[derive(Default, Serialize, utoipa::ToSchema)]
struct TiersBody {
    standard: u64,
    micro: u64,
    system: u64,
}

/// The beginning of an attribute's value.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct IdentitySearchBody {
    /// The attribute; `id` is the id of the device.
    name: String,
    /// `identity` or `tags`.
    scope: String,
    /// How its value begins.
    value_prefix: String,
    /// The attributes that are wanted; all without.
    #[serde(default)]
    attributes: Option<Vec<AttributeNameBody>>,
    #[serde(default)]
    page: Option<i64>,
    #[serde(default)]
    per_page: Option<i64>,
}

impl From<TermBody> for Term {
    fn from(body: TermBody) -> Self {
        Self { scope: body.scope, attribute: body.attribute, operator: body.operator, value: body.value }
    }
}

impl From<Term> for TermBody {
    fn from(term: Term) -> Self {
        Self { scope: term.scope, attribute: term.attribute, operator: term.operator, value: term.value }
    }
}

impl SearchBody {
    fn search(&self) -> Result<Search, ApiError> {
        let filters = self.filters.iter().flatten();
        let sort = self.sort.iter().flatten();
        Ok(Search {
            predicates: filters.map(|term| Term::from(term.clone()).predicate()).collect::<Result<_, _>>()?,
            orders: sort.map(SortBody::order).collect::<Result<_, _>>()?,
            // What is no UUID is the id of no device here.
            ids: self
                .device_ids
                .as_ref()
                .filter(|ids| !ids.is_empty())
                .map(|ids| ids.iter().filter_map(|id| id.parse().ok()).collect()),
            words: words(self.text.as_deref().unwrap_or_default())?,
            attributes: wanted(self.attributes.as_deref())?,
        })
    }
}

impl SortBody {
    fn order(&self) -> Result<InventoryOrder, ApiError> {
        let direction = match self.order.as_str() {
            "asc" => Direction::Ascending,
            "desc" => Direction::Descending,
            other => return Err(bad(format!("sort: {other:?} is neither asc nor desc"))),
        };
        Ok(InventoryOrder { key: key(&self.scope, &self.attribute)?, direction })
    }
}

impl From<InvalidPredicate> for ApiError {
    fn from(err: InvalidPredicate) -> Self {
        bad(err.to_string())
    }
}

/// Finds devices by their attributes.
#[utoipa::path(
    post,
    path = "/api/management/v2/inventory/filters/search",
    tag = "Management API: inventory",
    request_body = SearchBody,
    responses(
        (status = 200, description = "Devices; `X-Total-Count` says how many there are", body = [InventoryBody]),
        (status = 400, description = "Malformed, an unknown operator or scope, or too much of something"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 413, description = "Too large"),
        (status = 415, description = "Not JSON"),
    ),
    security(("user" = []))
)]
pub async fn search(sent: Sent<ReadInventory, SearchBody>) -> Result<HttpResponse, ApiError> {
    let Sent(caller, body) = sent;
    let page = page(body.page, body.per_page)?;
    let (found, total) = caller.inventory().search(&body.search()?, page).await?;
    let items: Vec<InventoryBody> = found.into_iter().map(InventoryBody::from).collect();
    Ok(HttpResponse::Ok().insert_header((TOTAL, total)).json(items))
}

/// The attributes that devices have.
#[utoipa::path(
    get,
    path = "/api/management/v2/inventory/filters/attributes",
    tag = "Management API: inventory",
    responses(
        (status = 200, description = "Attributes, those of most devices first, at most 500", body = [KnownAttributeBody]),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn attributes(caller: AuthedUser<ReadInventory>) -> Result<HttpResponse, ApiError> {
    let known = caller.inventory().known_attributes().await?;
    let items: Vec<KnownAttributeBody> = known
        .into_iter()
        .map(|known| KnownAttributeBody { name: known.name, scope: known.scope.as_str(), count: known.count })
        .collect();
    Ok(HttpResponse::Ok().json(items))
}

/// How many devices have each status.
#[utoipa::path(
    get,
    path = "/api/management/v2/inventory/statistics",
    tag = "Management API: inventory",
    responses(
        (status = 200, description = "Counts", body = DeviceStatisticsBody),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn statistics(caller: AuthedUser<ReadInventory>) -> Result<HttpResponse, ApiError> {
    let mut by_status = StatusesBody::default();
    for (status, count) in caller.inventory().statuses().await? {
        let tiers = match status {
            DeviceStatus::Accepted => &mut by_status.accepted,
            DeviceStatus::Pending => &mut by_status.pending,
            DeviceStatus::Preauthorized => &mut by_status.preauthorized,
            DeviceStatus::Rejected => &mut by_status.rejected,
            DeviceStatus::Noauth => &mut by_status.noauth,
        };
        tiers.standard = count;
    }
    Ok(HttpResponse::Ok().json(DeviceStatisticsBody { devices_by_status: by_status }))
}

/// Finds devices by the beginning of an identity attribute or a tag.
#[utoipa::path(
    post,
    path = "/api/management/v2alpha1/inventory/identities/search",
    tag = "Management API: inventory",
    request_body = IdentitySearchBody,
    responses(
        (status = 200, description = "Devices", body = [InventoryBody]),
        (status = 400, description = "Malformed, or another scope"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 413, description = "Too large"),
        (status = 415, description = "Not JSON"),
    ),
    security(("user" = []))
)]
pub async fn identities(
    sent: Sent<ReadInventory, IdentitySearchBody>,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, body) = sent;
    let page = page(body.page, body.per_page)?;
    let key = if body.name == "id" { key("identity", "id")? } else { key(&body.scope, &body.name)? };
    if !matches!(key.scope, AttributeScope::Identity | AttributeScope::Tags) {
        return Err(bad("scope: identity or tags is expected".to_owned()));
    }
    if body.value_prefix.contains('\0') {
        return Err(bad("value_prefix: it holds a NUL".to_owned()));
    }
    let search = Search {
        predicates: vec![Predicate { key, test: Test::Condition(Condition::StartsWith(body.value_prefix)) }],
        attributes: wanted(body.attributes.as_deref())?,
        ..Search::default()
    };
    let (found, total) = caller.inventory().search(&search, page).await?;
    let items: Vec<InventoryBody> = found.into_iter().map(InventoryBody::from).collect();
    Ok(part(&request, &query, page, Extent::Total(total), &items))
}

/// The part that a body asks for: what is too small counts as none (management API §3.1).
fn page(page: Option<i64>, per_page: Option<i64>) -> Result<Page, ApiError> {
    let positive =
        |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok()).filter(|n| *n > 0);
    let per_page = positive(per_page).unwrap_or(DEFAULT_PER_PAGE);
    if per_page > MAX_PER_PAGE {
        return Err(bad(format!("parameter \"per_page\" above limit (max: {MAX_PER_PAGE})")));
    }
    Ok(Page { page: positive(page).unwrap_or(1), per_page })
}

fn key(scope: &str, attribute: &str) -> Result<AttributeKey, ApiError> {
    let scope: AttributeScope = scope.parse().map_err(|err| bad(format!("{err}")))?;
    if attribute.is_empty() || attribute.contains('\0') {
        return Err(bad("an attribute has a name, without NUL".to_owned()));
    }
    Ok(AttributeKey { scope, name: attribute.to_owned() })
}

fn wanted(keys: Option<&[AttributeNameBody]>) -> Result<Option<Vec<AttributeKey>>, ApiError> {
    let Some(keys) = keys.filter(|keys| !keys.is_empty()) else { return Ok(None) };
    keys.iter().map(|wanted| key(&wanted.scope, &wanted.attribute)).collect::<Result<_, _>>().map(Some)
}

fn words(text: &str) -> Result<Vec<String>, ApiError> {
    if text.contains('\0') {
        return Err(bad("text: it holds a NUL".to_owned()));
    }
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

fn bad(message: String) -> ApiError {
    ApiError::new(Code::BadRequest, message)
}
