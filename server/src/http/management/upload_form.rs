//! The form in which artifacts are uploaded (management API §4.1): small fields in any order, then the file.

use std::time::Duration;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;
use futures_util::StreamExt as _;

use crate::http::body::{is_slow, too_slow};
use crate::http::error::{ApiError, Code};
use crate::http::shared_payload::SharedPayload;
use crate::ids::ArtifactId;

/// Bytes of one small field.
pub(super) const MAX_FIELD_BYTES: usize = 1 << 20;

/// Digits of a size.
const MAX_SIZE_BYTES: usize = 20;

/// Fields before the file, unknown ones included.
pub(super) const MAX_FIELDS: usize = 32;

/// How long a client may take to send anything more.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// The small fields, as far as they came before the file.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::http) struct UploadFields {
    /// How many bytes the file has.
    pub(in crate::http) size: Option<u64>,
    /// What the uploader says of it.
    pub(in crate::http) description: String,
    /// The id that it shall have.
    pub(in crate::http) artifact_id: Option<ArtifactId>,
}

/// Opens the form: `multipart/form-data` or `multipart/mixed`.
pub(in crate::http) fn open(request: &HttpRequest, body: SharedPayload) -> Result<Multipart, ApiError> {
    let header = request.headers().get(CONTENT_TYPE);
    let text = header.map(|value| value.to_str()).transpose();
    let text = text.map_err(|_| ApiError::new(Code::BadRequest, "content type is malformed"))?;
    let essence = text.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    if !["multipart/form-data", "multipart/mixed"].iter().any(|taken| essence.eq_ignore_ascii_case(taken)) {
        let message = "content type must be multipart/form-data or multipart/mixed";
        return Err(ApiError::new(Code::UnsupportedMediaType, message));
    }
    Ok(Multipart::new(request.headers(), body))
}

/// Reads the fields up to the file `artifact`, which is left to be read; what follows it never is.
pub(in crate::http) async fn until_artifact(form: &mut Multipart) -> Result<(UploadFields, Field), ApiError> {
    let mut fields = UploadFields::default();
    for _ in 0..MAX_FIELDS {
        let mut part = next_part(form).await?.ok_or_else(no_artifact)?;
        match part.name().unwrap_or_default().to_owned().as_str() {
            "artifact" => return Ok((fields, part)),
            "size" => fields.size = Some(size(&text("size", &mut part, MAX_SIZE_BYTES).await?)?),
            "description" => fields.description = text("description", &mut part, MAX_FIELD_BYTES).await?,
            "artifact_id" => {
                let id = text("artifact_id", &mut part, MAX_FIELD_BYTES).await?;
                let not_uuid = || ApiError::new(Code::BadRequest, "artifact_id: not a valid UUID");
                fields.artifact_id =
                    if id.is_empty() { None } else { Some(id.parse().map_err(|_| not_uuid())?) };
            }
            _ => skip(&mut part).await?,
        }
    }
    Err(ApiError::new(Code::BadRequest, format!("more than {MAX_FIELDS} fields before the artifact")))
}

/// The next part of a form.
pub(super) async fn next_part(form: &mut Multipart) -> Result<Option<Field>, ApiError> {
    let next = tokio::time::timeout(PATIENCE, form.next()).await.map_err(|_| too_slow())?;
    next.transpose().map_err(|err| malformed(&err))
}

/// The next bytes of a part.
pub(in crate::http) async fn next_chunk(part: &mut Field) -> Result<Option<Bytes>, ApiError> {
    let next = tokio::time::timeout(PATIENCE, part.next()).await.map_err(|_| too_slow())?;
    next.transpose().map_err(|err| malformed(&err))
}

/// The text of a small part.
pub(super) async fn text(name: &str, part: &mut Field, limit: usize) -> Result<String, ApiError> {
    let mut value = Vec::new();
    while let Some(chunk) = next_chunk(part).await? {
        if value.len() + chunk.len() > limit {
            return Err(too_large(name, limit));
        }
        value.extend_from_slice(&chunk);
    }
    String::from_utf8(value).map_err(|_| ApiError::new(Code::BadRequest, format!("{name}: not UTF-8")))
}

/// Goes past a small part that nobody knows.
pub(super) async fn skip(part: &mut Field) -> Result<(), ApiError> {
    let mut skipped = 0;
    while let Some(chunk) = next_chunk(part).await? {
        skipped += chunk.len();
        if skipped > MAX_FIELD_BYTES {
            return Err(too_large("an unknown field", MAX_FIELD_BYTES));
        }
    }
    Ok(())
}

fn size(text: &str) -> Result<u64, ApiError> {
    let is_decimal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let size = if is_decimal { text.parse().ok() } else { None };
    size.ok_or_else(|| ApiError::new(Code::BadRequest, format!("size: {text:?} is not a number of bytes")))
}

