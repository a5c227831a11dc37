//! The server itself: alive, ready, described.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::web::Bytes;

use super::error::{ApiError, Code};
use super::extract::Anonymous;
use super::routes;

/// The description, written down once: anybody may ask for it.
static DESCRIPTION: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(routes::openapi_json()));

/// Answers as long as the process can answer at all.
#[utoipa::path(
    get,
    path = "/health/live",
    tag = "Server",
    responses((status = 204, description = "The process runs"))
)]
pub async fn live(_: Anonymous) -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// Answers whether requests can be served: the database can be read and the writer runs.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "Server",
    responses(
        (status = 204, description = "Requests can be served"),
        (status = 503, description = "The database does not answer"),
    )
)]
pub async fn ready(caller: Anonymous) -> Result<HttpResponse, ApiError> {
    caller
        .ping_database()
        .await
        .map_err(|err| ApiError::new(Code::Unavailable, "the database does not answer").with_cause(err))?;
    if !caller.is_writer_running() {
        return Err(ApiError::new(Code::Unavailable, "writes are not carried out any more"));
    }
    Ok(HttpResponse::NoContent().finish())
}

/// This description.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "Server",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json"))
)]
pub async fn openapi(_: Anonymous) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(DESCRIPTION.clone())
}
