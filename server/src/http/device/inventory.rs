//! Devices report their inventory (device protocol §4).

use actix_web::{HttpRequest, HttpResponse, web};

use crate::http::body::read_body;
use crate::http::error::{ApiError, Code};
use crate::http::extract::AuthedDevice;
use crate::http::failure::write_failure;
use crate::inventory::{InventoryMode, ReportError};
use crate::throttle::Class;

/// Replaces what the device reported before.
#[utoipa::path(
    put,
    path = "/api/devices/v1/inventory/device/attributes",
    tag = "Device API: inventory",
    request_body(content = serde_json::Value, description = "An array of `name` and `value`"),
    responses(
        (status = 200, description = "Stored"),
        (status = 400, description = "Malformed attributes"),
        (status = 401, description = "No valid session; the body is empty"),
        (status = 413, description = "Body too large"),
        (status = 429, description = "Too busy: try again later"),
    ),
    security(("device" = []))
)]
pub async fn replace(
    device: AuthedDevice,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    store(&device, &request, payload, InventoryMode::Replace).await
}

/// Adds to what the device reported before, or changes it.
#[utoipa::path(
    patch,
    path = "/api/devices/v1/inventory/device/attributes",
    tag = "Device API: inventory",
    request_body(content = serde_json::Value, description = "An array of `name` and `value`"),
    responses(
        (status = 200, description = "Stored"),
        (status = 400, description = "Malformed attributes"),
        (status = 401, description = "No valid session; the body is empty"),
        (status = 413, description = "Body too large"),
        (status = 429, description = "Too busy: try again later"),
    ),
    security(("device" = []))
)]
pub async fn merge(
    device: AuthedDevice,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    store(&device, &request, payload, InventoryMode::Merge).await
}

async fn store(
    device: &AuthedDevice,
    request: &HttpRequest,
    payload: web::Payload,
    mode: InventoryMode,
) -> Result<HttpResponse, ApiError> {
    let body = read_body(request, &mut payload.into_inner(), device.limits().max_json_bytes).await?;
    device.serve(Class::Inventory)?;
    device.inventory().receive(device.session().number, mode, &body).await?;
    // Exactly 200: anything else is an error to both generations of clients.
    Ok(HttpResponse::Ok().finish())
}

impl From<ReportError> for ApiError {
    fn from(err: ReportError) -> Self {
        match err {
            ReportError::Document(err) => Self::new(Code::BadRequest, err.to_string()),
            ReportError::Write(err) => write_failure(err),
        }
    }
}
