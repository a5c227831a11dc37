//! Users: logging in and out, and who there is (management API §1.1, §1.2).

use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::console::forget;
use super::{Secret, timestamp};
use crate::crypto::password::PasswordError;
use crate::http::error::{ApiError, Code};
use crate::http::extract::{Anonymous, AuthedUser, Requires};
use crate::http::failure::{rate_limited, storage_failure};
use crate::http::json::{ANONYMOUS_MAX_BYTES, OptionalJson};
use crate::http::query::Query;
use crate::throttle::RetryAfter;
use crate::users::{
    CheckError, ConfirmError, Email, LogInError, Permission, SessionLife, User, UserError, UserFilter,
};

/// The type of a bare token: clients compare it for equality.
pub(super) const TOKEN_TYPE: &str = "application/jwt";

/// May see, change and end what is one's own.
pub struct OwnAccount;
impl Requires for OwnAccount {
    const PERMISSION: Permission = Permission::AccountOwn;
}

/// May see who one is, leave, and set a second factor up: what is left to who has to.
pub struct OwnAccess;
impl Requires for OwnAccess {
    const PERMISSION: Permission = Permission::AccountOwn;
    const DURING_2FA_SETUP: bool = true;
}

/// May see users.
pub struct ReadUsers;
impl Requires for ReadUsers {
    const PERMISSION: Permission = Permission::UsersRead;
}

/// How the session is to be.
#[derive(Default, Deserialize, utoipa::ToSchema)]
pub struct LogIn {
    /// Whether it lasts until it is ended.
    #[serde(default)]
    no_expiry: bool,
    /// A code of the second factor, or a recovery code; empty for none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    token2fa: Option<Secret>,
}

/// A user, as clients take it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct UserBody {
    id: String,
    email: String,
    created_ts: String,
    updated_ts: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    login_ts: Option<String>,
    verified: bool,
    tfa_status: &'static str,
    roles: Vec<String>,
}

/// The caller.
#[derive(Serialize, utoipa::ToSchema)]
pub struct MeBody {
    #[serde(flatten)]
    user: UserBody,
    /// The tenant that the session is for.
    tenant_id: String,
    tenant_ids: Vec<String>,
    /// All tenants that the user can work in.
    tenants: Vec<TenantEntryBody>,
}

/// A tenant in a list.
#[derive(Serialize, utoipa::ToSchema)]
pub struct TenantEntryBody {
    id: String,
    name: String,
}

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.to_string(),
            created_ts: timestamp(user.created_at),
            updated_ts: timestamp(user.updated_at),
            login_ts: user.login_at.map(timestamp),
            // Nobody checks addresses, and the web interface insists.
            verified: true,
            tfa_status: user.totp.as_str(),
            roles: user.roles.iter().map(|role| role.id().to_owned()).collect(),
        }
    }
}

/// Logs in with address and password (HTTP Basic); the answer is the bare token.
#[utoipa::path(
    post,
    path = "/api/management/v1/useradm/auth/login",
    tag = "Management API: users",
    request_body = Option<LogIn>,
    responses(
        (status = 200, description = "The token", body = String, content_type = "application/jwt"),
        (status = 400, description = "Malformed body"),
        (status = 401, description = "Wrong address or password; with `2fa` in the text and the code, a right password \
            that needs a code of the second factor, or another one"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
        (status = 429, description = "Too many passwords from here, or wrong ones of this account: try again later"),
        (status = 503, description = "Too many log-ins at once, or no user exists yet"),
    ),
    security(("basic" = []))
)]
pub async fn log_in(
    caller: Anonymous,
    request: HttpRequest,
    body: OptionalJson<LogIn, ANONYMOUS_MAX_BYTES>,
) -> Result<HttpResponse, ApiError> {
    let logins = caller.logins().await?;
    let (email, password) = basic(&request).ok_or_else(|| ApiError::from(LogInError::Refused))?;
    caller.check_password_from(request.peer_addr().map(|peer| peer.ip()))?;
    let body = body.0.unwrap_or_default();
    let code = body.token2fa.map(|code| code.0).filter(|code| !code.expose_secret().trim().is_empty());
    let life = if body.no_expiry { SessionLife::Unlimited } else { SessionLife::Usual };
    let logged_in = logins.log_in(&email, password, code, life, caller.origin()).await?;
    tracing::info!(user.id = %logged_in.session.user, session.id = %logged_in.session.id, "user logged in");
    if let Some(site) = logged_in.new_site {
        caller.tell_of_sign_in(&email, site);
    }
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    Ok(response.content_type(TOKEN_TYPE).body(logged_in.token.expose_secret().to_owned()))
}

