//! The management API, as a user.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::artifacts::ArtifactFile;
use crate::device::Device;
use crate::http::{HttpClient, Request, Response};
use crate::multipart::Multipart;
use crate::wait::eventually;

/// Where a user logs in.
pub const LOGIN: &str = "/api/management/v1/useradm/auth/login";
/// The devices as admission sees them.
pub const DEVAUTH: &str = "/api/management/v2/devauth/devices";
/// The devices as inventory sees them.
pub const INVENTORY: &str = "/api/management/v1/inventory/devices";
/// The artifacts.
pub const ARTIFACTS: &str = "/api/management/v1/deployments/artifacts";
/// The deployments.
pub const DEPLOYMENTS: &str = "/api/management/v1/deployments/deployments";

/// A user who is logged in.
pub struct Management {
    /// Speaks to the server.
    pub http: HttpClient,
    /// The session token.
    pub token: String,
}

impl Management {
    /// Logs in.
    #[track_caller]
    pub fn login(http: HttpClient, email: &str, password: &str) -> Self {
        let response = http.send(&login_request(email, password)).expect(200);
        Self { http, token: response.text() }
    }

    /// Makes a request with the session token.
    pub fn request(&self, method: &str, target: &str) -> Request {
        Request::new(method, target).bearer(&self.token)
    }

    /// Sends a request without a body.
    #[track_caller]
    pub fn send(&self, method: &str, target: &str) -> Response {
        self.http.send(&self.request(method, target))
    }

    /// Sends a `GET` request.
    #[track_caller]
    pub fn get(&self, target: &str) -> Response {
        self.send("GET", target)
    }

    /// Sends a request with a JSON body.
    #[track_caller]
    pub fn send_json(&self, method: &str, target: &str, value: &Value) -> Response {
        self.http.send(&self.request(method, target).json(value))
    }

    /// Returns the device with this identity as devauth shows it, if there is one.
    #[track_caller]
    pub fn find_device(&self, identity: &Value) -> Option<Value> {
        let mut page = 1;
        loop {
            let list = self.get(&format!("{DEVAUTH}?page={page}&per_page=500")).expect(200).json();
            let devices = list.as_array().expect("a list of devices");
            if let Some(found) = devices.iter().find(|device| device["identity_data"] == *identity) {
                return Some(found.clone());
            }
            if devices.len() < 500 {
                return None;
            }
            page += 1;
        }
    }

    /// Returns a device as devauth shows it.
    #[track_caller]
    pub fn show_device(&self, device: &Device) -> Value {
        let found = self.find_device(&device.identity_json());
        found.unwrap_or_else(|| panic!("the server does not know {}", device.identity))
    }

    /// Returns the id of a device.
    #[track_caller]
    pub fn device_id(&self, device: &Device) -> String {
        text(&self.show_device(device)["id"])
    }

    /// Returns the id of the auth set of a device that has its key.
    #[track_caller]
    pub fn auth_set_id(&self, device: &Device) -> String {
        let shown = self.show_device(device);
        let sets = shown["auth_sets"].as_array().expect("auth sets");
        let pubkey = device.key.public_pem();
        let same = |set: &&Value| set["pubkey"].as_str().is_some_and(|pem| pem.trim() == pubkey.trim());
        text(&sets.iter().find(same).unwrap_or_else(|| panic!("no such key in {shown}"))["id"])
    }

    /// Sets the status of the auth set of a device that has its key.
    #[track_caller]
    pub fn set_status(&self, device: &Device, status: &str) -> Response {
        let path = format!("{DEVAUTH}/{}/auth/{}/status", self.device_id(device), self.auth_set_id(device));
        self.send_json("PUT", &path, &json!({ "status": status }))
    }

    /// Waits for the first contact of a device with this identity and returns it as devauth shows it.
    #[track_caller]
    pub fn await_device(&self, identity: &Value, status: &str, limit: Duration) -> Value {
        eventually(&format!("the {status} device {identity}"), limit, || {
            self.find_device(identity).filter(|device| device["status"] == status)
        })
    }

    /// Sets the status of the only auth set of a device as devauth shows it.
    #[track_caller]
    pub fn set_shown_status(&self, shown: &Value, status: &str) {
        let sets = shown["auth_sets"].as_array().expect("auth sets");
        assert_eq!(sets.len(), 1, "one auth set expected in {shown}");
        let path = format!("{DEVAUTH}/{}/auth/{}/status", text(&shown["id"]), text(&sets[0]["id"]));
        self.send_json("PUT", &path, &json!({ "status": status })).expect(204);
    }

