//! Coming in, going out, coming back.

use std::time::Duration;

use harness::names::unique;
use harness::{ArtifactSpec, ClientSetup, never, shared_server, until};
use libtest_mimic::Trial;

use super::{LIMIT, PEERS, accepted, await_polls, deploy, id};

pub(crate) fn trials() -> Vec<Trial> {
    harness::peer_trials![PEERS;
        preauthorized_client_is_accepted_at_first_contact,
        revoked_token_in_mid_life_is_a_new_login,
        revoked_token_in_mid_update_does_not_disturb_it,
        rejected_client_is_out_at_its_next_request,
        decommissioned_client_appears_anew,
    ]
}

fn preauthorized_client_is_accepted_at_first_contact() {
    let server = shared_server();
    let device_type = unique("qemu");
    let mut client = ClientSetup::new(&device_type).prepare(server);
    server.admin().preauthorize(&client.identity(), &client.public_pem(), false).expect(201);
    client.start();
    let id = id(&server.admin().await_device(&client.identity(), "accepted", LIMIT));
    let artifact = ArtifactSpec::new(&device_type).write();
    let deployment = deploy(server, &artifact, &id);
    server.admin().await_state(&deployment, &id, "success", LIMIT);
}

fn revoked_token_in_mid_life_is_a_new_login() {
    let server = shared_server();
    let device_type = unique("qemu");
    let (client, id) = accepted(server, ClientSetup::new(&device_type));
    await_polls(server, &id);
    revoke(&client.identity());
    let artifact = ArtifactSpec::new(&device_type).write();
    let deployment = deploy(server, &artifact, &id);
    server.admin().await_state(&deployment, &id, "success", LIMIT);
}

fn revoked_token_in_mid_update_does_not_disturb_it() {
    let server = shared_server();
    let device_type = unique("qemu");
    let (client, id) = accepted(server, ClientSetup::new(&device_type));
    client.hold("Download");
    let artifact = ArtifactSpec::new(&device_type).write();
    let deployment = deploy(server, &artifact, &id);
    client.await_held("Download");
    revoke(&client.identity());
    client.release("Download");
    server.admin().await_state(&deployment, &id, "success", LIMIT);
}

fn rejected_client_is_out_at_its_next_request() {
    let server = shared_server();
    let device_type = unique("qemu");
    let (client, id) = accepted(server, ClientSetup::new(&device_type));
    await_polls(server, &id);
    let shown = server.admin().await_device(&client.identity(), "accepted", LIMIT);
    server.admin().set_shown_status(&shown, "rejected");
    let artifact = ArtifactSpec::new(&device_type).write();
    let deployment = deploy(server, &artifact, &id);
    never("an offer to a rejected device", Duration::from_secs(5), || {
        server.admin().device_state(&deployment, &id).is_some_and(|state| state != "pending")
            || client.installed().is_some()
    });
    assert!(!client.has_ended());
    // Nothing is lost: let in again, it goes on.
    let shown = server.admin().await_device(&client.identity(), "rejected", LIMIT);
    server.admin().set_shown_status(&shown, "accepted");
    server.admin().await_state(&deployment, &id, "success", LIMIT);
}

fn decommissioned_client_appears_anew() {
    let server = shared_server();
    let (client, old) = accepted(server, ClientSetup::new(&unique("qemu")));
    await_polls(server, &old);
    server.admin().send("DELETE", &format!("{}/{old}", harness::management::DEVAUTH)).expect(204);
    until("a new pending device", LIMIT, || {
        server
            .admin()
            .find_device(&client.identity())
            .is_some_and(|shown| shown["status"] == "pending" && shown["id"] != old)
    });
}

/// Revokes the token of a client: its id is that of the auth set.
#[track_caller]
fn revoke(identity: &serde_json::Value) {
    let admin = shared_server().admin();
    let shown = admin.find_device(identity).expect("the device");
    let jti = super::id(&shown["auth_sets"][0]);
    admin.send("DELETE", &format!("/api/management/v2/devauth/tokens/{jti}")).expect(204);
}
