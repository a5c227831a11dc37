//! Devices log in (device protocol §1).

use actix_web::{HttpRequest, HttpResponse, web};

use crate::crypto::device_key::DeviceKeyError;
use crate::devices::AuthSetStatus;
use crate::devices::admission::{AdmissionError, Standing};
use crate::devices::auth_request::AuthRequestError;
use crate::http::body::read_body;
use crate::http::error::{ApiError, Code};
use crate::http::extract::Anonymous;
use crate::http::failure::{rate_limited, write_failure};
use crate::throttle::Class;

/// The header that carries the signature over the raw body, in base64.
const SIGNATURE: &str = "X-MEN-Signature";

/// Proves a key for an identity. `Authorization` is not looked at: clients send things there that are no
/// credential (device protocol §0 rule 2).
#[utoipa::path(
    post,
    path = "/api/devices/v1/authentication/auth_requests",
    tag = "Device API: authentication",
    params(("X-MEN-Signature" = String, Header, description = "Signature over the exact body, base64")),
    request_body(
        content = serde_json::Value,
        description = "`id_data` (a JSON object as a string), `pubkey` (PEM), `tenant_token` (optional)"
    ),
    responses(
        (status = 200, description = "The session token, as the whole body", content_type = "application/jwt", body = String),
        (status = 400, description = "Not an authentication request"),
        (status = 401, description = "Wrong signature or tenant token, not accepted, or a tenant that is suspended: try again later"),
        (status = 413, description = "Body too large"),
        (status = 429, description = "Too many devices wait for acceptance, or too many requests"),
        (status = 503, description = "Too busy: try again later"),
    )
)]
pub async fn auth_request(
    caller: Anonymous,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let peer = request.peer_addr().map(|peer| peer.ip());
    let throttle = caller.throttle();
    throttle.login(peer).map_err(rate_limited)?;
    let limit = caller.limits().max_auth_body_bytes;
    let body = read_body(&request, &mut payload.into_inner(), limit).await?;
    let signature = request.headers().get(SIGNATURE).and_then(|value| value.to_str().ok());
    let may_go_on = |standing| match standing {
        Standing::Accepted => throttle.serve(Class::Login),
        Standing::Refused => throttle.serve(Class::Registration),
        Standing::Unknown => throttle.serve(Class::Registration).and_then(|()| throttle.registration(peer)),
    };
    let token = caller.admission().admit(&body, signature, may_go_on).await?;
    Ok(HttpResponse::Ok().content_type("application/jwt").body(token))
}

impl From<AdmissionError> for ApiError {
    fn from(err: AdmissionError) -> Self {
        let text = err.to_string();
        match err {
            AdmissionError::Malformed(AuthRequestError::Key(DeviceKeyError::Weak { .. })) => {
                Self::new(Code::WeakPubkey, text)
            }
            AdmissionError::Malformed(AuthRequestError::Key(_)) => Self::new(Code::BadPubkey, text),
            AdmissionError::Malformed(_) => Self::new(Code::BadRequest, text),
            AdmissionError::MissingSignature => Self::new(Code::MissingSignature, text),
            AdmissionError::BadSignature => Self::new(Code::BadSignature, text),
            AdmissionError::UnknownTenant => Self::new(Code::UnknownTenantToken, text),
            AdmissionError::Suspended => Self::new(Code::TenantSuspended, text),
            AdmissionError::Refused(AuthSetStatus::Rejected) => Self::new(Code::Rejected, text),
            AdmissionError::Refused(_) => Self::new(Code::Pending, text),
            AdmissionError::LimitReached => Self::new(Code::DeviceLimit, text),
            AdmissionError::Busy(wait) => rate_limited(wait),
            AdmissionError::TooManyPending => Self::retry_after(Code::TooManyPending, text, 300),
            AdmissionError::Write(err) => write_failure(err),
            AdmissionError::Session(err) => Self::internal(err),
        }
    }
}
