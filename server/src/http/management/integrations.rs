//! Other clouds that are told of devices (management API §5).

use actix_web::HttpResponse;
use serde_json::Value;

use super::users::OwnAccount;
use crate::http::error::ApiError;
use crate::http::extract::AuthedUser;

/// The integrations with other clouds. There are none: consoles of others ask at their start, and stop at an error.
#[utoipa::path(
    get,
    path = "/api/management/v1/iot-manager/integrations",
    tag = "Management API: settings",
    responses(
        (status = 200, description = "An empty list", body = [Value]),
        (status = 401, description = "No valid session"),
        (status = 403, description = "A second factor has to be set up"),
    ),
    security(("user" = []))
)]
pub async fn list(_: AuthedUser<OwnAccount>) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok().json(Vec::<Value>::new()))
}
