//! Prefixed tokens: narrowed to permissions and networks, and rotated (user authentication §6).
//!
//! They stand beside `…/settings/tokens`, whose answers existing clients know and whose tokens are JWTs.

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder, web};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use super::settings_tokens::seconds;
use super::timestamp;
use super::users::OwnAccount;
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Sent};
use crate::http::failure::storage_failure;
use crate::ids::TokenId;
use crate::throttle::Networks;
use crate::users::Permission;
use crate::users::tokens::{
    Lifetime, NewToken, Overlap, PersonalToken, Shown, TokenError, TokenKind, TokenLimits,
};

/// A prefixed token that is wished for.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct NewTokenBody {
    /// What its owner calls it: 1 to 256 characters, unique among the owner's.
    #[schema(min_length = 1, max_length = 256)]
    name: String,
    /// The permissions that it is for, `resource:action`; all that its user has at the time if this is missing.
    scopes: Option<Vec<String>>,
    /// From where it may be used, in CIDR notation; from everywhere if this is missing.
    networks: Option<Vec<String>>,
    /// Seconds for which it is good: 90 days if this is missing, at most a year. Who manages users may take more, or
    /// 0 for ever.
    expires_in: Option<u64>,
}

/// How a secret is replaced.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct Rotation {
    /// Seconds for which the secret before is good as well.
    #[serde(default)]
    #[schema(maximum = 3600)]
    overlap_secs: u64,
}

/// A token.
#[derive(Serialize, utoipa::ToSchema)]
pub struct TokenBody {
    id: String,
    name: String,
    /// `jwt` or `prefixed`.
    kind: &'static str,
    /// What stands behind `slt_pat_` in the token's text: it is no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    networks: Option<Vec<String>>,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotated_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// To the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
}

/// A token with its text, which is shown this once.
#[derive(Serialize, utoipa::ToSchema)]
pub struct ShownTokenBody {
    /// What is sent as a Bearer token.
    token: String,
    #[serde(flatten)]
    body: TokenBody,
}

impl From<PersonalToken> for TokenBody {
    fn from(token: PersonalToken) -> Self {
        let handle = match &token.kind {
            TokenKind::Jwt => None,
            TokenKind::Prefixed { handle, .. } => Some(handle.to_string()),
        };
        let words = |scopes: &Vec<Permission>| scopes.iter().map(|scope| scope.as_str()).collect();
        let parts = |list: &Networks| list.to_string().split(',').map(str::to_owned).collect();
        Self {
            id: token.id.to_string(),
            kind: token.kind.as_str(),
            handle,
            scopes: token.limits.scopes.as_ref().map(words),
            networks: token.limits.networks.as_ref().map(parts),
            name: token.name,
            created_at: timestamp(token.created_at),
            rotated_at: token.rotated_at.map(timestamp),
            expires_at: token.expires_at.map(timestamp),
            last_used_at: token.last_used_at.map(timestamp),
        }
    }
}

/// Makes a prefixed token; its text is shown this once.
#[utoipa::path(
    post,
    path = "/api/management/v1/useradm/tokens",
    tag = "Management API: users",
    request_body = NewTokenBody,
    responses(
        (status = 201, description = "The token", body = ShownTokenBody),
        (status = 400, description = "Malformed body, name, time, scope or network"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed: tokens make no tokens; or one that is of admins, and the proof of who is calling is too old"),
        (status = 409, description = "The caller has a token of this name"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "A scope that the caller has not, or too many tokens"),
        (status = 503, description = "Try again later"),
    ),
    security(("user" = []))
)]
pub async fn create(Sent(caller, body): Sent<OwnAccount, NewTokenBody>) -> Result<HttpResponse, ApiError> {
    let lifetime = match body.expires_in {
        None => Lifetime::Usual,
        Some(0) => Lifetime::Unlimited,
        Some(secs) => Lifetime::For(seconds(secs)?),
    };
    let limits = TokenLimits {
        scopes: body.scopes.as_deref().map(scopes).transpose()?,
        networks: body.networks.as_deref().map(networks).transpose()?,
    };
    let is_of_admins =
        |permission: &Permission| permission.is_of_admins() && caller.principal().may(*permission);
    let scopes = limits.scopes.as_deref().unwrap_or(Permission::ALL);
    if caller.principal().token.is_none() && scopes.iter().any(is_of_admins) {
        caller.require_fresh()?;
    }
    let new = NewToken { name: body.name, limits, lifetime };
    let shown = caller.personal_tokens().create(new).await?;
    tracing::info!(user.id = %shown.token.user, token.id = %shown.token.id, "personal token made");
    Ok(answer(HttpResponse::Created(), shown))
}

