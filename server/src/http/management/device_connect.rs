//! Connections that devices keep (management API §5). None does: their clients have an add-on for that, which is not
//! served. Tools ask before they try, and are told so.

use actix_web::{HttpResponse, web};
use serde::Serialize;

use super::devices::{ReadDevices, device_id};
use super::timestamp;
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Requires};
use crate::users::Permission;

/// May talk to devices that are connected.
pub struct ConnectToDevices;
impl Requires for ConnectToDevices {
    const PERMISSION: Permission = Permission::DevicesConnect;
}

/// Whether a device is connected.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ConnectionBody {
    device_id: String,
    /// `disconnected`.
    status: &'static str,
    created_ts: String,
    updated_ts: String,
}

/// Whether a device keeps a connection: it does not.
#[utoipa::path(
    get,
    path = "/api/management/v1/deviceconnect/devices/{id}",
    tag = "Management API: devices",
    params(("id" = String, Path, description = "Device id")),
    responses(
        (status = 200, description = "`disconnected`", body = ConnectionBody),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such device"),
    ),
    security(("user" = []))
)]
pub async fn status(
    caller: AuthedUser<ReadDevices>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let found = caller.devices().get(device_id(&id)?).await?;
    Ok(HttpResponse::Ok().json(ConnectionBody {
        device_id: found.device.id.to_string(),
        status: "disconnected",
        created_ts: timestamp(found.device.created_at),
        updated_ts: timestamp(found.device.updated_at),
    }))
}

/// Has a device look for an update at once, if it is connected.
#[utoipa::path(
    post,
    path = "/api/management/v1/deviceconnect/devices/{id}/check-update",
    tag = "Management API: devices",
    params(("id" = String, Path, description = "Device id")),
    responses(
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such device"),
        (status = 409, description = "The device is not connected"),
    ),
    security(("user" = []))
)]
pub async fn check_update(
    caller: AuthedUser<ConnectToDevices>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    Err(not_connected(&caller, &id).await)
}

/// Has a device report its inventory at once, if it is connected.
#[utoipa::path(
    post,
    path = "/api/management/v1/deviceconnect/devices/{id}/send-inventory",
    tag = "Management API: devices",
    params(("id" = String, Path, description = "Device id")),
    responses(
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such device"),
        (status = 409, description = "The device is not connected"),
    ),
    security(("user" = []))
)]
pub async fn send_inventory(
    caller: AuthedUser<ConnectToDevices>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    Err(not_connected(&caller, &id).await)
}

async fn not_connected(caller: &AuthedUser<ConnectToDevices>, id: &str) -> ApiError {
    let known = match device_id(id) {
        Ok(id) => caller.devices().get(id).await.map_err(ApiError::from),
        Err(err) => Err(err),
    };
    known.map_or_else(
        |err| err,
        |_| ApiError::new(Code::Conflict, "the device is not connected: it asks by itself, at its own times"),
    )
}
