//! JSON bodies of the management API.

use std::cell::Cell;
use std::fmt::Display;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use serde::de::{DeserializeOwned, Deserializer, Visitor};

use super::body::{announced_length, read_body};
use super::error::{ApiError, Code};

/// How large a JSON body may be, in bytes; put into the application's data.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct JsonLimit(pub usize);

impl Default for JsonLimit {
    fn default() -> Self {
        Self(1 << 20)
    }
}

/// How large a JSON body may be that anybody may send, in bytes.
pub const ANONYMOUS_MAX_BYTES: usize = 4 * 1024;

/// A JSON body. Members that the type does not name are ignored. It may have `MAX_BYTES` bytes, and no more than
/// [`JsonLimit`] says.
///
/// The content type counts only if a length is announced (management API §0): `mender-cli` and plain
/// `curl` send bodies without a length, or no body, with any type or none.
#[derive(Clone, Copy, Debug)]
pub struct Json<T, const MAX_BYTES: usize = { usize::MAX }>(pub T);

impl<T: DeserializeOwned, const MAX_BYTES: usize> FromRequest for Json<T, MAX_BYTES> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move { parse(&read(&request, &mut payload, MAX_BYTES).await?).map(Self) })
    }
}

/// A JSON body that may be missing; otherwise a [`Json`].
#[derive(Clone, Copy, Debug)]
pub struct OptionalJson<T, const MAX_BYTES: usize = { usize::MAX }>(pub Option<T>);

impl<T: DeserializeOwned, const MAX_BYTES: usize> FromRequest for OptionalJson<T, MAX_BYTES> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            let body = read(&request, &mut payload, MAX_BYTES).await?;
            if body.is_empty() { Ok(Self(None)) } else { parse(&body).map(|value| Self(Some(value))) }
        })
    }
}

async fn read(request: &HttpRequest, payload: &mut Payload, max_bytes: usize) -> Result<Bytes, ApiError> {
    require_json(request)?;
    let JsonLimit(limit) = request.app_data().copied().unwrap_or_default();
    read_body(request, payload, limit.min(max_bytes)).await
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let refused =
        |error: &dyn Display| ApiError::new(Code::BadRequest, format!("request body is not valid: {error}"));
    // All of it, also what the type does not name (RFC 8259 §8.1).
    let text = std::str::from_utf8(body).map_err(|error| refused(&error))?;
    // What the type does not name is passed over, however deep it is and whatever its escapes are: so all is read first.
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| refused(&error))?;
    if value.is_array() && is_struct::<T>() {
        return Err(refused(&"an object is expected"));
    }
    serde_json::from_str(text).map_err(|error| refused(&error))
}

/// Answers whether a type has named members: such types are also read from arrays, which nobody means.
fn is_struct<T: DeserializeOwned>() -> bool {
    let asked = Cell::new(false);
    let refused = T::deserialize(Probe(&asked));
    refused.is_err() && asked.get()
}

/// Refuses everything, and notes whether a struct is asked for.
struct Probe<'a>(&'a Cell<bool>);

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(serde::de::Error::custom("nothing is there"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.set(true);
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn require_json(request: &HttpRequest) -> Result<(), ApiError> {
    if announced_length(request.headers())?.is_none_or(|length| length == 0) {
        return Ok(());
    }
    if request.headers().contains_key(CONTENT_TYPE) && request.mime_type().is_err() {
        return Err(ApiError::new(Code::BadRequest, "content type is malformed"));
    }
    if request.content_type().eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(ApiError::new(Code::UnsupportedMediaType, "content type must be application/json"))
}

#[cfg(test)]
mod tests {
    use actix_web::FromRequest as _;
    use actix_web::test::TestRequest;
    use serde::Deserialize;

    use super::{Json, JsonLimit};
    use crate::http::Code;

    #[derive(Debug, Deserialize)]
    struct Point {
        x: i32,
    }

    /// Parses a body sent with these headers; the test request would add a length by itself.
    async fn parse(headers: &[(&'static str, &str)], body: &'static str) -> Result<i32, Code> {
        let with_headers =
            headers.iter().fold(TestRequest::post(), |request, header| request.insert_header(*header));
        let (request, _) = with_headers.app_data(JsonLimit(16)).to_http_parts();
        let (_, mut payload) = TestRequest::post().set_payload(body).to_http_parts();
        let parsed = Json::<Point>::from_request(&request, &mut payload).await;
        parsed.map(|Json(point)| point.x).map_err(|error| error.code())
    }

    async fn sized(content_type: &str, body: &'static str) -> Result<i32, Code> {
        parse(&[("content-type", content_type), ("content-length", &body.len().to_string())], body).await
    }

    async fn chunked(content_type: &str, body: &'static str) -> Result<i32, Code> {
        parse(&[("content-type", content_type)], body).await
    }

    #[tokio::test]
    async fn a_body_is_parsed_and_strange_members_ignored() {
        assert_eq!(sized("application/json", r#"{"x":1}"#).await, Ok(1));
        assert_eq!(sized("Application/JSON; charset=utf-8", r#"{"x":1,"y":2}"#).await, Ok(1));
    }

    #[tokio::test]
    async fn the_type_counts_only_with_a_length() {
        assert_eq!(sized("text/plain", r#"{"x":1}"#).await, Err(Code::UnsupportedMediaType));
        assert_eq!(sized("no type", r#"{"x":1}"#).await, Err(Code::BadRequest));
        assert_eq!(chunked("text/plain", r#"{"x":1}"#).await, Ok(1));
        assert_eq!(parse(&[], r#"{"x":1}"#).await, Ok(1));
        let typeless = parse(&[("content-length", "7")], r#"{"x":1}"#).await;
        assert_eq!(typeless, Err(Code::UnsupportedMediaType));
    }

    #[tokio::test]
    async fn large_and_broken_bodies_are_refused() {
        let long = r#"{"x":1,"yyyyyyyyyy":2}"#;
        assert_eq!(sized("application/json", long).await, Err(Code::PayloadTooLarge));
        assert_eq!(chunked("application/json", long).await, Err(Code::PayloadTooLarge));
        for broken in ["", "{", "[]", r#"{"x":"1"}"#, r#"{"x":1}}"#] {
            assert_eq!(sized("application/json", broken).await, Err(Code::BadRequest), "{broken}");
        }
    }

    #[tokio::test]
    async fn a_type_may_have_a_limit_of_its_own() {
        let parse = async |body: &'static str| {
            let (request, _) = TestRequest::post().to_http_parts();
            let (_, mut payload) = TestRequest::post().set_payload(body).to_http_parts();
            let parsed = Json::<Vec<u8>, 4>::from_request(&request, &mut payload).await;
            parsed.map(|Json(bytes)| bytes).map_err(|error| error.code())
        };
        assert_eq!(parse("[12]").await, Ok(vec![12]));
        assert_eq!(parse("[123]").await, Err(Code::PayloadTooLarge));
    }
}
