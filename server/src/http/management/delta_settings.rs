//! Settings of delta updates (management API §4.3). There are none, so deltas are off.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::deployments::ReadDeployments;
use crate::http::error::ApiError;
use crate::http::extract::AuthedUser;

/// How delta updates are made: not at all.
#[utoipa::path(
    get,
    path = "/api/management/v1/deployments/config",
    tag = "Management API: deployments",
    responses(
        (status = 200, description = "`delta.enabled` is false", body = Value),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn get(_: AuthedUser<ReadDeployments>) -> Result<HttpResponse, ApiError> {
    let none = json!({ "min": 0, "max": 0, "default": 0 });
    let limits: serde_json::Map<String, Value> = [
        "compression_level",
        "source_window_size",
        "input_window_size",
        "compression_duplicates_window",
        "instruction_buffer_size",
    ]
    .into_iter()
    .map(|name| (name.to_owned(), none.clone()))
    .collect();
    Ok(HttpResponse::Ok().json(json!({ "delta": {
        "enabled": false,
        "binary_delta": { "timeout": 0, "xdelta_args": {} },
        "binary_delta_limits": {
            "xdelta_args_limits": limits,
            "timeout": none,
            "jobs_in_parallel": none,
            "queue_length": none,
        },
    }})))
}
