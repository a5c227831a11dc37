//! Tags of devices, and what forgets an inventory (management API §3).

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use super::devices::device_id;
use super::edition::{seen, shown};
use crate::http::error::ApiError;
use crate::http::extract::{AuthedUser, Requires, Sent};
use crate::inventory::{Tag, TagMode};
use crate::users::Permission;

/// May change the tags of devices.
pub struct WriteInventory;
impl Requires for WriteInventory {
    const PERMISSION: Permission = Permission::InventoryWrite;
}

/// A tag of a device.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct TagBody {
    /// 1 to 1024 bytes.
    name: String,
    /// At most 4096 bytes.
    value: String,
    /// At most 4096 bytes.
    description: Option<String>,
}

impl From<TagBody> for Tag {
    fn from(body: TagBody) -> Self {
        Self { name: body.name, value: body.value, description: body.description }
    }
}

/// Puts others into the place of a device's tags.
#[utoipa::path(
    put,
    path = "/api/management/v1/inventory/devices/{id}/tags",
    tag = "Management API: inventory",
    params(
        ("id" = String, Path, description = "Device id"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the device whose tags are to be replaced"),
    ),
    request_body = [TagBody],
    responses(
        (status = 200, description = "Stored; the `ETag` is what the device has now"),
        (status = 400, description = "Not an array of tags, too many, or too large a tag"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such device"),
        (status = 412, description = "They were changed in the meantime"),
        (status = 415, description = "Not JSON"),
    ),
    security(("user" = []))
)]
pub async fn put(
    request: HttpRequest,
    sent: Sent<WriteInventory, Vec<TagBody>>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    write(&request, sent, &id, TagMode::Replace).await
}

/// Adds to a device's tags, or changes them.
#[utoipa::path(
    patch,
    path = "/api/management/v1/inventory/devices/{id}/tags",
    tag = "Management API: inventory",
    params(
        ("id" = String, Path, description = "Device id"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the device whose tags are to be changed"),
    ),
    request_body = [TagBody],
    responses(
        (status = 200, description = "Stored; the `ETag` is what the device has now"),
        (status = 400, description = "Not an array of tags, too many, or too large a tag"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such device"),
        (status = 412, description = "They were changed in the meantime"),
        (status = 415, description = "Not JSON"),
    ),
    security(("user" = []))
)]
pub async fn patch(
    request: HttpRequest,
    sent: Sent<WriteInventory, Vec<TagBody>>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    write(&request, sent, &id, TagMode::Merge).await
}

/// Forgets what a device reported, and its tags; the device itself stays, and reports again.
#[utoipa::path(
    delete,
    path = "/api/management/v1/inventory/devices/{id}",
    tag = "Management API: inventory",
    params(("id" = String, Path, description = "Device id")),
    responses(
        (status = 204, description = "There is nothing any more"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn forget(
    caller: AuthedUser<WriteInventory>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    // What is no id is the id of no device, and its inventory is gone (management API §9).
    if let Ok(id) = id.parse() {
        caller.inventory().forget(id).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}

async fn write(
    request: &HttpRequest,
    Sent(caller, tags): Sent<WriteInventory, Vec<TagBody>>,
    id: &str,
    mode: TagMode,
) -> Result<HttpResponse, ApiError> {
    let tags = tags.into_iter().map(Tag::from).collect();
    let edition = caller.inventory().write_tags(device_id(id)?, mode, tags, seen(request)?).await?;
    Ok(HttpResponse::Ok().insert_header(shown(edition)).finish())
}
