//! Bodies that are read whole.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use super::error::{ApiError, Code};

/// How long a client may take to send a small body.
const PATIENCE: Duration = Duration::from_mins(1);

/// Reads a body of at most `limit` bytes, exactly as it was sent, with a length or chunked.
pub async fn read_body(
    request: &HttpRequest,
    payload: &mut Payload,
    limit: usize,
) -> Result<Bytes, ApiError> {
    let announced = announced_length(request)?;
    if announced.is_some_and(|length| length > u64::try_from(limit).unwrap_or(u64::MAX)) {
        return Err(too_large(limit));
    }
    tokio::time::timeout(PATIENCE, collect(payload, limit))
        .await
        .map_err(|_| ApiError::new(Code::RequestTimeout, "request body did not arrive in time"))?
}

/// Returns what `Content-Length` says; `None` if there is none, as with a chunked body.
pub(super) fn announced_length(request: &HttpRequest) -> Result<Option<u64>, ApiError> {
    let Some(value) = request.headers().get(CONTENT_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    length.map(Some).ok_or_else(|| ApiError::new(Code::BadRequest, "content length is not a number"))
}

async fn collect(payload: &mut Payload, limit: usize) -> Result<Bytes, ApiError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| broken(&error))?;
        if body.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(Code::PayloadTooLarge, format!("request body is larger than {limit} bytes"))
}

fn broken(error: &PayloadError) -> ApiError {
    ApiError::new(Code::BadRequest, format!("request body could not be read: {error}"))
}
