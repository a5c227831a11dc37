//! What the mock knows.

use std::collections::BTreeMap;

use hyper::body::Bytes;

/// The management token that the mock believes.
pub const TOKEN: &str = "management-token";

/// How the mock treats its devices.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// Devices are accepted at their first contact, else by the management API.
    pub accepts_everybody: bool,
    /// The artifact that everybody is offered; none for an idle server.
    pub artifact: Option<Bytes>,
    /// The name in the offer.
    pub artifact_name: String,
    /// Breaks each first download off after so many bytes.
    pub break_at: Option<usize>,
    /// Status codes by report, once for each device: `("installing", 409)`.
    pub answers: BTreeMap<&'static str, u16>,
    /// Ends each connection after one answer.
    pub close_after_answer: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            accepts_everybody: true,
            artifact: Some(Bytes::from_static(include_bytes!("../fixtures/signed-p256.mender"))),
            artifact_name: "signed-p256".to_owned(),
            break_at: None,
            answers: BTreeMap::new(),
            close_after_answer: false,
        }
    }
}

/// Everything that happened so far.
pub struct State {
    pub behaviour: Behaviour,
    pub url: String,
    pub connections: usize,
    /// By identity data.
    pub devices: BTreeMap<String, Record>,
}

/// One device.
pub struct Record {
    pub id: String,
    pub public_key: String,
    pub tenant_token: String,
    pub is_accepted: bool,
    /// The last token; others are no good.
    pub token: Option<String>,
    /// The deployment is over.
    pub is_finished: bool,
    /// What it reported with its last question.
    pub provides: BTreeMap<String, String>,
    /// What it did, in order.
    pub events: Vec<String>,
    pub overridden: Vec<String>,
}

impl State {
    pub fn new(behaviour: Behaviour, url: String) -> Self {
        Self { behaviour, url, connections: 0, devices: BTreeMap::new() }
    }

    /// What each device did, joined by blanks.
    pub fn courses(&self) -> Vec<String> {
        self.devices.values().map(|device| device.events.join(" ")).collect()
    }
}
