//! Artifacts are uploaded in parts, by tus 1.0.0: an upload goes on where a break left it.

use actix_web::http::header::{ALLOW, LOCATION};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use futures_util::StreamExt as _;
use serde::Serialize;
use serde_json::json;

use super::artifact_upload::{UploadArtifacts, place};
use super::upload_form::PATIENCE;
use super::{timestamp, tus};
use crate::http::base_url::base_url;
use crate::http::body::{announced_length, is_slow, too_slow};
use crate::http::error::{ApiError, Code};
use crate::http::extract::{Anonymous, AuthedUser};
use crate::http::shared_payload::SharedPayload;
use crate::ids::UploadId;
use crate::releases::{Checksum, NewUpload, PartialUpload, PartialUploadError, Received, Uploads};

type Caller = Result<AuthedUser<UploadArtifacts>, ApiError>;

/// What the server can do, in headers: `Tus-Version`, `Tus-Extension`, `Tus-Max-Size`, `Tus-Checksum-Algorithm`.
#[utoipa::path(
    options,
    path = "/api/management/v1/deployments/artifacts/uploads",
    tag = "Management API: uploads in parts",
    responses((status = 204, description = "The headers say it"))
)]
pub async fn capabilities(caller: Anonymous) -> HttpResponse {
    let limits = caller.limits();
    let largest = limits.max_artifact_bytes.min(limits.unfinished_uploads_max_bytes);
    let mut response = HttpResponse::NoContent();
    for method in ["POST", "GET", "OPTIONS"] {
        response.append_header((ALLOW, method));
    }
    response
        .insert_header((tus::VERSIONS, tus::VERSION))
        .insert_header((tus::EXTENSION, tus::EXTENSIONS))
        .insert_header((tus::MAX_SIZE, largest))
        .insert_header((tus::CHECKSUM_ALGORITHM, tus::ALGORITHMS));
    tus::answer(Ok(response.finish()))
}

/// Begins an upload of `Upload-Length` bytes; the first of them may come along.
///
/// Of `Upload-Metadata` the keys `description` and `artifact_id` count; others are told back.
#[utoipa::path(
    post,
    path = "/api/management/v1/deployments/artifacts/uploads",
    tag = "Management API: uploads in parts",
    params(
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Length" = u64, Header, description = "Bytes of the artifact"),
        ("Upload-Metadata" = Option<String>, Header, description = "Keys and values in base64"),
    ),
    responses(
        (status = 201, description = "Begun; `Location` is the upload. `Artifact-ID` if all bytes came along"),
        (status = 400, description = "A malformed header, or not an acceptable artifact"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 409, description = "An artifact of this name fits the same devices: `metadata.conflict`"),
        (status = 412, description = "Another version of tus"),
        (status = 413, description = "Too large"),
        (status = 415, description = "The body is not a part"),
        (status = 422, description = "The signature policy refuses it, or the id is taken"),
        (status = 429, description = "Too many unfinished uploads"),
        (status = 460, description = "The checksum of the part does not match"),
        (status = 503, description = "Too many uploads at once: try again later"),
        (status = 507, description = "No room is left"),
    ),
    security(("user" = []))
)]
pub async fn create(caller: Caller, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let body = SharedPayload::of(&request, payload);
    let outcome = match caller {
        Ok(caller) => begin(&caller, &request, body.clone()).await,
        Err(refused) => Err(refused),
    };
    conclude(outcome, body).await
}

/// An upload that is not finished.
#[derive(Serialize, utoipa::ToSchema)]
pub struct UploadBody {
    /// Its id, the last part of its URL.
    id: String,
    /// Bytes that it will have.
    length: u64,
    /// Where it goes on.
    offset: u64,
    /// What came with it, as it was sent.
    metadata: String,
    /// When it is forgotten.
    expires: String,
}

/// The caller's uploads that are not finished, oldest first.
#[utoipa::path(
    get,
    path = "/api/management/v1/deployments/artifacts/uploads",
    tag = "Management API: uploads in parts",
    responses(
        (status = 200, description = "The uploads", body = [UploadBody]),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
    ),
    security(("user" = []))
)]
pub async fn list(caller: AuthedUser<UploadArtifacts>) -> Result<HttpResponse, ApiError> {
    let body = |upload: PartialUpload| UploadBody {
        id: upload.id.to_string(),
        length: upload.length,
        offset: upload.received,
        metadata: upload.metadata,
        expires: timestamp(upload.expires_at),
    };
    let uploads: Vec<UploadBody> = caller.uploads().unfinished().await?.into_iter().map(body).collect();
    Ok(HttpResponse::Ok().json(uploads))
}

