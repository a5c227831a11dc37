//! Second factors of users (management API §1.5).

use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use super::Secret;
use super::users::{OwnAccess, OwnAccount, check_failure};
use crate::crypto::second_factor::qr_png;
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Freshness, Requires, Sent, set_up_first};
use crate::http::failure::storage_failure;
use crate::ids::UserId;
use crate::mail::Matter;
use crate::users::{Permission, Principal, SecondFactorError};

/// May take one's own second factor away, or, with more, that of another.
pub struct DisableFactor;
impl Requires for DisableFactor {
    const PERMISSION: Permission = Permission::AccountOwn;
    const FRESHNESS: Freshness = Freshness::WhereAsked;
    // Who begins again with another device gives up what is half set up.
    const DURING_2FA_SETUP: bool = true;
}

/// May have recovery codes.
pub struct RenewRecoveryCodes;
impl Requires for RenewRecoveryCodes {
    const PERMISSION: Permission = Permission::AccountOwn;
    const FRESHNESS: Freshness = Freshness::Always;
}

/// A code of an authenticator.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct SecondFactorCode {
    /// Six digits.
    #[schema(value_type = String)]
    token2fa: Secret,
}

/// What an authenticator scans.
#[derive(Serialize, utoipa::ToSchema)]
pub struct QrCode {
    /// A PNG in base 64.
    qr: String,
}

/// Codes that stand in for those of an authenticator, each once.
#[derive(Serialize, utoipa::ToSchema)]
pub struct RecoveryCodes {
    codes: Vec<String>,
}

/// How many recovery codes are left.
#[derive(Serialize, utoipa::ToSchema)]
pub struct RecoveryCodesLeft {
    left: u64,
}

/// Makes a TOTP secret for the caller, who is `me` or the own id. It counts when the first code came.
#[utoipa::path(
    post,
    path = "/api/management/v1/useradm/users/{id}/2fa/enable",
    tag = "Management API: users",
    params(("id" = String, Path, description = "`me`, or the caller's id")),
    responses(
        (status = 200, description = "Made, or in use already"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, or another user"),
        (status = 503, description = "Too busy, or the database is away"),
    ),
    security(("user" = []))
)]
pub async fn enable(caller: AuthedUser<OwnAccess>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    if whom(&id, caller.principal()) != Some(caller.principal().user) {
        let message = "a second factor is set up by its owner only";
        return Err(ApiError::new(Code::PermissionDenied, message));
    }
    caller.second_factor().enable().await?;
    Ok(HttpResponse::Ok().finish())
}

/// Shows what the caller's authenticator has to scan, until the first code came.
#[utoipa::path(
    get,
    path = "/api/management/v1/useradm/2faqr",
    tag = "Management API: users",
    responses(
        (status = 200, description = "The picture", body = QrCode),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 409, description = "No second factor is being set up"),
        (status = 503, description = "Too busy, or the database is away"),
    ),
    security(("user" = []))
)]
pub async fn qr(caller: AuthedUser<OwnAccess>) -> Result<HttpResponse, ApiError> {
    let uri = caller.second_factor().uri().await?;
    let picture = qr_png(&uri).map_err(ApiError::internal)?;
    Ok(secret().json(QrCode { qr: STANDARD.encode(picture) }))
}

/// Makes the caller's TOTP secret count, by its first code.
#[utoipa::path(
    put,
    path = "/api/management/v1/useradm/2faverify",
    tag = "Management API: users",
    request_body = SecondFactorCode,
    responses(
        (status = 202, description = "From now on log-ins need a code"),
        (status = 400, description = "Malformed body, or a wrong code"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 409, description = "No second factor is being set up"),
        (status = 413, description = "Body too large"),
        (status = 415, description = "Not JSON"),
        (status = 429, description = "Too many wrong codes: try again later"),
        (status = 503, description = "Too busy, or the database is away"),
    ),
    security(("user" = []))
)]
pub async fn verify(sent: Sent<OwnAccess, SecondFactorCode>) -> Result<HttpResponse, ApiError> {
    let Sent(caller, body) = sent;
    caller.second_factor().verify(body.token2fa.0.expose_secret().trim()).await?;
    tracing::info!(user.id = %caller.principal().user, "second factor enabled");
    caller.tell(caller.principal().user, Matter::FactorAdded);
    Ok(HttpResponse::Accepted().finish())
}

