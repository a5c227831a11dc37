//! The part of the management API that accepts devices (management API §2).

use serde::{Deserialize, Serialize};

use super::http::Request;

/// A device as the management API lists it; members that nobody here needs are left out.
#[derive(Clone, Debug, Deserialize)]
pub struct ListedDevice {
    /// The device.
    pub id: String,
    /// Its identity data, an object.
    #[serde(default)]
    pub identity_data: serde_json::Value,
    /// Its authentication sets.
    #[serde(default)]
    pub auth_sets: Vec<ListedAuthSet>,
}

/// An authentication set: one identity with one key.
#[derive(Clone, Debug, Deserialize)]
pub struct ListedAuthSet {
    /// The set.
    pub id: String,
    /// Its public key, SPKI PEM.
    #[serde(default)]
    pub pubkey: String,
    /// `pending`, `accepted`, …
    #[serde(default)]
    pub status: String,
}

/// Lists one page of the pending devices; pages count from 1.
#[must_use]
pub fn list_pending(token: &str, page: u32, per_page: u32) -> Request {
    let target = format!("/api/management/v2/devauth/devices?status=pending&page={page}&per_page={per_page}");
    Request::get(target).bearer(token)
}

/// Accepts an authentication set; the answer is 204.
#[must_use]
pub fn accept(token: &str, device: &str, auth_set: &str) -> Request {
    Request::put(format!("/api/management/v2/devauth/devices/{device}/auth/{auth_set}/status"))
        .bearer(token)
        .header("content-type", "application/json")
        .body(r#"{"status":"accepted"}"#)
}

/// Announces a device before its first contact; the answer is 201.
///
/// # Errors
///
/// If `identity_json` is not JSON.
pub fn preauthorize(
    token: &str,
    identity_json: &str,
    public_key_pem: &str,
) -> Result<Request, serde_json::Error> {
    let identity_data = serde_json::from_str(identity_json)?;
    let body = serde_json::to_vec(&PreauthorizeBody { identity_data, pubkey: public_key_pem })?;
    Ok(Request::post("/api/management/v2/devauth/devices")
        .bearer(token)
        .header("content-type", "application/json")
        .body(body))
}

#[derive(Serialize)]
struct PreauthorizeBody<'a> {
    identity_data: serde_json::Value,
    pubkey: &'a str,
}
