//! Updates that succeed.

use harness::names::unique;
use harness::{ArtifactSpec, ClientSetup, CuttingProxy, shared_server, until};
use libtest_mimic::Trial;
use serde_json::json;

use super::{LIMIT, PEERS, accepted, deploy, inventory};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = harness::peer_trials![PEERS;
        s1_01_pending_then_accepted_then_updated,
        two_updates_one_after_the_other,
        update_with_a_reboot,
        client_killed_during_the_download_starts_over,
    ];
    trials.extend(harness::slow_trials![
        PEERS;
        broken_download_is_resumed,
        large_download_is_resumed_again_and_again
    ]);
    trials
}

fn s1_01_pending_then_accepted_then_updated() {
    let server = shared_server();
    let device_type = unique("qemu");
    let (client, id) = accepted(server, ClientSetup::new(&device_type));
    until("the first inventory", LIMIT, || {
        inventory(server, &id, "artifact_name") == Some(json!("release-0"))
    });
    assert_eq!(inventory(server, &id, "device_type"), Some(json!(device_type)));
    assert_eq!(inventory(server, &id, "ip"), Some(json!(["192.0.2.1", "192.0.2.2"])));
    let artifact = ArtifactSpec::new(&device_type).write();
    let deployment = deploy(server, &artifact, &id);
    server.admin().await_state(&deployment, &id, "success", LIMIT);
    assert_eq!(client.installed(), Some(format!("payload of {}\n", artifact.name).into_bytes()));
    until("the new name in the inventory", LIMIT, || {
        inventory(server, &id, "artifact_name") == Some(json!(artifact.name))
    });
    until("the end of the update", LIMIT, || client.states().iter().any(|state| state == "Cleanup"));
    let states = client.states();
    let told: Vec<&str> =
        states.iter().map(String::as_str).filter(|state| *state != "SupportsRollback").collect();
    assert_eq!(told, ["Download", "ArtifactInstall", "NeedsArtifactReboot", "ArtifactCommit", "Cleanup"]);
    assert_eq!(server.admin().deployment(&deployment)["status"], "finished");
}

fn two_updates_one_after_the_other() {
    let server = shared_server();
    let device_type = unique("qemu");
    let (client, id) = accepted(server, ClientSetup::new(&device_type));
    let (first, second) = (ArtifactSpec::new(&device_type).write(), ArtifactSpec::new(&device_type).write());
    // Both wait; the older one goes first.
    let deployments = [deploy(server, &first, &id), deploy(server, &second, &id)];
    for deployment in &deployments {
        server.admin().await_state(deployment, &id, "success", LIMIT);
    }
    assert_eq!(client.installed(), Some(format!("payload of {}\n", second.name).into_bytes()));
}

fn update_with_a_reboot() {
    let server = shared_server();
    let device_type = unique("qemu");
    let (mut client, id) = accepted(server, ClientSetup::new(&device_type).with_reboot());
    let artifact = ArtifactSpec::new(&device_type).write();
    let deployment = deploy(server, &artifact, &id);
    client.wait_exit();
    assert_eq!(server.admin().device_state(&deployment, &id).as_deref(), Some("rebooting"));
    client.start();
    server.admin().await_state(&deployment, &id, "success", LIMIT);
    until("the end of the update", LIMIT, || client.states().iter().any(|state| state == "Cleanup"));
    let states = client.states();
    assert!(
        states.ends_with(&["ArtifactVerifyReboot", "ArtifactCommit", "Cleanup"].map(str::to_owned)),
        "{states:?}"
    );
}

fn client_killed_during_the_download_starts_over() {
    let server = shared_server();
    let device_type = unique("qemu");
    let (mut client, id) = accepted(server, ClientSetup::new(&device_type));
    let artifact = ArtifactSpec::new(&device_type).write();
    client.hold("Download");
    let deployment = deploy(server, &artifact, &id);
    client.await_held("Download");
    client.kill();
    client.release("Download");
    client.start();
    // Depending on how far it came it reports the failure of the first try or simply asks again.
    until("an end", LIMIT, || {
        let state = server.admin().device_state(&deployment, &id);
        matches!(state.as_deref(), Some("success" | "failure"))
    });
}

/// 200 MB over connections that end after 60 MB: what a line brings in three seconds that is cut so often (R5).
fn large_download_is_resumed_again_and_again() {
    let server = shared_server();
    let device_type = unique("qemu");
    let proxy = CuttingProxy::start(server.port(), 60_000_000, 3);
    let (client, id) = accepted(server, ClientSetup::new(&device_type).through(proxy.port()));
    let artifact = ArtifactSpec::new(&device_type).incompressible(200_000_000);
    let payload = artifact.payload.clone();
    let deployment = deploy(server, &artifact.write(), &id);
    until("the cuts", 10 * LIMIT, || proxy.cuts() == 3);
    server.admin().await_state(&deployment, &id, "success", 3 * LIMIT);
    assert!(client.installed() == Some(payload), "the payload is not what was uploaded");
}

fn broken_download_is_resumed() {
    let server = shared_server();
    let device_type = unique("qemu");
    let proxy = CuttingProxy::start(server.port(), 400_000, 1);
    let (client, id) = accepted(server, ClientSetup::new(&device_type).through(proxy.port()));
    let artifact = ArtifactSpec::new(&device_type).incompressible(1_500_000);
    let payload = artifact.payload.clone();
    let deployment = deploy(server, &artifact.write(), &id);
    until("the cut", LIMIT, || proxy.cuts() == 1);
    server.admin().await_state(&deployment, &id, "success", 3 * LIMIT);
    assert!(client.installed() == Some(payload), "the payload is not what was uploaded");
    assert!(client.log().contains("resum") || client.log().contains("Range"), "it was a resume");
}
