//! What was answered with success survives `kill -9` (design guarantee "durability").

use harness::management::{ARTIFACTS, DEVAUTH};
use harness::multipart::content_type;
use harness::{ArtifactSpec, Multipart, TestServer};
use libtest_mimic::Trial;
use serde_json::json;

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        killed_server_keeps_what_it_acknowledged,
        killed_during_an_upload_leaves_no_trace,
        revocations_survive,
    ]
}

fn killed_server_keeps_what_it_acknowledged() {
    let server = TestServer::start();
    let admin = server.admin();
    let device = server.accepted_device();
    let id = admin.device_id(&device);
    let artifact = ArtifactSpec::new(&device.device_type).write();
    let artifact_id = admin.upload(&artifact);
    let deployment = admin.deploy(&artifact.name, std::slice::from_ref(&id));
    device.next_offer();
    device.put_inventory(&json!([{"name": "a", "value": "1"}])).expect(200);
    device.report(&deployment, "downloading").expect(204);
    device.report(&deployment, "installing").expect(204);
    server.kill();
    server.restart();
    assert_eq!(admin.show_device(&device)["status"], "accepted");
    assert_eq!(admin.device_state(&deployment, &id).as_deref(), Some("installing"));
    assert_eq!(admin.count(&deployment, "installing"), 1);
    admin.get(&format!("{ARTIFACTS}/{artifact_id}")).expect(200);
    let inventory = admin.get(&format!("{}/{id}", harness::management::INVENTORY)).expect(200).text();
    assert!(inventory.contains("\"a\""), "{inventory}");
    // The update goes on as if nothing had happened.
    let offer = device.next_offer();
    assert_eq!(offer["id"], deployment);
    let target = harness::device::link_target(offer["artifact"]["source"]["uri"].as_str().expect("a link"));
    assert!(server.http().get(&target).expect(200).body == artifact.bytes());
    device.report(&deployment, "success").expect(204);
    server.kill();
    server.restart();
    assert_eq!(admin.count(&deployment, "success"), 1);
    assert_eq!(admin.deployment(&deployment)["status"], "finished");
    device.next_nothing();
}

fn killed_during_an_upload_leaves_no_trace() {
    let server = TestServer::start();
    let artifact = ArtifactSpec::new("type-a").incompressible(2_000_000).write();
    let form = Multipart::artifact(&artifact.bytes()).finish();
    let head = format!(
        "POST {ARTIFACTS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: {}\r\n\
         Content-Length: {}\r\n\r\n",
        server.admin().token,
        content_type(),
        form.len()
    );
    let mut connection = server.http().connect().expect("a connection");
    connection.send_bytes(&[head.as_bytes(), &form[..form.len() / 2]].concat()).expect("sent");
    server.kill();
    server.restart();
    assert_eq!(server.admin().get(ARTIFACTS).expect(200).json(), json!([]));
    assert!(server.blob_files().is_empty(), "an interrupted upload leaves no file");
    server.admin().upload(&artifact);
    assert_eq!(server.blob_files().len(), 1);
}

fn revocations_survive() {
    let server = TestServer::start();
    let admin = server.admin();
    let (rejected, decommissioned, revoked) =
        (server.accepted_device(), server.accepted_device(), server.accepted_device());
    admin.reject(&rejected);
    let id = admin.device_id(&decommissioned);
    admin.send("DELETE", &format!("{DEVAUTH}/{id}")).expect(204);
    let jti = admin.auth_set_id(&revoked);
    admin.send("DELETE", &format!("/api/management/v2/devauth/tokens/{jti}")).expect(204);
    admin.send("POST", "/api/management/v1/useradm/auth/logout").expect(202);
    server.kill();
    server.restart();
    for device in [rejected, decommissioned, revoked] {
        device.next().expect_session_refused();
    }
    admin.get(DEVAUTH).expect_error(401);
}
