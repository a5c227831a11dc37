//! Methods that a client can only name in a header.

use actix_web::dev::RequestHead;
use actix_web::http::Method;

/// Says which method a `POST` means (tus 1.0.0, "X-HTTP-Method-Override").
const OVERRIDE: &str = "x-http-method-override";

/// Where it counts; elsewhere nobody asks for it.
const UPLOADS: &str = "/api/management/v1/deployments/artifacts/uploads/";

/// Takes the method that the header names, where uploads in parts are: proxies are known that pass no `PATCH`.
pub(super) fn take_override(head: &mut RequestHead) {
    if head.method != Method::POST || !head.uri.path().starts_with(UPLOADS) {
        return;
    }
    let named = head.headers().get(OVERRIDE).and_then(|value| Method::from_bytes(value.as_bytes()).ok());
    if let Some(method) = named {
        head.method = method;
    }
}