fn too_large(name: &str, limit: usize) -> ApiError {
    ApiError::new(Code::PayloadTooLarge, format!("{name}: larger than {limit} bytes"))
}

fn no_artifact() -> ApiError {
    ApiError::new(Code::BadRequest, "the form has no part \"artifact\"")
}

fn malformed(err: &MultipartError) -> ApiError {
    if matches!(err, MultipartError::Payload(err) if is_slow(err)) {
        return too_slow();
    }
    ApiError::new(Code::BadRequest, format!("the form is malformed: {err}"))
}

#[cfg(test)]
mod tests {
    use actix_web::FromRequest as _;
    use actix_web::test::TestRequest;
    use actix_web::web::Payload;

    use super::{SharedPayload, UploadFields, next_chunk, open, until_artifact};
    use crate::http::Code;
    use crate::http::body::BodyPace;

    const TYPE: &str = "multipart/form-data; boundary=xyz";

    fn part(name: &str, value: &str) -> String {
        format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    }

    /// Reads a form; returns the fields and the file.
    async fn read_as(content_type: &str, body: String) -> Result<(UploadFields, Vec<u8>), Code> {
        let request = TestRequest::post().insert_header(("content-type", content_type)).set_payload(body);
        let (request, mut payload) = request.to_http_parts();
        let payload = Payload::from_request(&request, &mut payload).await.unwrap();
        let read = async {
            let mut form = open(&request, SharedPayload::new(payload, BodyPace::default()))?;
            let (fields, mut file) = until_artifact(&mut form).await?;
            let mut content = Vec::new();
            while let Some(chunk) = next_chunk(&mut file).await? {
                content.extend_from_slice(&chunk);
            }
            Ok((fields, content))
        };
        read.await.map_err(|err: crate::http::ApiError| err.code())
    }

    async fn read(body: String) -> Result<(UploadFields, Vec<u8>), Code> {
        read_as(TYPE, body).await
    }

    fn end(parts: &[String]) -> String {
        format!("{}--xyz--\r\n", parts.concat())
    }

    #[tokio::test]
    async fn fields_come_in_any_order_before_the_file() {
        let id = "0192f0a0-0000-7000-8000-000000000001";
        let file = part("artifact", "a\r\n--xy\r\nb");
        let (size, description) = (part("size", "10"), part("description", "ci build"));
        let body = [
            part("artifact_id", id),
            part("strange", "x"),
            description.clone(),
            size.clone(),
            file.clone(),
            part("size", "no"),
        ];
        let (fields, content) = read(end(&body)).await.unwrap();
        assert_eq!((fields.size, fields.description.as_str()), (Some(10), "ci build"));
        assert_eq!(fields.artifact_id.unwrap().to_string(), id);
        assert_eq!(content, b"a\r\n--xy\r\nb");
        let (fields, _) = read(end(std::slice::from_ref(&file))).await.unwrap();
        assert_eq!(fields, UploadFields::default());
        let (fields, _) =
            read_as("Multipart/Mixed; boundary=xyz", end(&[size, description, file])).await.unwrap();
        assert_eq!(fields.size, Some(10));
    }

    #[tokio::test]
    async fn wrong_fields_are_refused() {
        for value in ["", "-1", "+1", "1.5", "x", "99999999999999999999"] {
            assert_eq!(read(end(&[part("size", value), part("artifact", "a")])).await, Err(Code::BadRequest));
        }
        let long_size = "1".repeat(21);
        assert_eq!(read(end(&[part("size", &long_size)])).await, Err(Code::PayloadTooLarge));
        assert_eq!(read(end(&[part("artifact_id", "x")])).await, Err(Code::BadRequest));
        let long = "x".repeat(super::MAX_FIELD_BYTES + 1);
        for name in ["description", "strange"] {
            assert_eq!(read(end(&[part(name, &long)])).await, Err(Code::PayloadTooLarge), "{name}");
        }
        let many: Vec<String> = (0..=super::MAX_FIELDS).map(|_| part("strange", "")).collect();
        assert_eq!(read(end(&many)).await, Err(Code::BadRequest));
    }

    #[tokio::test]
    async fn a_form_without_a_whole_file_is_refused() {
        assert_eq!(read(end(&[part("size", "1")])).await, Err(Code::BadRequest));
        assert_eq!(read(String::new()).await, Err(Code::BadRequest));
        let cut = part("artifact", "a");
        assert_eq!(read(cut.trim_end().to_owned()).await, Err(Code::BadRequest));
    }

    #[tokio::test]
    async fn only_forms_are_taken() {
        let body = || end(&[part("artifact", "a")]);
        for other in ["application/json", "text/plain", "", "multipart/related; boundary=xyz"] {
            assert_eq!(read_as(other, body()).await, Err(Code::UnsupportedMediaType), "{other}");
        }
        assert_eq!(read_as("multipart/form-data", body()).await, Err(Code::BadRequest));
    }
}
