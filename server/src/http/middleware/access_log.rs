//! One line of log a request.

use std::time::Duration;

use actix_web::dev::{ServiceRequest, ServiceResponse};
use tracing::{Span, debug, debug_span, error, info, info_span, warn};

use crate::http::error::ApiError;
use crate::http::request_id::RequestId;

/// What devices ask is many and dull; what people ask is few.
const DEVICE_API: &str = "/api/devices/";

/// Opens the span of a request. Paths are logged without their query, which may hold a link's authority.
pub(super) fn span(request: &ServiceRequest, id: &RequestId) -> Span {
    if request.path().starts_with(DEVICE_API) {
        debug_span!("request", request.id = %id, http.method = %request.method(), http.path = request.path())
    } else {
        info_span!("request", request.id = %id, http.method = %request.method(), http.path = request.path())
    }
}

/// Writes the line, inside the span. The cause of a refusal appears here and nowhere else.
pub(super) fn write<B>(response: &ServiceResponse<B>, elapsed: Duration) {
    let status = response.status().as_u16();
    let duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    let error = response.response().error();
    let refusal = error.and_then(|error| error.as_error::<ApiError>());
    let code = refusal.map(|refusal| refusal.code().as_str());
    let cause = refusal.and_then(ApiError::explain_cause);
    // Of errors that are not ours nothing is said: their text may quote the request.
    let (path, method) = (response.request().path(), response.request().method().as_str());
    match status {
        500 => error!(
            http.method = method,
            http.path = path,
            http.status = status,
            duration_ms,
            code,
            cause,
            "request failed"
        ),
        501.. => warn!(
            http.method = method,
            http.path = path,
            http.status = status,
            duration_ms,
            code,
            cause,
            "request not served"
        ),
        _ if path.starts_with(DEVICE_API) => {
            debug!(
                http.method = method,
                http.path = path,
                http.status = status,
                duration_ms,
                code,
                cause,
                "request"
            );
        }
        _ => info!(
            http.method = method,
            http.path = path,
            http.status = status,
            duration_ms,
            code,
            cause,
            "request"
        ),
    }
}