    /// Accepts a device.
    #[track_caller]
    pub fn accept(&self, device: &Device) {
        self.set_status(device, "accepted").expect(204);
    }

    /// Rejects a device.
    #[track_caller]
    pub fn reject(&self, device: &Device) {
        self.set_status(device, "rejected").expect(204);
    }

    /// Announces a device.
    #[track_caller]
    pub fn preauthorize(&self, identity: &Value, pubkey: &str, force: bool) -> Response {
        let mut body = json!({"identity_data": identity, "pubkey": pubkey});
        if force {
            body["force"] = json!(true);
        }
        self.send_json("POST", DEVAUTH, &body)
    }

    /// Puts a device into a group.
    #[track_caller]
    pub fn set_group(&self, device_id: &str, group: &str) {
        self.send_json("PUT", &format!("{INVENTORY}/{device_id}/group"), &json!({ "group": group }))
            .expect(204);
    }

    /// Uploads a file as `mender-cli` does.
    #[track_caller]
    pub fn try_upload(&self, content: &[u8]) -> Response {
        let request = Multipart::artifact(content).into_request(self.request("POST", ARTIFACTS));
        self.http.send(&request)
    }

    /// Uploads an artifact and returns its id.
    #[track_caller]
    pub fn upload(&self, artifact: &ArtifactFile) -> String {
        location_id(&self.try_upload(&artifact.bytes()).expect(201))
    }

    /// Deploys a release to devices and returns the id of the deployment.
    #[track_caller]
    pub fn deploy(&self, artifact_name: &str, devices: &[String]) -> String {
        let name = crate::names::unique("rollout");
        let body = json!({"name": name, "artifact_name": artifact_name, "devices": devices});
        location_id(&self.send_json("POST", DEPLOYMENTS, &body).expect(201))
    }

    /// Stops a deployment.
    #[track_caller]
    pub fn abort(&self, deployment: &str) -> Response {
        self.send_json("PUT", &format!("{DEPLOYMENTS}/{deployment}/status"), &json!({"status": "aborted"}))
    }

    /// Returns a deployment.
    #[track_caller]
    pub fn deployment(&self, deployment: &str) -> Value {
        self.get(&format!("{DEPLOYMENTS}/{deployment}")).expect(200).json()
    }

    /// Returns how many devices of a deployment are in a state.
    #[track_caller]
    pub fn count(&self, deployment: &str, status: &str) -> u64 {
        let statistics = self.get(&format!("{DEPLOYMENTS}/{deployment}/statistics")).expect(200).json();
        statistics[status].as_u64().unwrap_or_else(|| panic!("no {status} in {statistics}"))
    }

    /// Returns the state of a device in a deployment, if it has one.
    #[track_caller]
    pub fn device_state(&self, deployment: &str, device_id: &str) -> Option<String> {
        let path = format!("{DEPLOYMENTS}/{deployment}/devices/list?per_page=500");
        let list = self.get(&path).expect(200).json();
        let found = list.as_array().expect("a list").iter().find(|row| row["id"] == device_id).cloned();
        found.map(|row| text(&row["status"]))
    }

    /// Waits until a device has this state in a deployment.
    #[track_caller]
    pub fn await_state(&self, deployment: &str, device_id: &str, state: &str, limit: Duration) {
        let mut last = None;
        eventually(&format!("state {state} of a device"), limit, || {
            let now = self.device_state(deployment, device_id);
            if now != last {
                eprintln!("deployment {deployment}: {last:?} -> {now:?}");
                last.clone_from(&now);
            }
            (now.as_deref() == Some(state)).then_some(())
        });
    }

    /// Returns the log that a device sent for a deployment.
    #[track_caller]
    pub fn device_log(&self, deployment: &str, device_id: &str) -> Response {
        self.get(&format!("{DEPLOYMENTS}/{deployment}/devices/{device_id}/log"))
    }
}

/// Makes a login with HTTP Basic (RFC 7617) as `mender-cli` sends it.
pub fn login_request(email: &str, password: &str) -> Request {
    Request::new("POST", LOGIN)
        .header("Authorization", format!("Basic {}", STANDARD.encode(format!("{email}:{password}"))))
        .header("Content-Type", "application/json")
        .header("Content-Length", "0")
}

/// Returns the last part of `Location`.
#[track_caller]
pub fn location_id(response: &Response) -> String {
    let location = response.header("Location").unwrap_or_else(|| panic!("no Location: {response}"));
    location.rsplit('/').next().expect("a part after the last slash").to_owned()
}

#[track_caller]
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}")).to_owned()
}
