//! Groups of devices (management API §3): they exist while they have members.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::devices::{device_id, status};
use super::inventory::ReadInventory;
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Requires, Sent};
use crate::http::listing::{Extent, part};
use crate::http::query::{MAX_PER_PAGE, Query};
use crate::ids::DeviceId;
use crate::inventory::{GroupName, InvalidGroupName, InventoryError};
use crate::users::Permission;

/// May put devices into groups.
pub struct WriteGroups;
impl Requires for WriteGroups {
    const PERMISSION: Permission = Permission::GroupsWrite;
}

/// The group that a device is to be in.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct GroupBody {
    /// 1 to 256 of the characters A-Z, a-z, 0-9, - and _.
    group: String,
}

/// What came of a change; counts of zero are left out.
#[derive(Serialize, utoipa::ToSchema)]
pub struct RegroupedBody {
    #[serde(skip_serializing_if = "is_zero")]
    matched_count: u64,
    #[serde(skip_serializing_if = "is_zero")]
    updated_count: u64,
}

/// The group that a device is in; null for none.
#[utoipa::path(
    get,
    path = "/api/management/v1/inventory/devices/{id}/group",
    tag = "Management API: groups",
    params(("id" = String, Path, description = "Device id")),
    responses(
        (status = 200, description = "`group`"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such device"),
    ),
    security(("user" = []))
)]
pub async fn of_device(
    caller: AuthedUser<ReadInventory>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let group = caller.inventory().group_of(device_id(&id)?).await?;
    Ok(HttpResponse::Ok().json(json!({ "group": group })))
}

/// Puts a device into a group, out of any other.
#[utoipa::path(
    put,
    path = "/api/management/v1/inventory/devices/{id}/group",
    tag = "Management API: groups",
    params(("id" = String, Path, description = "Device id")),
    request_body = GroupBody,
    responses(
        (status = 204, description = "It is in the group"),
        (status = 400, description = "Not the name of a group"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such device"),
        (status = 415, description = "Not JSON"),
    ),
    security(("user" = []))
)]
pub async fn put_device(
    sent: Sent<WriteGroups, GroupBody>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, body) = sent;
    let group = group_name(&body.group)?;
    caller.inventory().put_into_group(device_id(&id)?, &group).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Takes a device out of a group.
#[utoipa::path(
    delete,
    path = "/api/management/v1/inventory/devices/{id}/group/{name}",
    tag = "Management API: groups",
    params(("id" = String, Path, description = "Device id"), ("name" = String, Path, description = "Group")),
    responses(
        (status = 204, description = "It is in no group"),
        (status = 400, description = "Not the name of a group"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such device, or it is not in the group"),
    ),
    security(("user" = []))
)]
pub async fn remove_device(
    caller: AuthedUser<WriteGroups>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let (id, name) = path.into_inner();
    caller.inventory().take_out_of_group(device_id(&id)?, &group_name(&name)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Lists groups.
#[utoipa::path(
    get,
    path = "/api/management/v1/inventory/groups",
    tag = "Management API: groups",
    params(("status" = Option<String>, Query, description = "Only groups with members of this status")),
    responses(
        (status = 200, description = "Names", body = [String]),
        (status = 400, description = "Unknown status"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn list(caller: AuthedUser<ReadInventory>, query: Query) -> Result<HttpResponse, ApiError> {
    let status = query.get("status").map(status).transpose()?;
    Ok(HttpResponse::Ok().json(caller.inventory().groups(status).await?))
}

/// Lists the members of a group.
#[utoipa::path(
    get,
    path = "/api/management/v1/inventory/groups/{name}/devices",
    tag = "Management API: groups",
    params(
        ("name" = String, Path, description = "Group"),
        ("page" = Option<u64>, Query, description = "Part of the list, from 1"),
        ("per_page" = Option<u64>, Query, description = "Rows in a part, at most 500"),
    ),
    responses(
        (status = 200, description = "Device ids", body = [String]),
        (status = 400, description = "Malformed query, or not the name of a group"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such group"),
    ),
    security(("user" = []))
)]
pub async fn members(
    caller: AuthedUser<ReadInventory>,
    request: HttpRequest,
    name: web::Path<String>,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    let page = query.page(MAX_PER_PAGE)?;
    let (found, total) = caller.inventory().members(&group_name(&name)?, page).await?;
    let ids: Vec<String> = found.iter().map(ToString::to_string).collect();
    Ok(part(&request, &query, page, Extent::Total(total), &ids))
}

/// Puts devices into a group, out of any other; unknown ones are passed over.
#[utoipa::path(
    patch,
    path = "/api/management/v1/inventory/groups/{name}/devices",
    tag = "Management API: groups",
    params(("name" = String, Path, description = "Group")),
    request_body = Vec<String>,
    responses(
        (status = 200, description = "How many exist, and how many were elsewhere", body = RegroupedBody),
        (status = 400, description = "No device is named, or not the name of a group"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 415, description = "Not JSON"),
    ),
    security(("user" = []))
)]
pub async fn put_devices(
    sent: Sent<WriteGroups, Vec<String>>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, ids) = sent;
    let done = caller.inventory().put_many_into_group(&device_ids(&ids)?, &group_name(&name)?).await?;
    let body = RegroupedBody { matched_count: done.matched, updated_count: done.updated };
    Ok(HttpResponse::Ok().json(body))
}

