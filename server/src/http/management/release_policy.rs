//! What is asked of the signatures of artifacts.

use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};

use super::release_keys::{ReadTrust, WriteTrust};
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Sent};
use crate::http::failure::storage_failure;
use crate::releases::{SignaturePolicy, UnknownPolicy};

/// What is asked.
#[derive(Deserialize, Serialize, utoipa::ToSchema)]
pub struct PolicyBody {
    /// `off`: nothing. `warn`: nothing, but artifacts show whose signature they carry. `require`: only what a valid
    /// key signed is stored and offered.
    signature: String,
}

/// What is asked of signatures.
#[utoipa::path(
    get,
    path = "/api/management/v1/releases/policy",
    tag = "Management API: release trust",
    responses(
        (status = 200, description = "The policy", body = PolicyBody),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn get(caller: AuthedUser<ReadTrust>) -> Result<HttpResponse, ApiError> {
    let policy = caller.release_trust().policy().await.map_err(storage_failure)?;
    Ok(HttpResponse::Ok().json(PolicyBody { signature: policy.as_str().to_owned() }))
}

/// Asks something else of signatures; what is stored and offered already is judged by it from now on.
#[utoipa::path(
    put,
    path = "/api/management/v1/releases/policy",
    tag = "Management API: release trust",
    request_body = PolicyBody,
    responses(
        (status = 204, description = "It holds"),
        (status = 400, description = "Malformed, or no such policy"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 413, description = "Too large"),
        (status = 415, description = "Not JSON"),
    ),
    security(("user" = []))
)]
pub async fn put(sent: Sent<WriteTrust, PolicyBody>) -> Result<HttpResponse, ApiError> {
    let Sent(caller, body) = sent;
    let policy: SignaturePolicy = body
        .signature
        .parse()
        .map_err(|err: UnknownPolicy| ApiError::new(Code::BadRequest, format!("signature: {err}")))?;
    let done = caller.release_trust().set_policy(policy, caller.principal().user).await;
    done.map_err(storage_failure)?;
    Ok(HttpResponse::NoContent().finish())
}
