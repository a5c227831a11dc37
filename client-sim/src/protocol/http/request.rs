//! Requests, as their author wrote them.

use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method};
use serde::Serialize;

use super::body::{Body, Outgoing};
use super::error::HttpError;
use crate::protocol::Origin;

/// One request: method, target, headers and body.
///
/// Nothing is added on the way but `Host` (unless given) and the framing of the body.
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Body,
}

impl Request {
    /// A request without headers or body; `target` is path and query, as sent.
    #[must_use]
    pub fn new(method: Method, target: impl Into<String>) -> Self {
        Self { method, target: target.into(), headers: Vec::new(), body: Body::Empty }
    }

    /// A GET request.
    #[must_use]
    pub fn get(target: impl Into<String>) -> Self {
        Self::new(Method::GET, target)
    }

    /// A POST request.
    #[must_use]
    pub fn post(target: impl Into<String>) -> Self {
        Self::new(Method::POST, target)
    }

    /// A PUT request.
    #[must_use]
    pub fn put(target: impl Into<String>) -> Self {
        Self::new(Method::PUT, target)
    }

    /// A PATCH request.
    #[must_use]
    pub fn patch(target: impl Into<String>) -> Self {
        Self::new(Method::PATCH, target)
    }

    /// A DELETE request.
    #[must_use]
    pub fn delete(target: impl Into<String>) -> Self {
        Self::new(Method::DELETE, target)
    }

    /// Adds a header; the same name may be added again.
    ///
    /// A name or value that HTTP cannot carry becomes [`HttpError::InvalidRequest`] when sent.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds `Authorization: Bearer TOKEN` (RFC 6750 §2.1).
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), format!("Bearer {token}"))
    }

    /// Sets the body, sent with `Content-Length`.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Body::Sized(body.into());
        self
    }

    /// Sets the body, sent with `Transfer-Encoding: chunked`, one chunk for each piece.
    #[must_use]
    pub fn chunked(mut self, pieces: Vec<Bytes>) -> Self {
        self.body = Body::Chunked(pieces);
        self
    }

    /// Sets a JSON body and its content type.
    ///
    /// # Errors
    ///
    /// [`HttpError::InvalidRequest`] if the value cannot be written as JSON.
    pub fn json(self, value: &impl Serialize) -> Result<Self, HttpError> {
        let body = serde_json::to_vec(value).map_err(|err| HttpError::InvalidRequest(err.to_string()))?;
        Ok(self.header(CONTENT_TYPE.as_str(), "application/json").body(body))
    }

    /// Whether sending it twice does no harm (RFC 9110 §9.2.2).
    pub(super) fn is_idempotent(&self) -> bool {
        self.method.is_idempotent()
    }

    pub(super) fn into_outgoing(self, origin: &Origin) -> Result<hyper::Request<Outgoing>, HttpError> {
        let mut request = hyper::Request::builder()
            .method(self.method)
            .uri(self.target)
            .body(self.body.into_outgoing())
            .map_err(invalid)?;
        let headers = request.headers_mut();
        for (name, value) in self.headers {
            let name = HeaderName::try_from(name).map_err(invalid)?;
            headers.append(name, HeaderValue::try_from(value).map_err(invalid)?);
        }
        ensure_host(headers, origin)?;
        Ok(request)
    }
}

fn ensure_host(headers: &mut HeaderMap, origin: &Origin) -> Result<(), HttpError> {
    if !headers.contains_key(HOST) {
        headers.insert(HOST, HeaderValue::try_from(origin.authority()).map_err(invalid)?);
    }
    Ok(())
}

fn invalid(err: impl Into<hyper::http::Error>) -> HttpError {
    HttpError::InvalidRequest(err.into().to_string())
}