/// Ends the session that the request came with.
#[utoipa::path(
    post,
    path = "/api/management/v1/useradm/auth/logout",
    tag = "Management API: users",
    responses(
        (status = 202, description = "Ended"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn log_out(caller: AuthedUser<OwnAccess>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    caller.log_out().await.map_err(storage_failure)?;
    let mut response = HttpResponse::Accepted();
    forget(&request, &mut response);
    Ok(response.finish())
}

/// The caller, and the tenants to work in.
#[utoipa::path(
    get,
    path = "/api/management/v1/useradm/users/me",
    tag = "Management API: users",
    responses(
        (status = 200, description = "The user", body = MeBody),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn me(caller: AuthedUser<OwnAccess>) -> Result<HttpResponse, ApiError> {
    let principal = caller.principal();
    let user = caller.users().get(principal.user).await?;
    let tenants = caller.own_tenants().list().await.map_err(storage_failure)?;
    Ok(HttpResponse::Ok().json(MeBody {
        user: user.into(),
        tenant_id: principal.tenant.to_string(),
        tenant_ids: tenants.iter().map(|tenant| tenant.id.to_string()).collect(),
        tenants: tenants
            .into_iter()
            .map(|tenant| TenantEntryBody { id: tenant.id.to_string(), name: tenant.name })
            .collect(),
    }))
}

/// Lists users.
#[utoipa::path(
    get,
    path = "/api/management/v1/useradm/users",
    tag = "Management API: users",
    params(
        ("id" = Option<Vec<String>>, Query, description = "Any of these ids"),
        ("email" = Option<Vec<String>>, Query, description = "Any of these addresses"),
        ("created_after" = Option<i64>, Query, description = "Seconds since 1970"),
        ("created_before" = Option<i64>, Query, description = "Seconds since 1970"),
        ("updated_after" = Option<i64>, Query, description = "Seconds since 1970"),
        ("updated_before" = Option<i64>, Query, description = "Seconds since 1970"),
    ),
    responses(
        (status = 200, description = "Users", body = [UserBody]),
        (status = 400, description = "Malformed query"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn list(caller: AuthedUser<ReadUsers>, query: Query) -> Result<HttpResponse, ApiError> {
    let Some(filter) = filter(&query)? else {
        return Ok(HttpResponse::Ok().json(Vec::<UserBody>::new()));
    };
    let found = caller.users().list(&filter).await?;
    let items: Vec<UserBody> = found.into_iter().map(UserBody::from).collect();
    Ok(HttpResponse::Ok().json(items))
}

/// A user.
#[utoipa::path(
    get,
    path = "/api/management/v1/useradm/users/{id}",
    tag = "Management API: users",
    params(("id" = String, Path, description = "User id")),
    responses(
        (status = 200, description = "The user", body = UserBody),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such user"),
    ),
    security(("user" = []))
)]
pub async fn get(caller: AuthedUser<ReadUsers>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let id = id.parse().map_err(|_| UserError::NotFound(id.clone()))?;
    Ok(HttpResponse::Ok().json(UserBody::from(caller.users().get(id).await?)))
}

impl From<LogInError> for ApiError {
    fn from(err: LogInError) -> Self {
        match err {
            LogInError::Refused => Self::new(Code::Unauthenticated, err.to_string()),
            LogInError::SecondFactorNeeded => Self::new(Code::SecondFactorNeeded, err.to_string()),
            LogInError::SecondFactorWrong => Self::new(Code::SecondFactorWrong, err.to_string()),
            LogInError::SecondFactorBlocked { retry_after_secs } => {
                Self::retry_after(Code::SecondFactorBlocked, err.to_string(), retry_after_secs)
            }
            LogInError::TooManyGuesses { retry_after_secs } => rate_limited(RetryAfter(retry_after_secs)),
            LogInError::SecondFactor(err) => check_failure(err),
            LogInError::Password(err) => password_failure(err),
            LogInError::Suspended => Self::new(Code::TenantSuspended, err.to_string()),
            LogInError::Sign(err) => Self::internal(err),
            LogInError::Storage(err) => storage_failure(err),
        }
    }
}

impl From<UserError> for ApiError {
    fn from(err: UserError) -> Self {
        let text = err.to_string();
        match err {
            UserError::InvalidEmail(_) => Self::new(Code::BadRequest, text),
            UserError::PasswordRefused(_)
            | UserError::EmailTaken
            | UserError::CurrentPassword
            | UserError::ForeignPassword => Self::new(Code::Unprocessable, text),
            UserError::NotFound(_) => Self::new(Code::NotFound, text),
            UserError::NotFirst | UserError::Changed => Self::new(Code::Conflict, text),
            UserError::Password(err) => password_failure(err),
            UserError::Storage(err) => storage_failure(err),
        }
    }
}

impl From<ConfirmError> for ApiError {
    fn from(err: ConfirmError) -> Self {
        match err {
            ConfirmError::Wrong => Self::new(Code::Unprocessable, err.to_string()),
            ConfirmError::TooManyGuesses { retry_after_secs } => rate_limited(RetryAfter(retry_after_secs)),
            ConfirmError::Password(err) => password_failure(err),
            ConfirmError::Storage(err) => storage_failure(err),
        }
    }
}

/// What a code that was not judged means.
pub(super) fn check_failure(err: CheckError) -> ApiError {
    match err {
        CheckError::Storage(err) => storage_failure(err),
        CheckError::Sealed { .. } => ApiError::internal(err),
    }
}

pub(super) fn password_failure(err: PasswordError) -> ApiError {
    match err {
        PasswordError::Overloaded { retry_after_secs } => {
            ApiError::retry_after(Code::Unavailable, err.to_string(), retry_after_secs)
        }
        PasswordError::Hash(_) | PasswordError::Interrupted(_) => ApiError::internal(err),
    }
}

/// Address and password of `Authorization: Basic …` (RFC 7617 §2); the password may hold colons.
pub(in crate::http) fn basic(request: &HttpRequest) -> Option<(String, SecretString)> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = zeroize::Zeroizing::new(STANDARD.decode(encoded.trim()).ok()?);
    let (email, password) = std::str::from_utf8(&text).ok()?.split_once(':')?;
    Some((email.to_owned(), SecretString::from(password)))
}

/// Which users are asked for; none if only strangers are named.
pub(in crate::http) fn filter(query: &Query) -> Result<Option<UserFilter>, ApiError> {
    let ids: Vec<_> = query.all("id").filter_map(|id| id.parse().ok()).collect();
    let emails: Vec<Email> = query.all("email").filter_map(|email| email.parse().ok()).collect();
    let names_only_strangers = (query.all("id").next().is_some() && ids.is_empty())
        || (query.all("email").next().is_some() && emails.is_empty());
    let filter = UserFilter {
        ids,
        emails,
        created_after: query.moment("created_after")?,
        created_before: query.moment("created_before")?,
        updated_after: query.moment("updated_after")?,
        updated_before: query.moment("updated_before")?,
    };
    Ok(if names_only_strangers { None } else { Some(filter) })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use secrecy::ExposeSecret as _;

    use super::basic;

    fn parsed(value: &str) -> Option<(String, String)> {
        let request = TestRequest::default().insert_header(("authorization", value)).to_http_request();
        basic(&request).map(|(email, password)| (email, password.expose_secret().to_owned()))
    }

    #[test]
    fn a_password_may_hold_colons_and_spaces() {
        let expected = Some(("a@b.c".to_owned(), "one: two:".to_owned()));
        assert_eq!(parsed("Basic YUBiLmM6b25lOiB0d286"), expected);
        assert_eq!(parsed("basic YUBiLmM6b25lOiB0d286"), expected);
    }

    #[test]
    fn anything_else_is_nobody() {
        for value in ["", "Basic", "Basic ***", "Basic YWRtaW4=", "Bearer YUBiLmM6b25l", "Basic /////w=="] {
            assert_eq!(parsed(value), None, "{value}");
        }
    }
}
