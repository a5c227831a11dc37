//! New passwords for who does not know the old one (management API §1.2).

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use super::{Secret, timestamp};
use crate::http::error::{ApiError, Code};
use crate::http::extract::{Anonymous, AuthedUser, Freshness, Requires};
use crate::http::json::{ANONYMOUS_MAX_BYTES, Json};
use crate::users::{Permission, ResetError};

/// May hand other users a secret for a new password.
pub struct HandOverResets;
impl Requires for HandOverResets {
    const PERMISSION: Permission = Permission::UsersManage;
    const FRESHNESS: Freshness = Freshness::Always;
}

/// Who asks for a new password.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct ResetStart {
    /// The address to log in with.
    email: String,
}

/// The new password, and what allows it.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct ResetCompletion {
    /// The one-time secret: the last part of the link.
    #[schema(value_type = String)]
    secret_hash: Secret,
    /// The new password.
    #[schema(value_type = String)]
    password: Secret,
}

/// A one-time secret, to be handed to its user.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ResetBody {
    /// The secret.
    secret: String,
    /// Until when it works.
    expires_at: String,
}

/// Sends a link for a new password to an address, if a user has it and mail is sent at all. That is not told.
#[utoipa::path(
    post,
    path = "/api/management/v1/useradm/auth/password-reset/start",
    tag = "Management API: users",
    request_body = ResetStart,
    responses(
        (status = 202, description = "Taken, whoever has the address"),
        (status = 400, description = "Malformed body"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
        (status = 429, description = "Too many requests from here: try again later"),
        (status = 503, description = "Too busy"),
    )
)]
pub async fn start(
    caller: Anonymous,
    request: HttpRequest,
    body: Json<ResetStart, ANONYMOUS_MAX_BYTES>,
) -> Result<HttpResponse, ApiError> {
    caller.check_password_from(request.peer_addr().map(|peer| peer.ip()))?;
    caller.begin_reset(body.0.email);
    Ok(HttpResponse::Accepted().finish())
}

/// Replaces a password, for who has the one-time secret; the user's sessions and tokens end.
#[utoipa::path(
    post,
    path = "/api/management/v1/useradm/auth/password-reset/complete",
    tag = "Management API: users",
    request_body = ResetCompletion,
    responses(
        (status = 202, description = "Replaced"),
        (status = 400, description = "Malformed body, or a secret that does not work, or not any more"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "The password may not be chosen"),
        (status = 429, description = "Too many passwords from here: try again later"),
        (status = 503, description = "Too many passwords are being hashed, or the database is away"),
    )
)]
pub async fn complete(
    caller: Anonymous,
    request: HttpRequest,
    body: Json<ResetCompletion, ANONYMOUS_MAX_BYTES>,
) -> Result<HttpResponse, ApiError> {
    caller.check_password_from(request.peer_addr().map(|peer| peer.ip()))?;
    let Json(ResetCompletion { secret_hash: Secret(secret), password: Secret(password) }) = body;
    caller.complete_reset(&secret, password).await?;
    Ok(HttpResponse::Accepted().finish())
}

/// Makes a one-time secret for a new password of another user, to be handed over; it is shown this once.
#[utoipa::path(
    post,
    path = "/api/management/v1/useradm/users/{id}/password-reset",
    tag = "Management API: users",
    params(("id" = String, Path, description = "User id")),
    responses(
        (status = 201, description = "The secret", body = ResetBody),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, a user with rights that the caller does not have, or the proof of \
            who is calling is too old"),
        (status = 404, description = "No such user"),
        (status = 503, description = "Too busy, or the database is away"),
    ),
    security(("user" = []))
)]
pub async fn hand_over(
    caller: AuthedUser<HandOverResets>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let unknown = || ApiError::new(Code::NotFound, format!("user {id} does not exist"));
    let user = id.parse().map_err(|_| unknown())?;
    let made = caller.begin_reset(user).await?;
    tracing::info!(user.id = %caller.principal().user, object.id = %user, "secret for a new password made");
    let body =
        ResetBody { secret: made.secret.expose_secret().to_owned(), expires_at: timestamp(made.until) };
    let mut response = HttpResponse::Created();
    Ok(response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store"))).json(body))
}

impl From<ResetError> for ApiError {
    fn from(err: ResetError) -> Self {
        match err {
            ResetError::Void => Self::new(Code::BadRequest, err.to_string()),
            ResetError::User(err) => err.into(),
            ResetError::Member(err) => err.into(),
            ResetError::Random(err) => Self::internal(err),
        }
    }
}
