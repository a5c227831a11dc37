//! Editions of things that several clients change (management API §0.2): a bare UUID as `ETag`, which they send back as
//! they got it.

use actix_web::HttpRequest;
use actix_web::http::header::{ETAG, HeaderName, IF_MATCH};
use uuid::Uuid;

use crate::http::error::{ApiError, Code};

/// The header that tells the edition.
pub(super) fn shown(edition: Uuid) -> (HeaderName, String) {
    (ETAG, edition.to_string())
}

/// The edition that the caller has seen, if it says.
pub(super) fn seen(request: &HttpRequest) -> Result<Option<&str>, ApiError> {
    let value = request.headers().get(IF_MATCH).map(|value| value.to_str());
    value.transpose().map_err(|_| ApiError::new(Code::BadRequest, "If-Match is not ASCII"))
}
