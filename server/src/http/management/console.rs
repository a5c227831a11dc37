//! Sessions of people at a browser (user authentication §5).

use actix_web::http::header::{CACHE_CONTROL, COOKIE, HeaderName, HeaderValue, ORIGIN, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use secrecy::ExposeSecret as _;

use super::users::{OwnAccess, TOKEN_TYPE};
use crate::http::base_url::base_url;
use crate::http::error::{ApiError, Code};
use crate::http::extract::{Anonymous, AuthedUser};
use crate::http::failure::storage_failure;
use crate::users::{ConsoleError, RefreshToken, Refreshed};

/// The cookie of the refresh token: browsers take this name only from a secure origin and for the whole host, and send
/// it back to nobody else.
const REFRESH_COOKIE: &str = "__Host-sealift-refresh";

/// No page of another site can send this without being asked whether it may.
const CONSOLE_HEADER: HeaderName = HeaderName::from_static("x-sealift-console");

/// Makes the session that the request came with one of the console: the answer is a token for 10 minutes, and its
/// cookie gives the next one. The session ends when it is not refreshed for some time.
#[utoipa::path(
    post,
    path = "/api/management/v1/useradm/auth/console",
    tag = "Management API: users",
    responses(
        (status = 200, description = "The token", body = String, content_type = "application/jwt",
            headers(("Set-Cookie" = String, description = "The refresh token, out of the reach of scripts"))),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, or not a session that was just opened"),
        (status = 503, description = "Too busy, or the database is away"),
    ),
    security(("user" = []))
)]
pub async fn open(caller: AuthedUser<OwnAccess>) -> Result<HttpResponse, ApiError> {
    let opened = caller.open_console().await?;
    tracing::info!(user.id = %opened.session.user, session.id = %opened.session.id, "console opened");
    Ok(answer(&opened, caller.console_max_secs()))
}

/// Gives the next token of a session of the console, for the refresh token in its cookie, which is replaced.
///
/// `Origin` must be this server's, and the header `X-Sealift-Console` must be there, whatever it says: the pages of
/// others can send neither. A refresh token that comes a second time ends its session.
#[utoipa::path(
    post,
    path = "/api/management/v1/useradm/auth/refresh",
    tag = "Management API: users",
    params(
        ("X-Sealift-Console" = Option<String>, Header, description = "Anything"),
        ("Origin" = Option<String>, Header, description = "Scheme, host and port of this server"),
    ),
    responses(
        (status = 200, description = "The token", body = String, content_type = "application/jwt",
            headers(("Set-Cookie" = String, description = "The next refresh token"))),
        (status = 400, description = "No usable header Host"),
        (status = 401, description = "No refresh token of an open session"),
        (status = 403, description = "From another origin, or without the header"),
        (status = 409, description = "Another window has refreshed in this moment: try again with its cookie"),
        (status = 503, description = "Too busy, or the database is away"),
    )
)]
pub async fn refresh(caller: Anonymous, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let headers = request.headers();
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
    let ours = [base_url(None, &request)?, base_url(caller.public_url(), &request)?];
    if !headers.contains_key(CONSOLE_HEADER)
        || !origin.is_some_and(|origin| ours.iter().any(|own| own == origin))
    {
        return Err(ApiError::new(Code::PermissionDenied, "only pages of this server refresh a session"));
    }
    let shown = cookie(&request).and_then(RefreshToken::parse).ok_or(ConsoleError::Refused)?;
    let refreshed = caller.refresh_console(&shown).await?;
    Ok(answer(&refreshed, caller.console_max_secs()))
}

fn answer(refreshed: &Refreshed, max_secs: u64) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    let text = refreshed.refresh.text();
    set_cookie(&mut response, text.expose_secret(), max_secs);
    response.content_type(TOKEN_TYPE).body(refreshed.token.expose_secret().to_owned())
}

fn set_cookie(response: &mut HttpResponseBuilder, value: &str, max_secs: u64) {
    let rules = "Path=/; Secure; HttpOnly; SameSite=Strict";
    response.insert_header((SET_COOKIE, format!("{REFRESH_COOKIE}={value}; Max-Age={max_secs}; {rules}")));
}

fn cookie(request: &HttpRequest) -> Option<&str> {
    let pairs = request.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok());
    pairs
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(REFRESH_COOKIE).and_then(|rest| rest.strip_prefix('=')))
}

/// Takes the refresh token away from a browser that sent one.
pub(super) fn forget(request: &HttpRequest, response: &mut HttpResponseBuilder) {
    if cookie(request).is_some() {
        set_cookie(response, "", 0);
    }
}

impl From<ConsoleError> for ApiError {
    fn from(err: ConsoleError) -> Self {
        let text = err.to_string();
        match err {
            ConsoleError::NoLogIn => Self::new(Code::PermissionDenied, text),
            ConsoleError::Refused => Self::new(Code::Unauthenticated, text),
            ConsoleError::Superseded => Self::new(Code::Conflict, text),
            ConsoleError::Random(err) => Self::internal(err),
            ConsoleError::Sign(err) => Self::internal(err),
            ConsoleError::Storage(err) => storage_failure(err),
        }
    }
}