/// Where an upload goes on: `Upload-Offset`; with `Artifact-ID` once it is complete.
#[utoipa::path(
    head,
    path = "/api/management/v1/deployments/artifacts/uploads/{id}",
    tag = "Management API: uploads in parts",
    params(("id" = String, Path, description = "Upload id"), ("Tus-Resumable" = String, Header, description = "1.0.0")),
    responses(
        (status = 200, description = "The headers say it"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "The caller has no such upload"),
        (status = 410, description = "Its time is over"),
        (status = 412, description = "Another version of tus"),
    ),
    security(("user" = []))
)]
pub async fn offset(caller: Caller, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let look = async {
        let caller = caller?;
        tus::check_version(request.headers())?;
        let upload = caller.uploads().find(upload_id(&id)?).await?;
        let mut response = HttpResponse::Ok();
        response.insert_header((tus::LENGTH, upload.length));
        if !upload.metadata.is_empty() {
            response.insert_header((tus::METADATA, upload.metadata));
        }
        let received =
            Received { offset: upload.received, expires_at: upload.expires_at, artifact: upload.artifact };
        tell(&mut response, received);
        Ok(response.finish())
    };
    tus::answer(look.await)
}

/// Goes on with an upload at `Upload-Offset`. With the last byte the artifact exists: `Artifact-ID` names it.
///
/// A part with `Upload-Checksum` counts only as a whole.
#[utoipa::path(
    patch,
    path = "/api/management/v1/deployments/artifacts/uploads/{id}",
    tag = "Management API: uploads in parts",
    params(
        ("id" = String, Path, description = "Upload id"),
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Offset" = u64, Header, description = "Where the part begins"),
        ("Upload-Checksum" = Option<String>, Header, description = "`sha256` or `sha1`, and the digest of the part in base64"),
    ),
    request_body(content_type = "application/offset+octet-stream", description = "The bytes"),
    responses(
        (status = 204, description = "Stored; `Upload-Offset` is where the upload goes on"),
        (status = 400, description = "A malformed header, or not an acceptable artifact: the upload is over"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "The caller has no such upload"),
        (status = 408, description = "The body did not arrive in time"),
        (status = 409, description = "The upload goes on elsewhere (`metadata.upload`), or an artifact of this name fits the same devices (`metadata.conflict`)"),
        (status = 410, description = "Its time is over"),
        (status = 412, description = "Another version of tus"),
        (status = 413, description = "More bytes than the upload has"),
        (status = 415, description = "Not a part"),
        (status = 422, description = "The signature policy refuses it, the id is taken, or more combinations of depends than can be kept apart: the upload is over"),
        (status = 423, description = "Another part is arriving"),
        (status = 460, description = "The checksum does not match: nothing of the part counts"),
        (status = 503, description = "Too many uploads at once: try again later"),
        (status = 507, description = "No room is left; the upload can go on"),
    ),
    security(("user" = []))
)]
pub async fn append(
    caller: Caller,
    request: HttpRequest,
    id: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    let body = SharedPayload::of(&request, payload);
    let take = async |body: SharedPayload| {
        let caller = caller?;
        tus::check_version(request.headers())?;
        let id = upload_id(&id)?;
        if !tus::is_part(request.headers()) {
            return Err(tus::not_a_part());
        }
        let offset = tus::offset(request.headers())?;
        let _place = place(&caller)?;
        let received = receive(&caller.uploads(), id, offset, &request, body).await?;
        let mut response = HttpResponse::NoContent();
        tell(&mut response, received);
        Ok(response.finish())
    };
    conclude(take(body.clone()).await, body).await
}

/// Ends an upload: nothing of it stays. An artifact that it became does.
#[utoipa::path(
    delete,
    path = "/api/management/v1/deployments/artifacts/uploads/{id}",
    tag = "Management API: uploads in parts",
    params(("id" = String, Path, description = "Upload id"), ("Tus-Resumable" = String, Header, description = "1.0.0")),
    responses(
        (status = 204, description = "Ended"),
        (status = 401, description = "No valid session"),
        (status = 403, description = "Not allowed"),
        (status = 404, description = "The caller has no such upload"),
        (status = 410, description = "Its time is over"),
        (status = 412, description = "Another version of tus"),
        (status = 423, description = "A part is arriving"),
    ),
    security(("user" = []))
)]
pub async fn end(caller: Caller, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let end = async {
        let caller = caller?;
        tus::check_version(request.headers())?;
        caller.uploads().end(upload_id(&id)?).await?;
        Ok(HttpResponse::NoContent().finish())
    };
    tus::answer(end.await)
}

