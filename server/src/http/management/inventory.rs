//! The inventory of devices (management API §3).

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::Value;

use super::devices::device_id;
use super::{edition, timestamp};
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Requires};
use crate::http::failure::storage_failure;
use crate::http::listing::{Extent, part};
use crate::http::query::{MAX_PER_PAGE, Query};
use crate::inventory::{
    Attribute, AttributeFilter, AttributeKey, AttributeScope, DeviceInventory, InventoryError,
    InventoryFilter, InventoryOrder,
};
use crate::storage::Direction;
use crate::users::Permission;

/// Attributes that one list may ask about.
const MAX_FILTERS: usize = 32;

/// May see inventory and groups.
pub struct ReadInventory;
impl Requires for ReadInventory {
    const PERMISSION: Permission = Permission::InventoryRead;
}

/// A device with its attributes, as clients take it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct InventoryBody {
    id: String,
    attributes: Vec<AttributeBody>,
    updated_ts: String,
}

/// A value of an attribute: one, or a list of one kind (management API §3).
#[derive(Serialize, utoipa::ToSchema)]
#[expect(dead_code, reason = "it describes what is written")]
#[serde(untagged)]
enum AttributeValue {
    Text(String),
    Number(f64),
    List(Vec<AttributeItem>),
}

/// A value in a list.
#[derive(Serialize, utoipa::ToSchema)]
#[expect(dead_code, reason = "it describes what is written")]
#[serde(untagged)]
enum AttributeItem {
    Text(String),
    Number(f64),
}

#[derive(Serialize, utoipa::ToSchema)]
struct AttributeBody {
    name: String,
    #[schema(value_type = AttributeValue)]
    value: Value,
    scope: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
}

impl From<DeviceInventory> for InventoryBody {
    fn from(device: DeviceInventory) -> Self {
        Self {
            id: device.id.to_string(),
            attributes: device.attributes.into_iter().map(AttributeBody::from).collect(),
            updated_ts: timestamp(device.updated_at),
        }
    }
}

impl From<Attribute> for AttributeBody {
    fn from(attribute: Attribute) -> Self {
        Self {
            name: attribute.name,
            value: attribute.value.to_json(),
            scope: attribute.scope.as_str(),
            description: attribute.description,
            timestamp: attribute.updated_at.map(timestamp),
        }
    }
}

/// Lists devices with their attributes. Every other parameter is a filter: `[scope/]attribute=[eq:]value`.
#[utoipa::path(
    get,
    path = "/api/management/v1/inventory/devices",
    tag = "Management API: inventory",
    params(
        ("group" = Option<String>, Query, description = "Only members of this group"),
        ("has_group" = Option<bool>, Query, description = "Only members of some group, or of none"),
        ("sort" = Option<String>, Query, description = "`[scope/]attribute`, then :asc or :desc"),
        ("page" = Option<u64>, Query, description = "Part of the list, from 1"),
        ("per_page" = Option<u64>, Query, description = "Rows in a part, at most 500"),
    ),
    responses(
        (status = 200, description = "Devices", body = [InventoryBody]),
        (status = 400, description = "Malformed query"),
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
    let (filter, order) = (filter(&query)?, query.get("sort").map(order).transpose()?);
    let (found, total) = caller.inventory().list(&filter, order.as_ref(), page).await?;
    let items: Vec<InventoryBody> = found.into_iter().map(InventoryBody::from).collect();
    Ok(part(&request, &query, page, Extent::Total(total), &items))
}

/// A device with its attributes.
#[utoipa::path(
    get,
    path = "/api/management/v1/inventory/devices/{id}",
    tag = "Management API: inventory",
    params(("id" = String, Path, description = "Device id")),
    responses(
        (status = 200, description = "The device; its `ETag` is a bare UUID, once it had tags", body = InventoryBody),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such device"),
    ),
    security(("user" = []))
)]
pub async fn get(caller: AuthedUser<ReadInventory>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let found = caller.inventory().get(device_id(&id)?).await?;
    let mut answer = HttpResponse::Ok();
    if let Some(edition) = found.tags_edition {
        answer.insert_header(edition::shown(edition));
    }
    Ok(answer.json(InventoryBody::from(found)))
}