/// Takes a second factor away: one's own, or, for who manages users, that of another.
#[utoipa::path(
    post,
    path = "/api/management/v1/useradm/users/{id}/2fa/disable",
    tag = "Management API: users",
    params(("id" = String, Path, description = "`me`, or a user's id")),
    responses(
        (status = 200, description = "There is none any more"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, or the proof of who is calling is too old"),
        (status = 404, description = "No such user"),
        (status = 503, description = "Too busy, or the database is away"),
    ),
    security(("user" = []))
)]
pub async fn disable(
    caller: AuthedUser<DisableFactor>,
    id: web::Path<String>,
) -> Result<HttpResponse, ApiError> {
    let principal = caller.principal();
    let user = whom(&id, principal);
    if user == Some(principal.user) {
        caller.second_factor().disable().await?;
        tracing::info!(user.id = %principal.user, "second factor disabled");
        caller.tell(principal.user, Matter::FactorRemoved);
        return Ok(HttpResponse::Ok().finish());
    }
    if principal.has_to_set_up_2fa() {
        return Err(set_up_first());
    }
    if !principal.may(Permission::UsersManage) {
        let message = format!("permission {} is needed", Permission::UsersManage);
        return Err(ApiError::new(Code::PermissionDenied, message));
    }
    let user = user.ok_or_else(|| ApiError::new(Code::NotFound, format!("user {id} does not exist")))?;
    caller.members().require_covered(user).await?;
    caller.second_factor().reset(user).await?;
    tracing::info!(user.id = %principal.user, object.id = %user, "second factor of another user reset");
    caller.tell(user, Matter::FactorRemoved);
    Ok(HttpResponse::Ok().finish())
}

/// Gives the caller ten new recovery codes, which are shown this once; those of before are void.
#[utoipa::path(
    post,
    path = "/api/management/v1/useradm/users/me/2fa/recovery-codes",
    tag = "Management API: users",
    responses(
        (status = 200, description = "The codes", body = RecoveryCodes),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed, or the proof of who is calling is too old"),
        (status = 409, description = "There is no second factor that they could stand in for"),
        (status = 503, description = "Too busy, or the database is away"),
    ),
    security(("user" = []))
)]
pub async fn renew_recovery_codes(caller: AuthedUser<RenewRecoveryCodes>) -> Result<HttpResponse, ApiError> {
    let codes = caller.second_factor().renew_recovery_codes().await?;
    tracing::info!(user.id = %caller.principal().user, "recovery codes renewed");
    let codes = codes.iter().map(|code| code.expose_secret().to_owned()).collect();
    Ok(secret().json(RecoveryCodes { codes }))
}

/// Tells how many recovery codes the caller has left.
#[utoipa::path(
    get,
    path = "/api/management/v1/useradm/users/me/2fa/recovery-codes",
    tag = "Management API: users",
    responses(
        (status = 200, description = "How many", body = RecoveryCodesLeft),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 503, description = "Too busy, or the database is away"),
    ),
    security(("user" = []))
)]
pub async fn count_recovery_codes(caller: AuthedUser<OwnAccount>) -> Result<HttpResponse, ApiError> {
    let left = caller.second_factor().count_recovery_codes().await?;
    Ok(HttpResponse::Ok().json(RecoveryCodesLeft { left }))
}

impl From<SecondFactorError> for ApiError {
    fn from(err: SecondFactorError) -> Self {
        let text = err.to_string();
        match err {
            SecondFactorError::NoUser(_) => Self::new(Code::NotFound, text),
            SecondFactorError::OwnFactor => Self::new(Code::PermissionDenied, text),
            SecondFactorError::State(_) => Self::new(Code::Conflict, text),
            SecondFactorError::Wrong => Self::new(Code::SecondFactorRefused, text),
            SecondFactorError::Blocked { retry_after_secs } => {
                Self::retry_after(Code::RateLimited, text, retry_after_secs)
            }
            SecondFactorError::Check(err) => check_failure(err),
            SecondFactorError::Seal(err) => Self::internal(err),
            SecondFactorError::Random(err) => Self::internal(err),
            SecondFactorError::Storage(err) => storage_failure(err),
        }
    }
}

/// The user that a path names; `me` is the caller.
fn whom(id: &str, caller: &Principal) -> Option<UserId> {
    if id == "me" { Some(caller.user) } else { id.parse().ok() }
}

/// An answer that nobody keeps.
fn secret() -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    response
}
