//! Uploads: `multipart/form-data` (RFC 7578) as `mender-cli` writes it.

use crate::http::{Body, Request};

/// Sixty hexadecimal digits, as the Go library makes them.
const BOUNDARY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab";

/// A form that is being filled in.
#[derive(Clone, Debug, Default)]
pub struct Multipart {
    bytes: Vec<u8>,
}

impl Multipart {
    /// Makes an empty form.
    pub fn new() -> Self {
        Self::default()
    }

    /// The form of `mender-cli artifacts upload`: size, description, artifact.
    pub fn artifact(content: &[u8]) -> Self {
        Self::new()
            .field("size", &content.len().to_string())
            .field("description", "")
            .file("artifact", content)
    }

    /// Adds a plain field.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.part(&format!("Content-Disposition: form-data; name=\"{name}\"\r\n"), value.as_bytes());
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn file(mut self, name: &str, content: &[u8]) -> Self {
        let head = format!(
            "Content-Disposition: form-data; name=\"{name}\"; filename=\"update.mender\"\r\n\
             Content-Type: application/octet-stream\r\n"
        );
        self.part(&head, content);
        self
    }

    /// Puts the form into a request, in chunks and without a length.
    #[must_use]
    pub fn into_request(self, request: Request) -> Request {
        let body = self.finish();
        request.header("Content-Type", content_type()).body(Body::Chunked(body))
    }

    /// Returns the bytes of the body.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        self.bytes
    }

    fn part(&mut self, head: &str, content: &[u8]) {
        self.bytes.extend_from_slice(format!("--{BOUNDARY}\r\n{head}\r\n").as_bytes());
        self.bytes.extend_from_slice(content);
        self.bytes.extend_from_slice(b"\r\n");
    }
}

/// Returns the value of `Content-Type` that goes with a form.
pub fn content_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}
