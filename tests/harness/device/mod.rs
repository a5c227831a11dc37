//! A scripted device: it says what the trial lets it say, one request at a time.

mod key;

use serde_json::{Map, Value, json};

pub use self::key::{DeviceKey, pem};
use crate::http::{Body, HttpClient, Request, Response};
use crate::names::unique;

/// Where a device logs in.
pub const AUTH_REQUESTS: &str = "/api/devices/v1/authentication/auth_requests";
/// Where a device sends its inventory.
pub const INVENTORY: &str = "/api/devices/v1/inventory/device/attributes";
/// Where a device asks for updates, the form of today.
pub const NEXT_V2: &str = "/api/devices/v2/deployments/device/deployments/next";
/// Where a device asks for updates, both older forms.
pub const NEXT_V1: &str = "/api/devices/v1/deployments/device/deployments/next";

/// A device.
pub struct Device {
    /// Speaks to the server that the device belongs to.
    pub http: HttpClient,
    /// The key.
    pub key: DeviceKey,
    /// The identity data, a JSON object as text.
    pub identity: String,
    /// The serial number in the identity data; unique in a run.
    pub serial: String,
    /// The device type that it reports; its own unless a trial changes it.
    pub device_type: String,
    /// The artifact name that it reports.
    pub artifact_name: String,
    /// What its client is configured with to name its tenant; empty for nothing.
    pub tenant_token: String,
    /// The session token.
    pub token: Option<String>,
}

impl Device {
    /// Makes a device with an identity of its own.
    pub fn new(http: HttpClient, key: DeviceKey) -> Self {
        let serial = unique("SN");
        Self {
            http,
            key,
            identity: format!("{{\"serial\":\"{serial}\"}}"),
            device_type: unique("type"),
            serial,
            artifact_name: "release-0".to_owned(),
            tenant_token: String::new(),
            token: None,
        }
    }

    /// Makes another key holder with the same identity.
    pub fn twin(&self, key: DeviceKey) -> Self {
        Self {
            http: self.http.clone(),
            key,
            identity: self.identity.clone(),
            serial: self.serial.clone(),
            device_type: self.device_type.clone(),
            artifact_name: self.artifact_name.clone(),
            tenant_token: self.tenant_token.clone(),
            token: None,
        }
    }

    /// Returns the identity data as JSON.
    pub fn identity_json(&self) -> Value {
        serde_json::from_str(&self.identity).expect("identity data is JSON")
    }

    /// Returns the body of the auth request as client 3.4.0 writes it, newline at the end included.
    pub fn auth_body(&self) -> Vec<u8> {
        let id_data = Value::String(self.identity.clone());
        let pubkey = Value::String(self.key.public_pem());
        let tenant_token = Value::String(self.tenant_token.clone());
        format!("{{\"id_data\":{id_data},\"tenant_token\":{tenant_token},\"pubkey\":{pubkey}}}\n")
            .into_bytes()
    }

    /// Returns an auth request with this body, signed.
    pub fn auth_request(&self, body: Vec<u8>) -> Request {
        Request::new("POST", AUTH_REQUESTS)
            .header("Content-Type", "application/json")
            .header("Authorization", "Bearer ")
            .header("X-MEN-Signature", self.key.sign(&body))
            .body(Body::Sized(body))
    }

    /// Asks for a session, and keeps it if there is one.
    #[track_caller]
    pub fn authenticate(&mut self) -> Response {
        let response = self.http.send(&self.auth_request(self.auth_body()));
        if response.status == 200 {
            self.token = Some(response.text());
        }
        response
    }

    /// Asks for a session and expects one.
    #[track_caller]
    pub fn log_in(&mut self) -> String {
        self.authenticate().expect(200).text()
    }

    /// Makes a request with the session token.
    #[track_caller]
    pub fn request(&self, method: &str, target: &str) -> Request {
        Request::new(method, target).bearer(self.token.as_deref().expect("the device is logged in"))
    }

    /// Sends a JSON body in chunks, as client 3.4.0 does.
    #[track_caller]
    pub fn send_json(&self, method: &str, target: &str, value: &Value) -> Response {
        let body = Body::Chunked(format!("{value}\n").into_bytes());
        self.http.send(&self.request(method, target).header("Content-Type", "application/json").body(body))
    }

    /// Returns what the device provides.
    pub fn provides(&self) -> Map<String, Value> {
        [("artifact_name", &self.artifact_name), ("device_type", &self.device_type)]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::String(value.clone())))
            .collect()
    }

    /// Asks for an update, `POST` v2.
    #[track_caller]
    pub fn next(&self) -> Response {
        let body = json!({"device_provides": self.provides(), "update_control_map": true});
        self.send_json("POST", NEXT_V2, &body)
    }

    /// Asks for an update and expects one; returns the answer.
    #[track_caller]
    pub fn next_offer(&self) -> Value {
        self.next().expect(200).json()
    }

    /// Asks for an update and expects none.
    #[track_caller]
    pub fn next_nothing(&self) {
        let response = self.next().expect(204);
        assert!(response.body.is_empty());
    }

    /// Reports a state of a deployment.
    #[track_caller]
    pub fn report(&self, deployment: &str, status: &str) -> Response {
        self.send_json("PUT", &deployment_path(deployment, "status"), &json!({ "status": status }))
    }

    /// Sends a log of a deployment, whatever the bytes.
    #[track_caller]
    pub fn send_log(&self, deployment: &str, body: &[u8]) -> Response {
        let request = self.request("PUT", &deployment_path(deployment, "log"));
        let request = request.header("Content-Type", "application/json").body(Body::Chunked(body.to_vec()));
        self.http.send(&request)
    }

    /// Replaces the inventory.
    #[track_caller]
    pub fn put_inventory(&self, attributes: &Value) -> Response {
        self.send_json("PUT", INVENTORY, attributes)
    }
}

/// Returns the path of a device's report on a deployment.
pub fn deployment_path(deployment: &str, what: &str) -> String {
    format!("/api/devices/v1/deployments/device/deployments/{deployment}/{what}")
}

/// Returns the path and query of a link that the server gave out.
#[track_caller]
pub fn link_target(uri: &str) -> String {
    let rest = uri.strip_prefix("https://").unwrap_or_else(|| panic!("not an https link: {uri}"));
    let slash = rest.find('/').unwrap_or_else(|| panic!("no path in {uri}"));
    rest[slash..].to_owned()
}