/// Takes devices out of a group; those that are not in it are passed over.
#[utoipa::path(
    delete,
    path = "/api/management/v1/inventory/groups/{name}/devices",
    tag = "Management API: groups",
    params(("name" = String, Path, description = "Group")),
    request_body = Vec<String>,
    responses(
        (status = 200, description = "How many were in it", body = RegroupedBody),
        (status = 400, description = "No device is named, or not the name of a group"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 415, description = "Not JSON"),
    ),
    security(("user" = []))
)]
pub async fn remove_devices(
    sent: Sent<WriteGroups, Vec<String>>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let Sent(caller, ids) = sent;
    let done = caller.inventory().take_many_out_of_group(&device_ids(&ids)?, &group_name(&name)?).await?;
    let body = RegroupedBody { matched_count: done.matched, updated_count: done.updated };
    Ok(HttpResponse::Ok().json(body))
}

/// Takes all members out of a group: it is no more.
#[utoipa::path(
    delete,
    path = "/api/management/v1/inventory/groups/{name}",
    tag = "Management API: groups",
    params(("name" = String, Path, description = "Group")),
    responses(
        (status = 200, description = "How many were in it", body = RegroupedBody),
        (status = 400, description = "Not the name of a group"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn delete(
    caller: AuthedUser<WriteGroups>,
    name: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let updated_count = caller.inventory().clear_group(&group_name(&name)?).await?;
    Ok(HttpResponse::Ok().json(RegroupedBody { matched_count: 0, updated_count }))
}

pub(super) fn group_name(text: &str) -> Result<GroupName, ApiError> {
    text.parse().map_err(|err: InvalidGroupName| InventoryError::from(err).into())
}

/// Device ids are opaque to old clients: what is no id names a device that does not exist.
fn device_ids(texts: &[String]) -> Result<Vec<DeviceId>, ApiError> {
    if texts.is_empty() {
        return Err(ApiError::new(Code::BadRequest, "no device is named"));
    }
    Ok(texts.iter().filter_map(|text| text.parse().ok()).collect())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde wants")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::{RegroupedBody, device_ids};

    #[test]
    fn counts_of_zero_are_left_out() {
        let json = |matched_count, updated_count| {
            serde_json::to_string(&RegroupedBody { matched_count, updated_count }).unwrap()
        };
        assert_eq!(json(3, 2), r#"{"matched_count":3,"updated_count":2}"#);
        assert_eq!(json(0, 0), "{}");
    }

    #[test]
    fn somebody_must_be_named_and_strangers_are_passed_over() {
        assert!(device_ids(&[]).is_err());
        let ids = ["0192f0a0-0000-7000-8000-000000000001".to_owned(), "stranger".to_owned()];
        assert_eq!(device_ids(&ids).unwrap().len(), 1);
    }
}