impl From<InventoryError> for ApiError {
    fn from(err: InventoryError) -> Self {
        let text = err.to_string();
        match err {
            InventoryError::DeviceNotFound(_)
            | InventoryError::GroupNotFound(_)
            | InventoryError::NotInGroup { .. } => Self::new(Code::NotFound, text),
            InventoryError::BeyondGroups(_) => Self::new(Code::PermissionDenied, text),
            InventoryError::InvalidGroupName(_)
            | InventoryError::InvalidTags(_)
            | InventoryError::Search(_) => Self::new(Code::BadRequest, text),
            InventoryError::TagsChanged(_) => Self::new(Code::EditionMismatch, text),
            InventoryError::Storage(err) => storage_failure(err),
        }
    }
}

pub(in crate::http) fn filter(query: &Query) -> Result<InventoryFilter, ApiError> {
    let attributes: Vec<AttributeFilter> = query
        .iter()
        .filter(|(name, _)| !matches!(*name, "page" | "per_page" | "sort" | "group" | "has_group"))
        .map(|(name, value)| AttributeFilter {
            key: key(name),
            value: value.strip_prefix("eq:").unwrap_or(value).to_owned(),
        })
        .collect();
    if attributes.len() > MAX_FILTERS {
        let message = format!("at most {MAX_FILTERS} attributes can be asked about");
        return Err(ApiError::new(Code::BadRequest, message));
    }
    Ok(InventoryFilter {
        attributes,
        group: query.get("group").map(str::to_owned),
        has_group: query.parse("has_group")?,
    })
}

/// `[scope/]attribute[:asc|desc]`; the largest first unless the caller says otherwise.
pub(in crate::http) fn order(sort: &str) -> Result<InventoryOrder, ApiError> {
    let (name, direction) = match sort.rsplit_once(':') {
        Some((name, "asc")) => (name, Direction::Ascending),
        Some((name, "desc")) => (name, Direction::Descending),
        Some((_, other)) => {
            let message = format!("sort: {other:?} is neither asc nor desc");
            return Err(ApiError::new(Code::BadRequest, message));
        }
        None => (sort, Direction::Descending),
    };
    Ok(InventoryOrder { key: key(name), direction })
}

/// `[scope/]attribute`; what is before a slash and names no scope belongs to the attribute.
fn key(text: &str) -> AttributeKey {
    let scoped = text.split_once('/').and_then(|(scope, name)| Some((scope.parse().ok()?, name)));
    let (scope, name) = scoped.unwrap_or((AttributeScope::Inventory, text));
    AttributeKey { scope, name: name.to_owned() }
}

#[cfg(test)]
mod tests {
    use actix_web::FromRequest;
    use actix_web::test::TestRequest;

    use super::{AttributeScope, Direction, Query, filter, key, order};

    #[test]
    fn attributes_may_name_their_scope() {
        assert_eq!(key("mac").scope, AttributeScope::Inventory);
        let scoped = key("identity/mac/0");
        assert_eq!((scoped.scope, scoped.name.as_str()), (AttributeScope::Identity, "mac/0"));
        let unscoped = key("ipv4/eth0");
        assert_eq!((unscoped.scope, unscoped.name.as_str()), (AttributeScope::Inventory, "ipv4/eth0"));
    }

    #[test]
    fn an_order_begins_with_the_largest() {
        assert_eq!(order("mem").unwrap().direction, Direction::Descending);
        let system = order("system/created_ts:asc").unwrap();
        assert_eq!((system.key.scope, system.direction), (AttributeScope::System, Direction::Ascending));
        assert!(order("mem:up").is_err());
    }

    #[tokio::test]
    async fn other_parameters_are_filters() {
        let uri = "/?page=2&per_page=5&sort=mem&group=g&has_group=true&identity/mac=eq:a&kernel=eq";
        let request = TestRequest::with_uri(uri).to_http_request();
        let filter = filter(&Query::extract(&request).await.unwrap()).unwrap();
        let attributes: Vec<_> = filter
            .attributes
            .iter()
            .map(|wanted| (wanted.key.scope, wanted.key.name.as_str(), wanted.value.as_str()))
            .collect();
        assert_eq!(
            attributes,
            [(AttributeScope::Identity, "mac", "a"), (AttributeScope::Inventory, "kernel", "eq")]
        );
        assert_eq!((filter.group.as_deref(), filter.has_group), (Some("g"), Some(true)));
        let request = TestRequest::with_uri("/?has_group=maybe").to_http_request();
        assert!(super::filter(&Query::extract(&request).await.unwrap()).is_err());
    }
}
