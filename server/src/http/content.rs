//! The bytes of artifacts, as answers.

use actix_web::{HttpRequest, HttpResponse};

use super::error::{ApiError, Code};
use super::failure::storage_failure;
use super::file_body::{ServedFile, serve_file};
use crate::crypto::hex;
use crate::releases::{Content, ReleaseError};

/// The type that existing tools give artifacts.
const ARTIFACT_TYPE: &str = "application/vnd.mender-artifact";

/// Answers with an artifact, or the part of it that is asked for.
#[must_use]
pub fn artifact_answer(request: &HttpRequest, content: Content) -> HttpResponse {
    let served = ServedFile {
        file: content.file,
        size_bytes: content.size,
        content_id: &hex(&content.sha256),
        content_type: ARTIFACT_TYPE,
        filename: Some(&content.file_name),
    };
    serve_file(request, served)
}

impl From<ReleaseError> for ApiError {
    fn from(err: ReleaseError) -> Self {
        let text = err.to_string();
        match err {
            ReleaseError::ArtifactNotFound(_) | ReleaseError::ReleaseNotFound(_) => {
                Self::new(Code::NotFound, text)
            }
            ReleaseError::InUse { deployments } => {
                let ids: Vec<String> = deployments.iter().map(ToString::to_string).collect();
                Self::new(Code::Conflict, text)
                    .with_metadata(serde_json::json!({ "active_deployments": ids }))
            }
            ReleaseError::TooManyTags => Self::new(Code::Conflict, text),
            ReleaseError::BeyondTags(_) => Self::new(Code::PermissionDenied, text),
            ReleaseError::Used(_) => Self::new(Code::Unprocessable, text),
            ReleaseError::Description(_) => Self::new(Code::BadRequest, text),
            ReleaseError::Interrupted => Self::new(Code::Unavailable, text),
            ReleaseError::Blob(err) => Self::internal(err),
            ReleaseError::Storage(err) => storage_failure(err),
        }
    }
}
