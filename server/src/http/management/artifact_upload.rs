//! Artifacts are uploaded (management API §4.1).

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::upload_form;
use crate::http::error::{ApiError, Code};
use crate::http::extract::{AuthedUser, Requires};
use crate::http::failure::storage_failure;
use crate::http::failure::unavailable;
use crate::http::shared_payload::SharedPayload;
use crate::ids::ArtifactId;
use crate::releases::{Releases, SignatureError, UploadError, UploadRequest};
use crate::users::Permission;

/// Seconds after which an upload that the end of the server cut short may come again.
const RETRY_SECS: u32 = 5;

/// May upload artifacts.
pub struct UploadArtifacts;
impl Requires for UploadArtifacts {
    const PERMISSION: Permission = Permission::ArtifactsUpload;
}

/// The form of an upload; the file is its last part.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "names the parts in the description")]
pub struct Form {
    /// How many bytes the file has.
    size: Option<u64>,
    /// What is said of it.
    description: Option<String>,
    /// The id that it shall have, a UUID.
    artifact_id: Option<String>,
    /// The file.
    #[schema(format = Binary)]
    artifact: String,
}

/// Takes an artifact, checked while it arrives: a refused one leaves nothing behind.
#[utoipa::path(
    post,
    path = "/api/management/v1/deployments/artifacts",
    tag = "Management API: artifacts",
    request_body(content = Form, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "Stored; `Location` names it, the body is empty"),
        (status = 400, description = "No file, a malformed form, or not an acceptable artifact"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 408, description = "The body did not arrive in time"),
        (status = 409, description = "An artifact of this name fits the same devices: `metadata.conflict`"),
        (status = 413, description = "Too large"),
        (status = 415, description = "Not a form"),
        (status = 422, description = "The signature policy refuses it, the id is taken, or more combinations of depends than can be kept apart"),
        (status = 503, description = "Too many uploads at once: try again later"),
        (status = 507, description = "No room is left"),
    ),
    security(("user" = []))
)]
pub async fn upload(
    caller: Result<AuthedUser<UploadArtifacts>, ApiError>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body = SharedPayload::of(&request, payload);
    let outcome = match caller {
        Ok(caller) => match place(&caller) {
            Ok(_place) => {
                let max_bytes = caller.limits().max_artifact_bytes;
                receive(&caller.releases(), max_bytes, &request, body.clone()).await
            }
            Err(refused) => Err(refused),
        },
        // The answer waits for the first of the form: `mender-cli` crashes on one that overtakes it.
        Err(refused) => Err(refused),
    };
    body.drain().await;
    let location = format!("{}/{}", request.path().trim_end_matches('/'), outcome?);
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).finish())
}

/// Takes a place among the uploads, given back on drop.
pub(super) fn place(caller: &AuthedUser<UploadArtifacts>) -> Result<impl Drop + use<>, ApiError> {
    caller.throttle().upload().map_err(|wait| unavailable("too many artifacts are being uploaded", wait))
}

async fn receive(
    releases: &Releases,
    max_bytes: u64,
    request: &HttpRequest,
    body: SharedPayload,
) -> Result<ArtifactId, ApiError> {
    let mut form = upload_form::open(request, body)?;
    let (fields, mut file) = upload_form::until_artifact(&mut form).await?;
    let mut upload = releases
        .upload(UploadRequest {
            id: fields.artifact_id,
            description: fields.description,
            declared_size: fields.size,
            max_bytes,
        })
        .await?;
    while let Some(chunk) = upload_form::next_chunk(&mut file).await? {
        upload.write(chunk).await?;
    }
    Ok(upload.finish().await?)
}

impl From<UploadError> for ApiError {
    fn from(err: UploadError) -> Self {
        let text = err.to_string();
        match err {
            UploadError::TooLarge { .. } => Self::new(Code::PayloadTooLarge, text),
            UploadError::SizeMismatch { .. } | UploadError::Refused(_) | UploadError::Description(_) => {
                Self::new(Code::BadRequest, text)
            }
            UploadError::Signature(err) => signature_refusal(&err),
            UploadError::TooManySlots(_) | UploadError::IdTaken(_) => Self::new(Code::Unprocessable, text),
            UploadError::Conflict { name, existing } => {
                let id = existing.map(|id| id.to_string());
                let conflict = json!({ "artifact_name": name, "artifact_id": id });
                Self::new(Code::Conflict, text).with_metadata(json!({ "conflict": conflict }))
            }
            UploadError::Full => Self::new(Code::InsufficientStorage, text),
            UploadError::Interrupted => Self::retry_after(Code::Unavailable, text, RETRY_SECS),
            UploadError::Blob(err) => Self::internal(err),
            UploadError::Storage(err) => storage_failure(err),
        }
    }
}

fn signature_refusal(err: &SignatureError) -> ApiError {
    let code = match err {
        SignatureError::Missing => Code::SignatureRequired,
        SignatureError::Untrusted { .. } => Code::SignatureUntrusted,
        SignatureError::Revoked { .. } => Code::KeyRevoked,
        SignatureError::OutsideValidity { .. } => Code::KeyNotValid,
    };
    ApiError::new(code, err.to_string())
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError as _;
    use actix_web::body::to_bytes;
    use serde_json::Value;

    use super::{ApiError, UploadError};

    #[tokio::test]
    async fn a_conflict_names_what_is_in_the_way() {
        let err = UploadError::Conflict { name: "r1".to_owned(), existing: Some(uuid::Uuid::nil().into()) };
        let response = ApiError::from(err).error_response();
        assert_eq!(response.status(), 409);
        let body: Value = serde_json::from_slice(&to_bytes(response.into_body()).await.unwrap()).unwrap();
        assert_eq!(body["error"], "an artifact with the same name and depends already exists");
        assert_eq!(body["metadata"]["conflict"]["artifact_name"], "r1");
        assert_eq!(body["metadata"]["conflict"]["artifact_id"], "00000000-0000-0000-0000-000000000000");
    }

    #[test]
    fn refusals_have_the_status_that_clients_know() {
        let status = |err: UploadError| ApiError::from(err).status_code().as_u16();
        assert_eq!(status(UploadError::TooLarge { limit: 1 }), 413);
        assert_eq!(status(UploadError::SizeMismatch { declared: 1 }), 400);
        assert_eq!(status(UploadError::Refused(String::new())), 400);
        assert_eq!(status(UploadError::IdTaken(uuid::Uuid::nil().into())), 422);
        assert_eq!(status(UploadError::Full), 507);
        assert_eq!(status(UploadError::Interrupted), 503);
    }
}
