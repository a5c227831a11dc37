//! Personal access tokens as existing tools know them: JWTs (management API §1.4).

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpResponse, web};
use chrono::TimeDelta;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use super::timestamp;
use super::users::{OwnAccount, TOKEN_TYPE};
use crate::http::error::ApiError;
use crate::http::extract::{AuthedUser, Sent};
use crate::users::tokens::{Lifetime, PersonalToken, TokenError};

/// A token that is wished for.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct NewAccessToken {
    /// What its owner calls it: 1 to 256 characters, unique among the owner's.
    #[schema(min_length = 1, max_length = 256)]
    name: String,
    /// Seconds for which it is good, at most a year; for ever if there are none.
    #[schema(maximum = 31_536_000)]
    expires_in: Option<u64>,
}

/// A token, as clients take it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct AccessToken {
    id: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_date: Option<String>,
    created_ts: String,
}

impl From<PersonalToken> for AccessToken {
    fn from(token: PersonalToken) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name,
            last_used: token.last_used_at.map(timestamp),
            expiration_date: token.expires_at.map(timestamp),
            created_ts: timestamp(token.created_at),
        }
    }
}

/// Makes a token with all rights of the caller; the answer is the bare token, shown this once.
#[utoipa::path(
    post,
    path = "/api/management/v1/useradm/settings/tokens",
    tag = "Management API: users",
    request_body = NewAccessToken,
    responses(
        (status = 200, description = "The token", body = String, content_type = "application/jwt"),
        (status = 400, description = "Malformed body, name or time"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed: tokens make no tokens"),
        (status = 409, description = "The caller has a token of this name"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "The caller has ten of them"),
        (status = 503, description = "Try again later"),
    ),
    security(("user" = []))
)]
pub async fn create(Sent(caller, body): Sent<OwnAccount, NewAccessToken>) -> Result<HttpResponse, ApiError> {
    let lifetime = match body.expires_in.unwrap_or_default() {
        0 => Lifetime::Unlimited,
        secs => Lifetime::For(seconds(secs)?),
    };
    let shown = caller.personal_tokens().create_jwt(body.name, lifetime).await?;
    tracing::info!(user.id = %shown.token.user, token.id = %shown.token.id, "personal token made");
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    Ok(response.content_type(TOKEN_TYPE).body(shown.text.expose_secret().to_owned()))
}

/// The caller's tokens, of both kinds.
#[utoipa::path(
    get,
    path = "/api/management/v1/useradm/settings/tokens",
    tag = "Management API: users",
    responses(
        (status = 200, description = "Tokens, oldest first", body = [AccessToken]),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 503, description = "Try again later"),
    ),
    security(("user" = []))
)]
pub async fn list(caller: AuthedUser<OwnAccount>) -> Result<HttpResponse, ApiError> {
    let tokens = caller.personal_tokens().list().await?;
    let items: Vec<AccessToken> = tokens.into_iter().map(AccessToken::from).collect();
    Ok(HttpResponse::Ok().json(items))
}

/// Makes a token or a session of the caller void; what is not there is void already.
#[utoipa::path(
    delete,
    path = "/api/management/v1/useradm/settings/tokens/{id}",
    tag = "Management API: users",
    params(("id" = String, Path, description = "The `jti` of the token")),
    responses(
        (status = 204, description = "Void, now or before"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 503, description = "Try again later"),
    ),
    security(("user" = []))
)]
pub async fn revoke(caller: AuthedUser<OwnAccount>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    // What is no id names nothing that there could be.
    if let Ok(id) = id.parse() {
        caller.personal_tokens().revoke_any(id).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}

/// A time in seconds, as far as there can be one.
pub(super) fn seconds(secs: u64) -> Result<TimeDelta, TokenError> {
    i64::try_from(secs).ok().and_then(TimeDelta::try_seconds).ok_or(TokenError::Lifetime)
}
