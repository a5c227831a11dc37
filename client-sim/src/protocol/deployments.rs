//! Deployments: the question, the offer, the reports (device protocol §2).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The three forms of asking for a deployment (device protocol §2.1), tried in this order on 404.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NextForm {
    /// `POST` on version 2, with all provides.
    PostV2,
    /// `POST` on version 1, with all provides; 3.x only.
    PostV1,
    /// `GET` on version 1, with name and device type in the query.
    GetV1,
}

/// What an offer says. Only a whole offer starts an update.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Offer {
    /// The deployment; goes into paths, so it holds only letters, digits, `-` and `_`.
    pub deployment: String,
    /// The name of the artifact that is offered.
    pub artifact_name: String,
    /// The device types that the artifact is for; not empty.
    pub device_types: Vec<String>,
    /// Where to download it.
    pub uri: String,
}

/// What a 200 to the question turned out to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum NextAnswer {
    /// Everything is there.
    Offer(Offer),
    /// There is an id to report to, but not all of the rest (device protocol §2.1, last row).
    Incomplete {
        /// The deployment that fails.
        deployment: String,
    },
    /// Not JSON, or without a usable id: there is nothing to report to.
    Unusable,
}

/// What a device reports about a deployment (device protocol §2.3).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Status {
    /// The artifact is on its way, or about to be.
    #[serde(rename = "downloading")]
    Downloading,
    /// The payload is being installed; also the commit gate.
    #[serde(rename = "installing")]
    Installing,
    /// The device goes down now.
    #[serde(rename = "rebooting")]
    Rebooting,
    /// Committed.
    #[serde(rename = "success")]
    Success,
    /// Rolled back, or never installed.
    #[serde(rename = "failure")]
    Failure,
    /// Refused, because the same name is installed.
    #[serde(rename = "already-installed")]
    AlreadyInstalled,
}

/// One line of a deployment log (device protocol §2.5).
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct LogMessage {
    /// RFC 3339, whole seconds, UTC.
    pub timestamp: String,
    /// `info` or `error`.
    pub level: &'static str,
    /// Free text.
    pub message: String,
}

/// The body of the question in version 2.
#[derive(Clone, Debug, Serialize)]
pub struct NextBody<'a> {
    /// What the device has: `artifact_name`, `device_type` and every stored provide.
    pub device_provides: &'a BTreeMap<String, String>,
    /// Sent as `true` by 3.x only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_control_map: Option<bool>,
}

impl NextForm {
    /// The path that this form asks at, without a query.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::PostV2 => "/api/devices/v2/deployments/device/deployments/next",
            Self::PostV1 | Self::GetV1 => "/api/devices/v1/deployments/device/deployments/next",
        }
    }
}

impl NextAnswer {
    /// Reads the body of a 200.
    #[must_use]
    pub fn parse(body: &[u8]) -> Self {
        let Ok(wire) = serde_json::from_slice::<WireOffer>(body) else { return Self::Unusable };
        if !is_path_safe(&wire.id) {
            return Self::Unusable;
        }
        let artifact = wire.artifact;
        if artifact.artifact_name.is_empty()
            || artifact.device_types_compatible.is_empty()
            || artifact.source.uri.is_empty()
        {
            return Self::Incomplete { deployment: wire.id };
        }
        Self::Offer(Offer {
            deployment: wire.id,
            artifact_name: artifact.artifact_name,
            device_types: artifact.device_types_compatible,
            uri: artifact.source.uri,
        })
    }
}

/// `PUT` here reports a status; the answer is 204, or 409 for an aborted deployment.
#[must_use]
pub fn status_path(deployment: &str) -> String {
    format!("/api/devices/v1/deployments/device/deployments/{deployment}/status")
}

/// `PUT` here stores the log of a failed deployment; the answer is 204.
#[must_use]
pub fn log_path(deployment: &str) -> String {
    format!("/api/devices/v1/deployments/device/deployments/{deployment}/log")
}

fn is_path_safe(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[derive(Deserialize)]
struct WireOffer {
    id: String,
    #[serde(default)]
    artifact: WireArtifact,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireArtifact {
    artifact_name: String,
    device_types_compatible: Vec<String>,
    source: WireSource,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireSource {
    uri: String,
}

#[cfg(test)]
mod tests {
    use super::NextAnswer;

    #[test]
    fn whole_offer() {
        let body = br#"{"id":"d-1","artifact":{"id":"a","artifact_name":"r1","device_types_compatible":["q"],
            "source":{"uri":"https://h/x","expire":"2030-01-01T00:00:00Z"}},"extra":1}"#;
        let NextAnswer::Offer(offer) = NextAnswer::parse(body) else { panic!("not an offer") };
        assert_eq!((offer.deployment.as_str(), offer.artifact_name.as_str()), ("d-1", "r1"));
    }

    #[test]
    fn incomplete_and_unusable() {
        let incomplete = NextAnswer::Incomplete { deployment: "d".to_owned() };
        assert_eq!(NextAnswer::parse(br#"{"id":"d"}"#), incomplete);
        assert_eq!(NextAnswer::parse(br#"{"id":"d","artifact":{"artifact_name":"r"}}"#), incomplete);
        assert_eq!(NextAnswer::parse(b"{"), NextAnswer::Unusable);
        assert_eq!(NextAnswer::parse(br#"{"id":"../x"}"#), NextAnswer::Unusable);
    }
}
