//! One line of log a request.

use std::time::Duration;

use actix_http::Request;
use actix_web::HttpResponse;
use actix_web::http::{Method, Uri};
use tracing::{Span, debug, debug_span, error, info, info_span, warn};

use crate::http::error::ApiError;
use crate::http::request_id::RequestId;

/// What devices ask is many and dull; what people ask is few.
const DEVICE_API: &str = "/api/devices/";

/// What the line says of the request, which is gone by then. Paths are logged without their query, which may hold a
/// link's authority.
pub(super) struct Line {
    method: Method,
    uri: Uri,
}

impl Line {
    /// Of a request that is about to be answered.
    pub(super) fn of(request: &Request) -> Self {
        Self { method: request.method().clone(), uri: request.uri().clone() }
    }

    /// The path.
    pub(super) fn path(&self) -> &str {
        self.uri.path()
    }

    /// Opens the span of the request.
    pub(super) fn span(&self, id: &RequestId) -> Span {
        let (method, path) = (&self.method, self.path());
        if path.starts_with(DEVICE_API) {
            debug_span!("request", request.id = %id, http.method = %method, http.path = path)
        } else {
            info_span!("request", request.id = %id, http.method = %method, http.path = path)
        }
    }

    /// Writes the line, inside the span. The cause of a refusal appears here and nowhere else.
    pub(super) fn write(&self, response: &HttpResponse, elapsed: Duration) {
        let status = response.status().as_u16();
        let duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let refusal = response.error().and_then(|error| error.as_error::<ApiError>());
        let code = refusal.map(|refusal| refusal.code().as_str());
        let cause = refusal.and_then(ApiError::explain_cause);
        // Of errors that are not ours nothing is said: their text may quote the request.
        let (path, method) = (self.path(), self.method.as_str());
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
}
