//! Uploads in parts, by tus 1.0.0, request by request.

use crate::http::{Body, Request, Response};
use crate::management::{Management, location_id};

/// Where uploads begin.
pub const UPLOADS: &str = "/api/management/v1/deployments/artifacts/uploads";

impl Management {
    /// Makes a request of tus.
    pub fn tus(&self, method: &str, target: &str) -> Request {
        self.request(method, target).header("Tus-Resumable", "1.0.0")
    }

    /// Asks for an upload of so many bytes.
    pub fn try_begin_upload(&self, length: usize) -> Response {
        self.http.send(&self.tus("POST", UPLOADS).header("Upload-Length", length.to_string()))
    }

    /// Begins an upload of so many bytes; returns its path.
    #[track_caller]
    pub fn begin_upload(&self, length: usize) -> String {
        format!("{UPLOADS}/{}", location_id(&self.try_begin_upload(length).expect(201)))
    }

    /// Makes a part of an upload.
    pub fn upload_part(&self, path: &str, offset: usize, bytes: &[u8]) -> Request {
        self.tus("PATCH", path)
            .header("Upload-Offset", offset.to_string())
            .header("Content-Type", "application/offset+octet-stream")
            .body(Body::Sized(bytes.to_vec()))
    }

    /// Sends a part of an upload.
    #[track_caller]
    pub fn send_part(&self, path: &str, offset: usize, bytes: &[u8]) -> Response {
        self.http.send(&self.upload_part(path, offset, bytes))
    }

    /// Asks where an upload goes on.
    #[track_caller]
    pub fn ask_upload(&self, path: &str) -> Response {
        self.http.send(&self.tus("HEAD", path))
    }

    /// Returns where an upload goes on.
    #[track_caller]
    pub fn upload_offset(&self, path: &str) -> usize {
        offset(&self.ask_upload(path).expect(200))
    }
}

/// Returns the offset that an answer tells.
#[track_caller]
pub fn offset(response: &Response) -> usize {
    let value = response.header("Upload-Offset").and_then(|text| text.parse().ok());
    value.unwrap_or_else(|| panic!("no Upload-Offset: {response}"))
}

/// Returns the artifact that an upload became.
#[track_caller]
pub fn artifact_id(response: &Response) -> String {
    response.header("Artifact-ID").unwrap_or_else(|| panic!("no Artifact-ID: {response}")).to_owned()
}
