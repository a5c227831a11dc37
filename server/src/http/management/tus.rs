//! The headers of tus 1.0.0, a protocol for uploads that go on after a break (<https://tus.io>).

use std::time::SystemTime;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, HttpDate};
use actix_web::{HttpResponse, HttpResponseBuilder};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};

use crate::http::error::{ApiError, Code};
use crate::releases::{Checksum, ChecksumAlgorithm};

/// The one version that is spoken.
pub(super) const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
pub(super) const EXTENSIONS: HeaderValue =
    HeaderValue::from_static("creation,creation-with-upload,termination,expiration,checksum");
pub(super) const ALGORITHMS: HeaderValue = HeaderValue::from_static("sha256,sha1");

pub(super) const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const VERSIONS: HeaderName = HeaderName::from_static("tus-version");
pub(super) const EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
pub(super) const MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
pub(super) const CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
pub(super) const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const METADATA: HeaderName = HeaderName::from_static("upload-metadata");
/// Ours: the artifact that an upload became.
pub(super) const ARTIFACT_ID: HeaderName = HeaderName::from_static("artifact-id");
const DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
const CONCAT: HeaderName = HeaderName::from_static("upload-concat");
const CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
const EXPIRES: HeaderName = HeaderName::from_static("upload-expires");

/// The type of a part.
const PART_TYPE: &str = "application/offset+octet-stream";

/// Refuses another version of the protocol.
pub(super) fn check_version(headers: &HeaderMap) -> Result<(), ApiError> {
    if headers.get(RESUMABLE).is_some_and(|version| version == VERSION) {
        return Ok(());
    }
    let message = "the header Tus-Resumable must be 1.0.0";
    Err(ApiError::new(Code::UnsupportedTusVersion, message))
}

/// Completes an answer or a refusal.
pub(super) fn answer(outcome: Result<HttpResponse, ApiError>) -> HttpResponse {
    let mut response = outcome.unwrap_or_else(HttpResponse::from_error);
    let is_version = response.status() == Code::UnsupportedTusVersion.status();
    let headers = response.headers_mut();
    headers.insert(RESUMABLE, VERSION);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if is_version {
        headers.insert(VERSIONS, VERSION);
    }
    response
}

/// How many bytes an upload will have.
pub(super) fn length(headers: &HeaderMap) -> Result<u64, ApiError> {
    for (name, what) in [(DEFER_LENGTH, "a deferred length"), (CONCAT, "concatenation")] {
        if headers.contains_key(name) {
            return Err(ApiError::new(Code::BadRequest, format!("{what} is not supported")));
        }
    }
    number(headers, &LENGTH)
}

/// Where a part begins.
pub(super) fn offset(headers: &HeaderMap) -> Result<u64, ApiError> {
    number(headers, &OFFSET)
}

/// What comes with an upload.
pub(super) fn metadata(headers: &HeaderMap) -> Result<String, ApiError> {
    let text = headers.get(METADATA).map(HeaderValue::to_str).transpose();
    let text =
        text.map_err(|_| ApiError::new(Code::BadRequest, "the header Upload-Metadata is malformed"))?;
    Ok(text.unwrap_or_default().to_owned())
}

/// Whether a body has the type of a part.
pub(super) fn is_part(headers: &HeaderMap) -> bool {
    let essence = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()?.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(PART_TYPE))
}

/// Refuses a body of another type than that of a part.
pub(super) fn not_a_part() -> ApiError {
    ApiError::new(Code::UnsupportedMediaType, format!("content type must be {PART_TYPE}"))
}

/// What the bytes of a part must have: `ALGORITHM BASE64`.
pub(super) fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, ApiError> {
    let Some(value) = headers.get(CHECKSUM) else { return Ok(None) };
    let malformed = || ApiError::new(Code::BadRequest, "the header Upload-Checksum is malformed");
    let (name, digest) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(malformed)?;
    let (algorithm, length) = match name {
        "sha1" => (ChecksumAlgorithm::Sha1, 20),
        "sha256" => (ChecksumAlgorithm::Sha256, 32),
        _ => {
            let message = format!("checksum algorithm {name:?} is not supported");
            return Err(ApiError::new(Code::BadRequest, message));
        }
    };
    let digest = STANDARD.decode(digest.trim()).map_err(|_| malformed())?;
    if digest.len() == length { Ok(Some(Checksum { algorithm, digest })) } else { Err(malformed()) }
}

/// Says until when an upload is kept.
pub(super) fn expires(response: &mut HttpResponseBuilder, at: DateTime<Utc>) {
    response.insert_header((EXPIRES, HttpDate::from(SystemTime::from(at))));
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64, ApiError> {
    let text = headers.get(name).and_then(|value| value.to_str().ok());
    let is_decimal = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let value = text.filter(is_decimal).and_then(|text| text.parse().ok());
    // Databases count to 2^63 - 1.
    value.filter(|value| i64::try_from(*value).is_ok()).ok_or_else(|| {
        ApiError::new(Code::BadRequest, format!("the header {name} is missing or not a number of bytes"))
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

    use super::{Checksum, ChecksumAlgorithm, Code, checksum, is_part, length, offset};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn numbers_are_decimal_and_fit_a_database() {
        assert_eq!(length(&headers(&[("upload-length", "42")])).unwrap(), 42);
        for value in ["", "-1", "+1", "1.5", "0x10", "9223372036854775808", "99999999999999999999"] {
            let headers = headers(&[("upload-offset", value)]);
            assert_eq!(offset(&headers).unwrap_err().code(), Code::BadRequest, "{value}");
        }
        assert!(length(&headers(&[])).is_err());
        assert!(length(&headers(&[("upload-length", "1"), ("upload-defer-length", "1")])).is_err());
        assert!(length(&headers(&[("upload-length", "1"), ("upload-concat", "partial")])).is_err());
    }

    #[test]
    fn checksums_have_a_known_algorithm_and_its_length() {
        let read = |value: &'static str| checksum(&headers(&[("upload-checksum", value)]));
        let sha1 = Checksum { algorithm: ChecksumAlgorithm::Sha1, digest: vec![0; 20] };
        assert_eq!(read("sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=").unwrap(), Some(sha1));
        assert_eq!(checksum(&headers(&[])).unwrap(), None);
        for value in ["", "sha1", "sha1 !", "sha256 AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "md5 AAAA"] {
            assert_eq!(read(value).unwrap_err().code(), Code::BadRequest, "{value}");
        }
    }

    #[test]
    fn the_type_of_a_part_may_be_spelled_in_any_case() {
        assert!(is_part(&headers(&[("content-type", "Application/Offset+octet-stream; a=b")])));
        assert!(!is_part(&headers(&[("content-type", "application/octet-stream")])));
        assert!(!is_part(&headers(&[])));
    }
}
