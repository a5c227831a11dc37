//! What the mock knows.

use std::collections::BTreeMap;

use hyper::body::Bytes;

/// The management token that the mock believes.
pub(crate) const TOKEN: &str = "management-token";

/// How the mock treats its devices.
#[derive(Clone, Debug)]
pub(crate) struct Behaviour {
    /// Devices are accepted at their first contact, else by the management API.
    pub(crate) accepts_everybody: bool,
    /// The artifact that everybody is offered; none for an idle server.
    pub(crate) artifact: Option<Bytes>,
    /// The name in the offer.
    pub(crate) artifact_name: String,
    /// Breaks each first download off after so many bytes.
    pub(crate) break_at: Option<usize>,
    /// Status codes by report, once for each device: `("installing", 409)`.
    pub(crate) answers: BTreeMap<&'static str, u16>,
    /// Ends each connection after one answer.
    pub(crate) close_after_answer: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            accepts_everybody: true,
            artifact: Some(Bytes::from_static(include_bytes!("../../fixtures/signed-p256.mender"))),
            artifact_name: "signed-p256".to_owned(),
            break_at: None,
            answers: BTreeMap::new(),
            close_after_answer: false,
        }
    }
}

/// Everything that happened so far.
pub(crate) struct State {
    pub(crate) behaviour: Behaviour,
    pub(crate) url: String,
    pub(crate) connections: usize,
    /// By identity data.
    pub(crate) devices: BTreeMap<String, Record>,
}

/// One device.
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) public_key: String,
    pub(crate) tenant_token: String,
    pub(crate) is_accepted: bool,
    /// The last token; others are no good.
    pub(crate) token: Option<String>,
    /// The deployment is over.
    pub(crate) is_finished: bool,
    /// What it reported with its last question.
    pub(crate) provides: BTreeMap<String, String>,
    /// What it did, in order.
    pub(crate) events: Vec<String>,
    pub(crate) overridden: Vec<String>,
}

impl State {
    pub(crate) fn new(behaviour: Behaviour, url: String) -> Self {
        Self { behaviour, url, connections: 0, devices: BTreeMap::new() }
    }

    /// What each device did, joined by blanks.
    pub(crate) fn courses(&self) -> Vec<String> {
        self.devices.values().map(|device| device.events.join(" ")).collect()
    }
}
