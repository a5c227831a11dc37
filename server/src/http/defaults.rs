//! Answers for what no route is there for.

use std::future::{Ready, ready};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::ALLOW;

use super::error::{ApiError, Code};

/// The default service: 404 with our body (management API §0).
pub fn not_found() -> Ready<Result<HttpResponse, ApiError>> {
    ready(Err(ApiError::new(Code::NotFound, "not found")))
}

/// Whether the framework has answered 405 by itself, without a body.
pub(super) fn is_bare_method_not_allowed(response: &HttpResponse) -> bool {
    response.status() == StatusCode::METHOD_NOT_ALLOWED
        && matches!(response.body().size(), BodySize::None | BodySize::Sized(0))
}

/// Puts our body (management API §0) in the place of a bare 405, and keeps what methods are allowed.
pub(super) fn method_not_allowed(response: &HttpResponse) -> HttpResponse {
    let allow = response.headers().get(ALLOW).cloned();
    let mut answer = HttpResponse::from_error(ApiError::new(Code::MethodNotAllowed, "method not allowed"));
    if let Some(allow) = allow {
        answer.headers_mut().insert(ALLOW, allow);
    }
    answer
}
