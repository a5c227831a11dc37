//! The first user is made over the network (user authentication §10).

use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::Secret;
use crate::http::error::{ApiError, Code};
use crate::http::extract::Anonymous;
use crate::http::json::{ANONYMOUS_MAX_BYTES, Json};
use crate::users::SetupError;

/// What the first user is made of.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct FirstUser {
    /// The setup token, which the server shows where only its operator sees it.
    #[schema(value_type = String)]
    token: Secret,
    /// The address to log in with.
    email: String,
    /// The password to log in with.
    #[schema(value_type = String)]
    password: Secret,
}

/// Makes the first user, an admin.
#[utoipa::path(
    post,
    path = "/api/management/v1/setup",
    tag = "Management API: users",
    request_body = FirstUser,
    responses(
        (status = 201, description = "Made"),
        (status = 400, description = "Malformed body or address"),
        (status = 403, description = "Wrong or void token"),
        (status = 409, description = "There is a user already"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "The password may not be chosen"),
        (status = 429, description = "Too many passwords from here: try again later"),
        (status = 503, description = "Too many passwords are being hashed"),
    )
)]
pub async fn create_admin(
    caller: Anonymous,
    request: HttpRequest,
    body: Json<FirstUser, ANONYMOUS_MAX_BYTES>,
) -> Result<HttpResponse, ApiError> {
    caller.check_password_from(request.peer_addr().map(|peer| peer.ip()))?;
    let Json(FirstUser { token, email, password }) = body;
    let id = caller.create_admin(&token.0, &email, password.0).await?;
    tracing::info!(user.id = %id, "first user made");
    Ok(HttpResponse::Created().finish())
}

impl From<SetupError> for ApiError {
    fn from(err: SetupError) -> Self {
        match err {
            SetupError::WrongToken | SetupError::Void => Self::new(Code::PermissionDenied, err.to_string()),
            SetupError::User(err) => err.into(),
        }
    }
}
