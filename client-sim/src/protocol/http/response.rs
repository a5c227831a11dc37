//! Answers: whole, or piece by piece.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::body::Outgoing;
use super::error::HttpError;

/// An answer with its whole body.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: StatusCode,
    /// All headers, in lower case.
    pub headers: HeaderMap,
    /// The body, at most as long as the client's limit.
    pub body: Bytes,
    /// How long it took.
    pub timing: Timing,
}

impl Response {
    /// The body as text, with replacement characters where it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Parses the body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// The value of a header, if it is there once or more and is visible ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// How long a request took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timing {
    /// TCP connect and TLS handshake, if this request needed a new connection.
    pub connect: Option<Duration>,
    /// From the first byte sent until the last byte of the answer (of its head, for [`Streaming`]).
    pub exchange: Duration,
}

/// An answer whose body is still on its way. Dropping it ends the connection.
#[derive(Debug)]
pub struct Streaming {
    /// The status code.
    pub status: StatusCode,
    /// All headers, in lower case.
    pub headers: HeaderMap,
    /// How long it took until here.
    pub timing: Timing,
    pub(super) body: Incoming,
    pub(super) idle_timeout: Duration,
    pub(super) _connection: SendRequest<Outgoing>,
}

impl Streaming {
    /// The next piece of the body, or `None` at its end.
    ///
    /// # Errors
    ///
    /// [`HttpError::Broken`] if the connection ends before the announced length, and
    /// [`HttpError::Timeout`] if nothing comes for the client's request timeout.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, HttpError> {
        loop {
            let frame = timeout(self.idle_timeout, self.body.frame())
                .await
                .map_err(|_| HttpError::Timeout { doing: "reading the body" })?;
            match frame.transpose().map_err(HttpError::Broken)?.map(hyper::body::Frame::into_data) {
                None => return Ok(None),
                Some(Ok(data)) => return Ok(Some(data)),
                Some(Err(_trailers)) => {}
            }
        }
    }
}

/// Reads a whole body of at most `limit` bytes.
pub(super) async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, HttpError> {
    let mut first: Option<Bytes> = None;
    let mut rest: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(HttpError::Broken)?.into_data() else { continue };
        let so_far = first.as_ref().map_or(0, Bytes::len) + rest.len();
        if so_far + data.len() > limit {
            return Err(HttpError::TooLarge { limit });
        }
        match &first {
            None => first = Some(data),
            Some(_) => rest.extend_from_slice(&data),
        }
    }
    let first = first.unwrap_or_default();
    Ok(if rest.is_empty() { first } else { Bytes::from([first.as_ref(), rest.as_slice()].concat()) })
}
