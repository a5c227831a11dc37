//! The end of the audit trail, to be kept elsewhere (user authentication §9).

use actix_web::HttpResponse;

use super::audit_logs::ReadAudit;
use crate::audit::{CheckpointFile, CustodyError};
use crate::http::error::ApiError;
use crate::http::extract::AuthedUser;
use crate::http::failure::storage_failure;

/// Signs the end of the audit trail as it is now. Kept elsewhere, it shows `sealift check --audit --checkpoint` what was
/// changed or cut off since.
#[utoipa::path(
    get,
    path = "/api/management/v1/auditlogs/checkpoint",
    tag = "Management API: audit",
    responses(
        (status = 200, description = "The end of the trail, signed", body = CheckpointFile),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn get(caller: AuthedUser<ReadAudit>) -> Result<HttpResponse, ApiError> {
    let checkpoint = caller.sign_audit_end().await.map_err(|err| match err {
        CustodyError::Storage(err) => storage_failure(err),
        CustodyError::Sign(_) => ApiError::internal(err),
    })?;
    Ok(HttpResponse::Ok().json(CheckpointFile::from(&checkpoint)))
}
