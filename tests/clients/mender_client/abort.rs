//! Aborts, which a client learns of at its next report (device protocol §2.4).

use std::time::Duration;

use harness::names::unique;
use harness::{ArtifactSpec, ClientSetup, never, shared_server, until};
use libtest_mimic::Trial;

use super::{LIMIT, PEERS, accepted, deploy};

pub(crate) fn trials() -> Vec<Trial> {
    harness::peer_trials![PEERS; abort_during_the_download, abort_at_the_commit_gate]
}

fn abort_during_the_download() {
    let client_states = aborted_in("Download");
    assert!(!client_states.iter().any(|state| state == "ArtifactInstall"), "{client_states:?}");
}

fn abort_at_the_commit_gate() {
    // A module that is at work notices nothing; the report after it is the gate.
    let client_states = aborted_in("ArtifactInstall");
    assert!(client_states.iter().any(|state| state == "ArtifactRollback"), "{client_states:?}");
    assert!(!client_states.iter().any(|state| state == "ArtifactCommit"), "{client_states:?}");
}

/// Aborts a deployment while the client is in a state; returns the states that its module was in.
#[track_caller]
fn aborted_in(state: &str) -> Vec<String> {
    let server = shared_server();
    let device_type = unique("qemu");
    let (client, id) = accepted(server, ClientSetup::new(&device_type));
    client.hold(state);
    let artifact = ArtifactSpec::new(&device_type).write();
    let deployment = deploy(server, &artifact, &id);
    client.await_held(state);
    server.admin().abort(&deployment).expect(204);
    client.release(state);
    until("the clean-up", LIMIT, || client.states().iter().any(|state| state == "Cleanup"));
    assert_eq!(client.installed(), None);
    let states = client.states();
    // It stays aborted, and it is not tried again.
    never("another try", Duration::from_secs(3), || client.states().len() > states.len());
    assert_eq!(server.admin().device_state(&deployment, &id).as_deref(), Some("aborted"));
    assert_eq!(server.admin().count(&deployment, "aborted"), 1);
    // The next update is not disturbed by it.
    let next = ArtifactSpec::new(&device_type).write();
    let deployment = deploy(server, &next, &id);
    server.admin().await_state(&deployment, &id, "success", LIMIT);
    states
}
