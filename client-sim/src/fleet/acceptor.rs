//! Accepts the fleet's own pending devices, as an operator would (management API §2).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::member::Member;
use super::progress::Progress;
use crate::device::{DeviceState, Identity};
use crate::protocol::Origin;
use crate::protocol::devauth::{self, ListedDevice};
use crate::protocol::http::{Client, ClientOptions, Dialer, HttpError, StatusCode};

const PER_PAGE: u32 = 500;
/// Pages read at most: others may have a backlog of pending devices.
const MAX_PAGES: u32 = 200;
const WORKERS: usize = 8;
const PAUSE: Duration = Duration::from_millis(300);

/// Lists pending devices and accepts those of one fleet.
pub(super) struct Acceptor {
    token: Arc<str>,
    clients: Vec<Arc<Client>>,
    /// Public keys by identity; a device is only accepted with the key that is ours.
    ours: HashMap<Identity, String>,
    progress: Arc<Progress>,
}

impl Acceptor {
    pub(super) fn new(
        token: &str,
        members: &[Member],
        origin: &Origin,
        dialer: &Dialer,
        progress: Arc<Progress>,
    ) -> Self {
        let client = || Arc::new(Client::new(dialer.clone(), origin.clone(), ClientOptions::default()));
        Self {
            token: Arc::from(token),
            clients: std::iter::repeat_with(client).take(WORKERS).collect(),
            ours: members
                .iter()
                .map(|member| (member.identity.clone(), without_white_space(member.public_key_pem())))
                .collect(),
            progress,
        }
    }

    /// Works for ever. Returns only if the token is no good: the status that the server answered.
    pub(super) async fn run(self) -> StatusCode {
        loop {
            if self.someone_waits() {
                match self.round().await {
                    Err(Refusal::Token(status)) => return status,
                    // The devices find out by themselves whether the server comes back.
                    Err(Refusal::Unreachable) | Ok(0) => {}
                    Ok(_) => continue,
                }
            }
            sleep(PAUSE).await;
        }
    }

    fn someone_waits(&self) -> bool {
        let snapshot = self.progress.snapshot();
        [DeviceState::Connecting, DeviceState::Pending].iter().any(|state| snapshot.in_state(*state) > 0)
    }

    /// Accepts whom the list shows; how many the server agreed to.
    async fn round(&self) -> Result<usize, Refusal> {
        let wanted = self.list().await?;
        let mut workers: JoinSet<Result<usize, Refusal>> = JoinSet::new();
        let share = wanted.len().div_ceil(self.clients.len().max(1)).max(1);
        for (client, chunk) in self.clients.iter().zip(wanted.chunks(share)) {
            let (client, token, chunk) = (Arc::clone(client), Arc::clone(&self.token), chunk.to_vec());
            workers.spawn(async move {
                let mut accepted = 0;
                for (device, auth_set) in chunk {
                    let response = client.send(devauth::accept(&token, &device, &auth_set)).await?;
                    check(response.status)?;
                    accepted += usize::from(response.status.is_success());
                }
                Ok(accepted)
            });
        }
        let mut accepted = 0;
        while let Some(result) = workers.join_next().await {
            accepted += result.unwrap_or(Ok(0))?;
        }
        Ok(accepted)
    }

    /// Pending authentication sets of this fleet: device and set.
    async fn list(&self) -> Result<Vec<(String, String)>, Refusal> {
        let Some(client) = self.clients.first() else { return Ok(Vec::new()) };
        let mut wanted = Vec::new();
        for page in 1..=MAX_PAGES {
            let response = client.send(devauth::list_pending(&self.token, page, PER_PAGE)).await?;
            check(response.status)?;
            let devices: Vec<ListedDevice> = response.json().unwrap_or_default();
            if devices.is_empty() {
                break;
            }
            wanted.extend(devices.into_iter().flat_map(|device| self.ours_of(device)));
        }
        Ok(wanted)
    }

    fn ours_of(&self, device: ListedDevice) -> Vec<(String, String)> {
        let Ok(attributes) = serde_json::from_value::<BTreeMap<String, String>>(device.identity_data) else {
            return Vec::new();
        };
        let Some(key) = self.ours.get(&Identity::new(attributes)) else { return Vec::new() };
        device
            .auth_sets
            .into_iter()
            .filter(|set| set.status == "pending" && without_white_space(&set.pubkey) == *key)
            .map(|set| (device.id.clone(), set.id))
            .collect()
    }
}

enum Refusal {
    Token(StatusCode),
    Unreachable,
}

impl From<HttpError> for Refusal {
    fn from(_: HttpError) -> Self {
        Self::Unreachable
    }
}

/// Any other status (409, 422, 503, …) is left to the next round.
fn check(status: StatusCode) -> Result<(), Refusal> {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(Refusal::Token(status)),
        _ => Ok(()),
    }
}

fn without_white_space(pem: &str) -> String {
    pem.split_whitespace().collect()
}
