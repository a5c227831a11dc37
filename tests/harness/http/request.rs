//! What is sent.

use serde_json::Value;

/// The size of the pieces of a chunked body, as the Go client sends them.
const CHUNK: usize = 32 * 1024;

/// The body of a request.
#[derive(Clone, Debug, Default)]
pub enum Body {
    /// No body and no `Content-Length`.
    #[default]
    None,
    /// With `Content-Length`.
    Sized(Vec<u8>),
    /// With `Transfer-Encoding: chunked`.
    Chunked(Vec<u8>),
}

/// A request; `Host` is added when it is sent, everything else is as set here.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: String,
    /// Path and query, sent as they are.
    pub target: String,
    /// Header fields in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

impl Request {
    /// Makes a request without fields and body.
    pub fn new(method: &str, target: impl Into<String>) -> Self {
        Self { method: method.to_owned(), target: target.into(), headers: Vec::new(), body: Body::None }
    }

    /// Makes a `GET` request.
    pub fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Adds `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// Sets a JSON body with `Content-Type` and `Content-Length`.
    #[must_use]
    pub fn json(self, value: &Value) -> Self {
        self.header("Content-Type", "application/json").body(Body::Sized(value.to_string().into_bytes()))
    }

    /// Returns the bytes on the wire.
    pub(super) fn encode(&self, host: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            field(&mut head, "Host", host);
        }
        for (name, value) in &self.headers {
            field(&mut head, name, value);
        }
        let mut bytes;
        match &self.body {
            Body::None => bytes = (head + "\r\n").into_bytes(),
            Body::Sized(body) => {
                bytes = format!("{head}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
                bytes.extend_from_slice(body);
            }
            Body::Chunked(body) => {
                bytes = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
                for piece in body.chunks(CHUNK) {
                    bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                    bytes.extend_from_slice(piece);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n\r\n");
            }
        }
        bytes
    }
}

fn field(head: &mut String, name: &str, value: &str) {
    for part in [name, ": ", value, "\r\n"] {
        head.push_str(part);
    }
}
