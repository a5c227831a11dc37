//! The management API, as the demo's user speaks it.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use client_sim::protocol::http::{Client, ClientOptions, Dialer, HttpError, Request, Response};
use client_sim::protocol::{Origin, Trust};
use serde_json::{Value, json};

/// How often the number of accepted devices is looked at.
const LOOK: Duration = Duration::from_millis(100);

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ManagementError {
    /// No answer.
    #[error("the server did not answer")]
    Http(#[from] HttpError),
    /// Another answer than expected.
    #[error("the server answered {status}: {body}")]
    Refused {
        /// The status.
        status: u16,
        /// The body.
        body: String,
    },
    /// An answer that is not what it should be.
    #[error("the server's answer is not understood")]
    Answer,
}

/// A client with a session.
pub(super) struct Management {
    client: Client,
    token: String,
}

impl Management {
    pub(super) fn new(origin: Origin, trust: &Trust) -> Self {
        let dialer = Dialer::new(trust, CONNECT_TIMEOUT, 1);
        Self { client: Client::new(dialer, origin, ClientOptions::default()), token: String::new() }
    }

    pub(super) async fn log_in(&mut self, email: &str, password: &str) -> Result<(), ManagementError> {
        let basic = format!("Basic {}", STANDARD.encode(format!("{email}:{password}")));
        let request = Request::post("/api/management/v1/useradm/auth/login")
            .header("authorization", basic.into_bytes());
        self.token = expect(self.client.send(request).await?, 200)?.text();
        Ok(())
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub(super) async fn upload(&self, path: &Path, artifact: Vec<u8>) -> Result<(), ManagementError> {
        const BOUNDARY: &str = "a-boundary-that-no-artifact-contains";
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("artifact.mender");
        let mut body = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"size\"\r\n\r\n{}\r\n\
             --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"artifact\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
            artifact.len()
        )
        .into_bytes();
        body.extend(artifact);
        body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
        let request = Request::post("/api/management/v1/deployments/artifacts")
            .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}").into_bytes())
            .body(body);
        self.call(request, 201).await.map(drop)
    }

    pub(super) async fn preauthorize(&self, identity: &str, pubkey: &str) -> Result<(), ManagementError> {
        let identity: Value = serde_json::from_str(identity).map_err(|_| ManagementError::Answer)?;
        let request = Request::post("/api/management/v2/devauth/devices")
            .json(&json!({ "identity_data": identity, "pubkey": pubkey }))?;
        self.call(request, 201).await.map(drop)
    }

    /// Waits until so many devices are accepted.
    pub(super) async fn wait_for_accepted(&self, devices: u64) -> Result<(), ManagementError> {
        loop {
            let request = Request::get("/api/management/v2/devauth/devices/count?status=accepted");
            let answer = self.json(request, 200).await?;
            if answer.get("count").and_then(Value::as_u64).is_some_and(|count| count >= devices) {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Deploys a release to all devices; returns the deployment's id.
    pub(super) async fn deploy(&self, release: &str) -> Result<String, ManagementError> {
        let request = Request::post("/api/management/v1/deployments/deployments")
            .json(&json!({ "name": "demo", "artifact_name": release, "all_devices": true }))?;
        let answer = self.call(request, 201).await?;
        let location = answer.header("location").ok_or(ManagementError::Answer)?;
        location.rsplit('/').next().map(str::to_owned).ok_or(ManagementError::Answer)
    }

    pub(super) async fn statistics(&self, deployment: &str) -> Result<Value, ManagementError> {
        let path = format!("/api/management/v1/deployments/deployments/{deployment}/statistics");
        self.json(Request::get(path), 200).await
    }

    async fn json(&self, request: Request, status: u16) -> Result<Value, ManagementError> {
        self.call(request, status).await?.json().map_err(|_| ManagementError::Answer)
    }

    async fn call(&self, request: Request, status: u16) -> Result<Response, ManagementError> {
        expect(self.client.send(request.bearer(&self.token)).await?, status)
    }
}

fn expect(response: Response, status: u16) -> Result<Response, ManagementError> {
    if response.status.as_u16() == status {
        Ok(response)
    } else {
        Err(ManagementError::Refused { status: response.status.as_u16(), body: response.text() })
    }
}
