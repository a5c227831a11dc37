//! Updates that fail, and say why.

use harness::artifacts::KeyFiles;
use harness::names::unique;
use harness::{ArtifactSpec, ClientSetup, shared_server, until};
use libtest_mimic::Trial;

use super::{LIMIT, PEERS, accepted, deploy};

pub(crate) fn trials() -> Vec<Trial> {
    harness::peer_trials![PEERS;
        wrong_signature_is_a_failure_with_its_log,
        missing_signature_is_a_failure_with_its_log,
        right_signature_is_a_success,
        failing_install_is_a_failure_with_its_log,
    ]
}

fn wrong_signature_is_a_failure_with_its_log() {
    let other = KeyFiles::generate("rsa3072");
    let log = refused(Some(&other));
    assert!(log.contains("invalid signature"), "{log}");
}

fn missing_signature_is_a_failure_with_its_log() {
    let log = refused(None);
    assert!(log.contains("expecting signed artifact"), "{log}");
}

fn right_signature_is_a_success() {
    let server = shared_server();
    for kind in ["rsa3072", "p256"] {
        let key = KeyFiles::generate(kind);
        let device_type = unique("qemu");
        let (client, id) = accepted(server, ClientSetup::new(&device_type).with_verify_key(&key.public));
        let artifact = ArtifactSpec::new(&device_type).write();
        artifact.sign(&key);
        let deployment = deploy(server, &artifact, &id);
        server.admin().await_state(&deployment, &id, "success", LIMIT);
        assert!(client.installed().is_some());
    }
}

fn failing_install_is_a_failure_with_its_log() {
    let server = shared_server();
    let device_type = unique("qemu");
    let (client, id) = accepted(server, ClientSetup::new(&device_type).with_failing_install());
    let artifact = ArtifactSpec::new(&device_type).write();
    let deployment = deploy(server, &artifact, &id);
    server.admin().await_state(&deployment, &id, "failure", LIMIT);
    until("the log", LIMIT, || server.admin().device_log(&deployment, &id).status == 200);
    let log = server.admin().device_log(&deployment, &id).expect(200).text();
    assert!(log.contains("this install was told to fail"), "{log}");
    let states = client.states();
    for state in ["ArtifactInstall", "ArtifactRollback", "ArtifactFailure", "Cleanup"] {
        assert!(states.iter().any(|one| one == state), "no {state} in {states:?}");
    }
    assert_eq!(client.installed(), None);
    assert_eq!(server.admin().count(&deployment, "failure"), 1);
}

/// Deploys an artifact signed by a key, or unsigned, to a client that trusts another; returns the log
/// that the server has of it.
#[track_caller]
fn refused(signer: Option<&KeyFiles>) -> String {
    let server = shared_server();
    let trusted = KeyFiles::generate("rsa3072");
    let device_type = unique("qemu");
    let (client, id) = accepted(server, ClientSetup::new(&device_type).with_verify_key(&trusted.public));
    let artifact = ArtifactSpec::new(&device_type).write();
    if let Some(key) = signer {
        artifact.sign(key);
    }
    let deployment = deploy(server, &artifact, &id);
    server.admin().await_state(&deployment, &id, "failure", LIMIT);
    until("the log", LIMIT, || server.admin().device_log(&deployment, &id).status == 200);
    assert_eq!(client.states(), Vec::<String>::new(), "no state of the module runs");
    server.admin().device_log(&deployment, &id).expect(200).text()
}