/// Reads what is left of a refused body, so that its client sees the answer.
async fn conclude(outcome: Result<HttpResponse, ApiError>, body: SharedPayload) -> HttpResponse {
    if outcome.is_err() {
        body.drain().await;
    }
    tus::answer(outcome)
}

async fn begin(
    caller: &AuthedUser<UploadArtifacts>,
    request: &HttpRequest,
    body: SharedPayload,
) -> Result<HttpResponse, ApiError> {
    let headers = request.headers();
    tus::check_version(headers)?;
    let length = tus::length(headers)?;
    let has_part = tus::is_part(headers);
    if !has_part && announced_length(request.headers())?.is_some_and(|length| length > 0) {
        return Err(tus::not_a_part());
    }
    let checksum = tus::checksum(headers)?;
    let base = base_url(caller.public_url(), request)?;
    let _place = if has_part { Some(place(caller)?) } else { None };
    let uploads = caller.uploads();
    let upload = uploads.create(NewUpload { length, metadata: tus::metadata(headers)? }).await?;
    let mut received = Received { offset: 0, expires_at: upload.expires_at, artifact: None };
    if has_part {
        received = take(&uploads, upload.id, 0, checksum, request, body).await?;
    }
    let mut response = HttpResponse::Created();
    response
        .insert_header((LOCATION, format!("{base}{}/{}", request.path().trim_end_matches('/'), upload.id)));
    tell(&mut response, received);
    Ok(response.finish())
}

async fn receive(
    uploads: &Uploads,
    id: UploadId,
    offset: u64,
    request: &HttpRequest,
    body: SharedPayload,
) -> Result<Received, ApiError> {
    let checksum = tus::checksum(request.headers())?;
    let upload = uploads.find(id).await?;
    if upload.artifact.is_some() && offset == upload.length {
        // The answer to the last part was lost.
        return Ok(Received { offset, expires_at: upload.expires_at, artifact: upload.artifact });
    }
    take(uploads, id, offset, checksum, request, body).await
}

async fn take(
    uploads: &Uploads,
    id: UploadId,
    offset: u64,
    checksum: Option<Checksum>,
    request: &HttpRequest,
    mut body: SharedPayload,
) -> Result<Received, ApiError> {
    let mut part = uploads.go_on(id, offset, announced_length(request.headers())?, checksum).await?;
    while let Some(chunk) = next_chunk(&mut body).await? {
        part.write(chunk).await?;
    }
    Ok(part.finish().await?)
}

async fn next_chunk(body: &mut SharedPayload) -> Result<Option<Bytes>, ApiError> {
    let next = tokio::time::timeout(PATIENCE, body.next()).await.map_err(|_| too_slow())?;
    next.transpose().map_err(|err| {
        if is_slow(&err) {
            return too_slow();
        }
        ApiError::new(Code::BadRequest, format!("request body could not be read: {err}"))
    })
}

fn tell(response: &mut HttpResponseBuilder, received: Received) {
    response.insert_header((tus::OFFSET, received.offset));
    tus::expires(response, received.expires_at);
    if let Some(artifact) = received.artifact {
        response.insert_header((tus::ARTIFACT_ID, artifact.to_string()));
    }
}

fn upload_id(text: &str) -> Result<UploadId, ApiError> {
    text.parse().map_err(|_| ApiError::new(Code::NotFound, format!("upload {text:?} does not exist")))
}

impl From<PartialUploadError> for ApiError {
    fn from(err: PartialUploadError) -> Self {
        let text = err.to_string();
        match err {
            PartialUploadError::NotFound(_) => Self::new(Code::NotFound, text),
            PartialUploadError::Gone(_) => Self::new(Code::UploadGone, text),
            PartialUploadError::Locked(_) => Self::new(Code::UploadLocked, text),
            PartialUploadError::WrongOffset { expected, artifact, .. } => {
                let artifact = artifact.map(|id| id.to_string());
                let upload = json!({ "offset": expected, "artifact_id": artifact });
                Self::new(Code::OffsetMismatch, text).with_metadata(json!({ "upload": upload }))
            }
            PartialUploadError::Checksum => Self::new(Code::ChecksumMismatch, text),
            PartialUploadError::TooLong { .. } => Self::new(Code::PayloadTooLarge, text),
            PartialUploadError::BrokenOff | PartialUploadError::Empty | PartialUploadError::Metadata(_) => {
                Self::new(Code::BadRequest, text)
            }
            PartialUploadError::TooMany { .. } | PartialUploadError::TooManyBytes { .. } => {
                Self::new(Code::TooManyUploads, text)
            }
            PartialUploadError::Upload(err) => err.into(),
        }
    }
}