/// The caller's tokens, of both kinds.
#[utoipa::path(
    get,
    path = "/api/management/v1/useradm/tokens",
    tag = "Management API: users",
    responses(
        (status = 200, description = "Tokens, oldest first", body = [TokenBody]),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 503, description = "Try again later"),
    ),
    security(("user" = []))
)]
pub async fn list(caller: AuthedUser<OwnAccount>) -> Result<HttpResponse, ApiError> {
    let tokens = caller.personal_tokens().list().await?;
    let items: Vec<TokenBody> = tokens.into_iter().map(TokenBody::from).collect();
    Ok(HttpResponse::Ok().json(items))
}

/// Makes a token of the caller void.
#[utoipa::path(
    delete,
    path = "/api/management/v1/useradm/tokens/{id}",
    tag = "Management API: users",
    params(("id" = String, Path, description = "Token id")),
    responses(
        (status = 204, description = "Void"),
        (status = 400, description = "Not a UUID"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "The caller has no such token"),
        (status = 503, description = "Try again later"),
    ),
    security(("user" = []))
)]
pub async fn revoke(caller: AuthedUser<OwnAccount>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    caller.personal_tokens().revoke(token_id(&id)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Replaces the secret of a prefixed token; its life begins anew, and the text is shown this once.
#[utoipa::path(
    post,
    path = "/api/management/v1/useradm/tokens/{id}/rotate",
    tag = "Management API: users",
    params(("id" = String, Path, description = "Token id")),
    request_body = Rotation,
    responses(
        (status = 200, description = "The token with its new secret", body = ShownTokenBody),
        (status = 400, description = "Not a UUID, a malformed body, or an overlap of more than an hour"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed: tokens change no tokens"),
        (status = 404, description = "The caller has no such token"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "The token is a JWT"),
        (status = 503, description = "Try again later"),
    ),
    security(("user" = []))
)]
pub async fn rotate(
    Sent(caller, body): Sent<OwnAccount, Rotation>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let overlap = seconds(body.overlap_secs).map_err(|_| TokenError::Overlap)?;
    let shown = caller.personal_tokens().rotate(token_id(&id)?, Overlap(overlap)).await?;
    tracing::info!(user.id = %shown.token.user, token.id = %shown.token.id, "personal token rotated");
    Ok(answer(HttpResponse::Ok(), shown))
}

impl From<TokenError> for ApiError {
    fn from(err: TokenError) -> Self {
        let text = err.to_string();
        match err {
            TokenError::Name
            | TokenError::Lifetime
            | TokenError::Overlap
            | TokenError::Networks
            | TokenError::NoScopes => Self::new(Code::BadRequest, text),
            TokenError::ByToken => Self::new(Code::PermissionDenied, text),
            TokenError::NameTaken => Self::new(Code::Conflict, text),
            TokenError::Scope(_) | TokenError::TooMany | TokenError::NotRotatable => {
                Self::new(Code::Unprocessable, text)
            }
            TokenError::NotFound(_) => Self::new(Code::NotFound, text),
            TokenError::Sign(_) | TokenError::Random(_) => Self::internal(err),
            TokenError::Storage(err) => storage_failure(err),
        }
    }
}

fn answer(mut response: HttpResponseBuilder, shown: Shown) -> HttpResponse {
    let token = shown.text.expose_secret().to_owned();
    response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    response.json(ShownTokenBody { token, body: shown.token.into() })
}

fn token_id(text: &str) -> Result<TokenId, ApiError> {
    text.parse().map_err(|_| ApiError::new(Code::BadRequest, "ID is not a valid UUID"))
}

fn scopes(words: &[String]) -> Result<Vec<Permission>, ApiError> {
    let mut scopes = Vec::new();
    for word in words {
        let known = Permission::ALL.iter().copied().find(|known| known.as_str() == word);
        let scope =
            known.ok_or_else(|| ApiError::new(Code::BadRequest, format!("{word:?} is not a permission")))?;
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    Ok(scopes)
}

fn networks(parts: &[String]) -> Result<Networks, ApiError> {
    Networks::try_from(parts.join(",")).map_err(|err| ApiError::new(Code::BadRequest, err.to_string()))
}
