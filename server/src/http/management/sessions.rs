//! The caller's sessions, and proving again who one is (RFC 9470).

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use super::users::{OwnAccess, OwnAccount, TOKEN_TYPE, check_failure};
use super::{Secret, timestamp};
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Sent};
use crate::http::failure::storage_failure;
use crate::users::{Session, SessionError, Shown, StepUpError};

/// A session.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SessionBody {
    id: String,
    /// `api` or `console`.
    kind: &'static str,
    /// How its user proved who it is (RFC 8176).
    amr: Vec<String>,
    created_ts: String,
    /// When its user last proved who it is.
    authenticated_ts: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_ts: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_ts: Option<String>,
    /// Whether the request came with it.
    current: bool,
}

/// What proves who is calling: one of the two.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct StepUp {
    /// A code of the second factor, or a recovery code.
    #[schema(value_type = Option<String>)]
    code: Option<Secret>,
    /// The password, for who has no second factor.
    #[schema(value_type = Option<String>)]
    password: Option<Secret>,
}

/// Lists the caller's sessions, the newest first.
#[utoipa::path(
    get,
    path = "/api/management/v1/useradm/sessions",
    tag = "Management API: users",
    responses(
        (status = 200, description = "Sessions", body = [SessionBody]),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 503, description = "Too busy, or the database is away"),
    ),
    security(("user" = []))
)]
pub async fn list(caller: AuthedUser<OwnAccount>) -> Result<HttpResponse, ApiError> {
    let current = caller.principal().session;
    let found = caller.sessions().list().await?;
    let body = |session: &Session| SessionBody {
        id: session.id.to_string(),
        kind: session.kind.as_str(),
        amr: session.authentication.proof.methods(),
        created_ts: timestamp(session.created_at),
        authenticated_ts: timestamp(session.authentication.at),
        last_used_ts: session.last_used_at.map(timestamp),
        expires_ts: session.expires_at.map(timestamp),
        current: session.id == current,
    };
    Ok(HttpResponse::Ok().json(found.iter().map(body).collect::<Vec<_>>()))
}

/// Ends one of the caller's sessions.
#[utoipa::path(
    delete,
    path = "/api/management/v1/useradm/sessions/{id}",
    tag = "Management API: users",
    params(("id" = String, Path, description = "Session id")),
    responses(
        (status = 204, description = "Ended"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such session"),
        (status = 503, description = "Too busy, or the database is away"),
    ),
    security(("user" = []))
)]
pub async fn end(caller: AuthedUser<OwnAccount>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let unknown = || ApiError::new(Code::NotFound, format!("session {id} does not exist"));
    caller.sessions().end(id.parse().map_err(|_| unknown())?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ends all sessions of the caller, that which the request came with too.
#[utoipa::path(
    post,
    path = "/api/management/v1/useradm/auth/logout-all",
    tag = "Management API: users",
    responses(
        (status = 202, description = "Ended"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 503, description = "Too busy, or the database is away"),
    ),
    security(("user" = []))
)]
pub async fn end_all(caller: AuthedUser<OwnAccess>) -> Result<HttpResponse, ApiError> {
    caller.sessions().end_all().await?;
    Ok(HttpResponse::Accepted().finish())
}

/// Gives a new token of the same session to who proves again who it is; the answer is the bare token.
///
/// What can do much harm asks for such a token that is no older than 10 minutes: it is answered with 403, code
/// `step_up_required`, otherwise.
#[utoipa::path(
    post,
    path = "/api/management/v1/useradm/auth/step-up",
    tag = "Management API: users",
    request_body = StepUp,
    responses(
        (status = 200, description = "The token", body = String, content_type = "application/jwt"),
        (status = 400, description = "Malformed body, neither code nor password, or a wrong code"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, or no session but a token for programs"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "Wrong password, or the other proof is needed"),
        (status = 429, description = "Too many wrong codes, or passwords from here: try again later"),
        (status = 503, description = "Too busy, or the database is away"),
    ),
    security(("user" = []))
)]
pub async fn step_up(request: HttpRequest, sent: Sent<OwnAccount, StepUp>) -> Result<HttpResponse, ApiError> {
    let Sent(caller, body) = sent;
    let shown = match (body.code, body.password) {
        (Some(code), None) => Shown::Code(code.0),
        (None, Some(password)) => Shown::Password(password.0),
        (Some(_), Some(_)) | (None, None) => {
            return Err(ApiError::new(Code::BadRequest, "either code or password is needed"));
        }
    };
    if matches!(shown, Shown::Password(_)) {
        caller.check_password_from(request.peer_addr().map(|peer| peer.ip()))?;
    }
    let fresh = caller.step_up(shown).await?;
    tracing::info!(user.id = %fresh.session.user, session.id = %fresh.session.id, "user stepped up");
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    Ok(response.content_type(TOKEN_TYPE).body(fresh.token.expose_secret().to_owned()))
}

impl From<SessionError> for ApiError {
    fn from(err: SessionError) -> Self {
        match err {
            SessionError::NotFound(_) => Self::new(Code::NotFound, err.to_string()),
            SessionError::Storage(err) => storage_failure(err),
        }
    }
}

impl From<StepUpError> for ApiError {
    fn from(err: StepUpError) -> Self {
        let text = err.to_string();
        match err {
            StepUpError::NoSession => Self::new(Code::PermissionDenied, text),
            StepUpError::CodeNeeded | StepUpError::PasswordNeeded => Self::new(Code::Unprocessable, text),
            StepUpError::WrongCode => Self::new(Code::SecondFactorRefused, text),
            StepUpError::Blocked { retry_after_secs } => {
                Self::retry_after(Code::RateLimited, text, retry_after_secs)
            }
            StepUpError::SecondFactor(err) => check_failure(err),
            StepUpError::Password(err) => err.into(),
            StepUpError::Sign(err) => Self::internal(err),
            StepUpError::Storage(err) => storage_failure(err),
        }
    }
}
