//! The unmodified daemon `mender` 3.4.

mod abort;
mod admission;
mod failure;
mod rootfs;
mod update;

use std::time::Duration;

use harness::{ArtifactFile, ClientSetup, MenderClient, Peer, TestServer, until};
use libtest_mimic::Trial;
use serde_json::Value;

/// What these trials drive.
const PEERS: &[Peer] = &[Peer::MenderClient, Peer::OpenSsl];
/// So long a step may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(90);

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = update::trials();
    trials.extend(admission::trials());
    trials.extend(abort::trials());
    trials.extend(failure::trials());
    trials.extend(rootfs::trials());
    trials
}

/// Starts a client, waits for its first contact and accepts it. Returns it and its device id.
#[track_caller]
fn accepted(server: &TestServer, setup: ClientSetup) -> (MenderClient, String) {
    let client = setup.start(server);
    let shown = server.admin().await_device(&client.identity(), "pending", LIMIT);
    server.admin().set_shown_status(&shown, "accepted");
    (client, id(&shown))
}

/// Waits until a client is logged in and has sent its inventory; it polls from then on.
#[track_caller]
fn await_polls(server: &TestServer, device_id: &str) {
    until("the first inventory", LIMIT, || inventory(server, device_id, "artifact_name").is_some());
}

/// Uploads an artifact and deploys it to one device.
#[track_caller]
fn deploy(server: &TestServer, artifact: &ArtifactFile, device_id: &str) -> String {
    server.admin().upload(artifact);
    server.admin().deploy(&artifact.name, &[device_id.to_owned()])
}

/// Returns the value of an inventory attribute of a device.
#[track_caller]
fn inventory(server: &TestServer, device_id: &str, name: &str) -> Option<Value> {
    let path = format!("{}/{device_id}", harness::management::INVENTORY);
    let shown = server.admin().get(&path).expect(200).json();
    let attributes = shown["attributes"].as_array().expect("attributes").clone();
    let found = attributes.into_iter().find(|one| one["scope"] == "inventory" && one["name"] == name);
    found.map(|one| one["value"].clone())
}

#[track_caller]
fn id(shown: &Value) -> String {
    shown["id"].as_str().expect("an id").to_owned()
}
