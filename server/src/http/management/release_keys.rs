//! Keys whose signatures on artifacts count: added, looked at, revoked.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::timestamp;
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Freshness, Requires, Sent};
use crate::http::failure::storage_failure;
use crate::http::listing::{Extent, part};
use crate::http::query::{MAX_PER_PAGE, Query};
use crate::ids::KeyId;
use crate::releases::{KeyRefusal, NewKey, VerificationKey};
use crate::users::Permission;

/// May see whose signatures count.
pub struct ReadTrust;
impl Requires for ReadTrust {
    const PERMISSION: Permission = Permission::TrustRead;
}

/// May decide whose signatures count.
pub struct WriteTrust;
impl Requires for WriteTrust {
    const PERMISSION: Permission = Permission::TrustWrite;
    const FRESHNESS: Freshness = Freshness::Always;
}

/// A key to be trusted.
#[derive(Deserialize, utoipa::ToSchema)]
pub struct NewKeyBody {
    /// What people call it: 1 to 256 characters.
    name: String,
    /// A `PUBLIC KEY` block in PEM form: RSA of 2048 to 4096 bits, ECDSA P-256 or Ed25519.
    public_key: String,
    /// Its signatures do not count before this moment; RFC 3339.
    #[schema(value_type = Option<String>)]
    not_before: Option<DateTime<Utc>>,
    /// Its signatures do not count after this moment; RFC 3339.
    #[schema(value_type = Option<String>)]
    not_after: Option<DateTime<Utc>>,
}

/// A key whose signatures count, or did.
#[derive(Serialize, utoipa::ToSchema)]
pub struct KeyBody {
    id: String,
    name: String,
    /// `valid`, `not_yet_valid`, `expired` or `revoked`.
    status: &'static str,
    /// `rsa-pkcs1v15-sha256`, `ecdsa-p256-sha256-raw-rs` or `ed25519`.
    algorithm: &'static str,
    /// SHA-256 of the key as an SPKI structure in DER form, in hexadecimal.
    fingerprint: String,
    public_key: String,
    not_before: Option<String>,
    not_after: Option<String>,
    created_at: String,
    /// The id of a user.
    created_by: String,
    revoked_at: Option<String>,
    /// The id of a user.
    revoked_by: Option<String>,
}

impl KeyBody {
    fn new(key: &VerificationKey, now: DateTime<Utc>) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            status: key.validity.at(now).as_str(),
            algorithm: key.key.algorithm().id(),
            fingerprint: key.key.fingerprint().to_string(),
            public_key: key.key.to_pem(),
            not_before: key.validity.not_before.map(timestamp),
            not_after: key.validity.not_after.map(timestamp),
            created_at: timestamp(key.created_at),
            created_by: key.created_by.to_string(),
            revoked_at: key.revocation.map(|(at, _)| timestamp(at)),
            revoked_by: key.revocation.map(|(_, by)| by.to_string()),
        }
    }
}

/// Trusts a key. Artifacts that are stored already are compared with it before this is answered.
#[utoipa::path(
    post,
    path = "/api/management/v1/releases/keys",
    tag = "Management API: release trust",
    request_body = NewKeyBody,
    responses(
        (status = 201, description = "Trusted; `Location` names it", body = KeyBody),
        (status = 400, description = "Malformed, not such a key, or a name or time that cannot be"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 409, description = "The same key is trusted already"),
        (status = 413, description = "Too large"),
        (status = 415, description = "Not JSON"),
        (status = 422, description = "No further key may be added"),
    ),
    security(("user" = []))
)]
pub async fn add(sent: Sent<WriteTrust, NewKeyBody>, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let Sent(caller, body) = sent;
    let NewKeyBody { name, public_key, not_before, not_after } = body;
    let new = NewKey { name, pem: public_key, not_before, not_after };
    let key = caller.release_trust().add(&new, caller.principal().user).await?;
    let location = format!("{}/{}", request.path().trim_end_matches('/'), key.id);
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(KeyBody::new(&key, caller.now())))
}

/// Lists keys, newest first, revoked ones included.
#[utoipa::path(
    get,
    path = "/api/management/v1/releases/keys",
    tag = "Management API: release trust",
    params(
        ("page" = Option<u64>, Query, description = "Part of the list, from 1"),
        ("per_page" = Option<u64>, Query, description = "Rows in a part, at most 500"),
    ),
    responses(
        (status = 200, description = "Keys", body = [KeyBody]),
        (status = 400, description = "No such part"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn list(
    caller: AuthedUser<ReadTrust>,
    request: HttpRequest,
    query: Query,
) -> Result<HttpResponse, ApiError> {
    let page = query.page(MAX_PER_PAGE)?;
    let (keys, total) = caller.release_trust().keys(page).await?;
    let now = caller.now();
    let items: Vec<KeyBody> = keys.iter().map(|key| KeyBody::new(key, now)).collect();
    Ok(part(&request, &query, page, Extent::Total(total), &items))
}

/// A key.
#[utoipa::path(
    get,
    path = "/api/management/v1/releases/keys/{id}",
    tag = "Management API: release trust",
    params(("id" = String, Path, description = "Key id")),
    responses(
        (status = 200, description = "The key", body = KeyBody),
        (status = 400, description = "Not a UUID"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such key"),
    ),
    security(("user" = []))
)]
pub async fn get(caller: AuthedUser<ReadTrust>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let key = caller.release_trust().key(key_id(&id)?).await?;
    Ok(HttpResponse::Ok().json(KeyBody::new(&key, caller.now())))
}

/// Ends the trust in a key, for good. Where signatures are required, what only it signed is not offered any more.
#[utoipa::path(
    post,
    path = "/api/management/v1/releases/keys/{id}/revoke",
    tag = "Management API: release trust",
    params(("id" = String, Path, description = "Key id")),
    responses(
        (status = 200, description = "Revoked, now or before", body = KeyBody),
        (status = 400, description = "Not a UUID"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "No such key"),
    ),
    security(("user" = []))
)]
pub async fn revoke(caller: AuthedUser<WriteTrust>, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let key = caller.release_trust().revoke(key_id(&id)?, caller.principal().user).await?;
    Ok(HttpResponse::Ok().json(KeyBody::new(&key, caller.now())))
}

fn key_id(text: &str) -> Result<KeyId, ApiError> {
    text.parse().map_err(|_| ApiError::new(Code::BadRequest, "ID is not a valid UUID"))
}

impl From<KeyRefusal> for ApiError {
    fn from(err: KeyRefusal) -> Self {
        let text = err.to_string();
        match err {
            KeyRefusal::Key(_) | KeyRefusal::Name | KeyRefusal::Window => Self::new(Code::BadRequest, text),
            KeyRefusal::Known(_) => Self::new(Code::Conflict, text),
            KeyRefusal::TooMany => Self::new(Code::Unprocessable, text),
            KeyRefusal::NotFound(_) => Self::new(Code::NotFound, text),
            KeyRefusal::Compare(err) => (*err).into(),
            KeyRefusal::Storage(err) => storage_failure(err),
        }
    }
}
