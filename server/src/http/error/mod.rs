//! What clients are told when something is refused.

mod codes;

use std::error::Error;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde::Serialize;
use serde_json::Value;

use super::request_id::RequestId;
use crate::telemetry::chain;

pub use codes::Code;

/// Carries the code of an answer that has no body.
pub const ERROR_CODE_HEADER: HeaderName = HeaderName::from_static("x-error-code");

const JSON: &str = "application/json; charset=utf-8";

/// Says that a proof of who is calling is too old or too weak, and how old it may be (RFC 9470 §3).
const STEP_UP_CHALLENGE: HeaderValue =
    HeaderValue::from_static(r#"Bearer error="insufficient_user_authentication", max_age=600"#);

/// Says to user clients how to authenticate (management API §0).
const USER_CHALLENGE: HeaderValue = HeaderValue::from_static(r#"Bearer realm="ManagementJWT""#);

type Cause = Box<dyn Error + Send + Sync>;

/// A refusal: the message is shown, the cause is logged.
#[derive(Debug)]
pub struct ApiError {
    code: Code,
    message: String,
    cause: Option<Cause>,
    retry_after_secs: Option<u32>,
    metadata: Option<Value>,
    is_bodyless: bool,
}

impl ApiError {
    /// Refuses with a message for the client: lower case, no full stop, what and which.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            cause: None,
            retry_after_secs: None,
            metadata: None,
            is_bodyless: false,
        }
    }

    /// Something of ours is broken. The client learns nothing more.
    #[must_use]
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self { cause: Some(cause.into()), ..Self::new(Code::Internal, "internal error") }
    }

    /// Refuses a device's session token. The answer has no body, because a client of generation 5 aborts
    /// on one (device protocol §0, rule 5); the code is in a header.
    #[must_use]
    pub fn device_session(code: Code) -> Self {
        Self { is_bodyless: true, ..Self::new(code, "device session refused") }
    }

    /// Refuses for now.
    #[must_use]
    pub fn retry_after(code: Code, message: impl Into<String>, secs: u32) -> Self {
        Self { retry_after_secs: Some(secs), ..Self::new(code, message) }
    }

    /// Adds what is logged beside the message.
    #[must_use]
    pub fn with_cause(self, cause: impl Into<Cause>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// Adds details for programs, as conflicts of uploads have them (management API §0).
    #[must_use]
    pub fn with_metadata(self, metadata: Value) -> Self {
        Self { metadata: Some(metadata), ..self }
    }

    /// Which refusal it is.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The causes, outermost first, as one text for the log.
    #[must_use]
    pub fn explain_cause(&self) -> Option<String> {
        self.cause.as_ref().map(|cause| chain(cause.as_ref()))
    }

    fn write_headers(&self, response: &mut HttpResponseBuilder) {
        response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
        if let Some(secs) = self.retry_after_secs {
            response.insert_header((RETRY_AFTER, HeaderValue::from(secs)));
        }
        if self.code == Code::StepUpRequired {
            response.insert_header((WWW_AUTHENTICATE, STEP_UP_CHALLENGE));
        }
        let is_of_users = matches!(
            self.code,
            Code::Unauthenticated
                | Code::SecondFactorNeeded
                | Code::SecondFactorWrong
                | Code::SecondFactorBlocked
        );
        if is_of_users && !self.is_bodyless {
            response.insert_header((WWW_AUTHENTICATE, USER_CHALLENGE));
        }
    }
}

/// The body of a refusal: the first two members are what existing clients read.
#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Value>,
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        self.write_headers(&mut response);
        if self.is_bodyless {
            response.insert_header((ERROR_CODE_HEADER, HeaderValue::from_static(self.code.as_str())));
            return response.finish();
        }
        let id = RequestId::current();
        let body = Body {
            error: &self.message,
            request_id: id.as_ref().map(RequestId::as_str),
            code: self.code.as_str(),
            metadata: self.metadata.as_ref(),
        };
        response.content_type(JSON).body(serde_json::to_string(&body).unwrap_or_default())
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| -> &(dyn Error + 'static) { cause.as_ref() })
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use actix_web::body::{BodySize, MessageBody as _, to_bytes};
    use actix_web::{HttpResponse, ResponseError as _};
    use serde_json::{Value, json};

    use super::{ApiError, Code};

    async fn body(response: HttpResponse) -> Value {
        serde_json::from_slice(&to_bytes(response.into_body()).await.unwrap()).unwrap()
    }

    fn header<'a>(response: &'a HttpResponse, name: &str) -> Option<&'a str> {
        response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    #[tokio::test]
    async fn a_refusal_is_json_with_a_code() {
        let response = ApiError::new(Code::NotFound, "not found").error_response();
        assert_eq!(response.status(), 404);
        assert_eq!(header(&response, "content-type"), Some("application/json; charset=utf-8"));
        assert_eq!(body(response).await, json!({ "error": "not found", "code": "not_found" }));
    }

    #[tokio::test]
    async fn an_internal_error_hides_its_cause_and_keeps_it_for_the_log() {
        let error = ApiError::internal(io::Error::other("disk is on fire"));
        assert_eq!(error.explain_cause().as_deref(), Some("disk is on fire"));
        let response = error.error_response();
        assert_eq!(response.status(), 500);
        assert_eq!(body(response).await, json!({ "error": "internal error", "code": "internal" }));
    }

    #[test]
    fn a_refused_device_session_has_an_empty_body() {
        let response = ApiError::device_session(Code::Unauthenticated).error_response();
        assert_eq!(response.status(), 401);
        assert_eq!(response.body().size(), BodySize::Sized(0));
        assert_eq!(header(&response, "x-error-code"), Some("unauthenticated"));
        assert_eq!(header(&response, "content-type"), None);
        assert_eq!(header(&response, "www-authenticate"), None);
    }

    #[tokio::test]
    async fn headers_and_metadata_appear_where_they_belong() {
        let response = ApiError::retry_after(Code::RateLimited, "too many requests", 7).error_response();
        assert_eq!((response.status().as_u16(), header(&response, "retry-after")), (429, Some("7")));
        let response = ApiError::new(Code::Unauthenticated, "unauthorized").error_response();
        assert_eq!(header(&response, "www-authenticate"), Some(r#"Bearer realm="ManagementJWT""#));
        let response = ApiError::new(Code::StepUpRequired, "prove it again").error_response();
        let challenge = r#"Bearer error="insufficient_user_authentication", max_age=600"#;
        assert_eq!(
            (response.status().as_u16(), header(&response, "www-authenticate")),
            (403, Some(challenge))
        );
        let conflict = ApiError::new(Code::Conflict, "artifact exists").with_metadata(json!({ "a": 1 }));
        assert_eq!(body(conflict.error_response()).await["metadata"], json!({ "a": 1 }));
    }
}
