//! `…/deployments/device/deployments/next`: what a device is offered (device protocol §2.1, §2.2).

use harness::device::{NEXT_V1, NEXT_V2};
use harness::{ArtifactFile, ArtifactSpec, Body, Device, TestServer, shared_server};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        all_three_forms_offer_the_same,
        all_three_forms_have_nothing,
        malformed_questions_are_400,
        offer_is_repeated_until_the_end,
        oldest_deployment_comes_first,
        artifact_must_fit_the_device_type,
        no_artifact_for_this_device_type,
        already_installed_is_recognised,
        lost_final_report_is_recognised,
        finished_deployment_is_not_offered_again,
        other_devices_get_nothing,
    ]
}

/// Makes an accepted device, a release for it, and a deployment; asks once and returns the
/// deployment's id.
#[track_caller]
pub(crate) fn offered(server: &TestServer) -> (Device, String) {
    let device = server.accepted_device();
    let (_, deployment) = deployed(server, &device);
    assert_eq!(device.next_offer()["id"], deployment);
    (device, deployment)
}

/// Makes a release for a device and a deployment.
#[track_caller]
pub(crate) fn deployed(server: &TestServer, device: &Device) -> (ArtifactFile, String) {
    let artifact = ArtifactSpec::new(&device.device_type).write();
    server.admin().upload(&artifact);
    let deployment = server.admin().deploy(&artifact.name, &[server.admin().device_id(device)]);
    (artifact, deployment)
}

fn all_three_forms_offer_the_same() {
    let server = shared_server();
    let device = server.accepted_device();
    let (artifact, deployment) = deployed(server, &device);
    for answer in ask_all_ways(&device) {
        let answer = answer.expect(200).json();
        assert_eq!(answer["id"], deployment);
        assert_eq!(answer["artifact"]["artifact_name"], artifact.name);
    }
}

fn all_three_forms_have_nothing() {
    let device = shared_server().accepted_device();
    for answer in ask_all_ways(&device) {
        assert!(answer.expect(204).body.is_empty());
    }
}

fn malformed_questions_are_400() {
    let device = shared_server().accepted_device();
    let bodies = [
        json!({}),
        json!([]),
        json!({"device_provides": {}}),
        json!({"device_provides": {"artifact_name": "a"}}),
        json!({"device_provides": {"device_type": "a"}}),
        json!({"device_provides": {"artifact_name": 1, "device_type": "a"}}),
    ];
    for body in bodies {
        device.send_json("POST", NEXT_V2, &body).expect_error(400);
    }
    device.send_json("POST", NEXT_V1, &json!({"artifact_name": "a"})).expect_error(400);
    device.http.send(&device.request("GET", NEXT_V1)).expect_error(400);
    for query in ["device_type=a", "device_type=a&artifact_name=", "device_type=&artifact_name=a"] {
        device.http.send(&device.request("GET", &format!("{NEXT_V1}?{query}"))).expect_error(400);
    }
    let broken = device.request("POST", NEXT_V2).header("Content-Type", "application/json");
    device.http.send(&broken.body(Body::Sized(b"{\"device".to_vec()))).expect_error(400);
}

fn offer_is_repeated_until_the_end() {
    let server = shared_server();
    let (device, deployment) = offered(server);
    assert_eq!(device.next_offer()["id"], deployment);
    for status in ["downloading", "installing", "rebooting", "installing"] {
        device.report(&deployment, status).expect(204);
        assert_eq!(device.next_offer()["id"], deployment, "after {status}");
    }
    device.report(&deployment, "success").expect(204);
    device.next_nothing();
}

fn oldest_deployment_comes_first() {
    let server = shared_server();
    let device = server.accepted_device();
    let (_, first) = deployed(server, &device);
    let (_, second) = deployed(server, &device);
    assert_eq!(device.next_offer()["id"], first);
    device.report(&first, "failure").expect(204);
    assert_eq!(device.next_offer()["id"], second);
    device.report(&second, "success").expect(204);
    device.next_nothing();
}

fn artifact_must_fit_the_device_type() {
    let server = shared_server();
    let device = server.accepted_device();
    let (one, _) = deployed(server, &device);
    // The same release has an artifact for another type too.
    let other = ArtifactSpec::new("another-type").name(&one.name).write();
    server.admin().upload(&other);
    assert_eq!(device.next_offer()["artifact"]["device_types_compatible"], json!([device.device_type]));
}

fn no_artifact_for_this_device_type() {
    let server = shared_server();
    let device = server.accepted_device();
    let id = server.admin().device_id(&device);
    let artifact = ArtifactSpec::new("another-type").write();
    server.admin().upload(&artifact);
    let deployment = server.admin().deploy(&artifact.name, std::slice::from_ref(&id));
    device.next_nothing();
    assert_eq!(server.admin().device_state(&deployment, &id).as_deref(), Some("noartifact"));
    assert_eq!(server.admin().count(&deployment, "noartifact"), 1);
    assert_eq!(server.admin().deployment(&deployment)["status"], "finished");
}

fn already_installed_is_recognised() {
    let server = shared_server();
    let mut device = server.accepted_device();
    let id = server.admin().device_id(&device);
    let (artifact, deployment) = deployed(server, &device);
    device.artifact_name.clone_from(&artifact.name);
    device.next_nothing();
    assert_eq!(server.admin().device_state(&deployment, &id).as_deref(), Some("already-installed"));
    assert_eq!(server.admin().count(&deployment, "already-installed"), 1);
}

fn lost_final_report_is_recognised() {
    let server = shared_server();
    let mut device = server.accepted_device();
    let id = server.admin().device_id(&device);
    let (artifact, deployment) = deployed(server, &device);
    device.next_offer();
    device.report(&deployment, "downloading").expect(204);
    device.report(&deployment, "installing").expect(204);
    device.artifact_name.clone_from(&artifact.name);
    device.next_nothing();
    assert_eq!(server.admin().device_state(&deployment, &id).as_deref(), Some("success"));
}

fn finished_deployment_is_not_offered_again() {
    let server = shared_server();
    for end in ["success", "failure", "already-installed"] {
        let (device, deployment) = offered(server);
        device.report(&deployment, end).expect(204);
        device.next_nothing();
        assert_eq!(server.admin().deployment(&deployment)["status"], "finished");
    }
}

fn other_devices_get_nothing() {
    let server = shared_server();
    let (device, _) = offered(server);
    let mut bystander = server.accepted_device();
    bystander.device_type.clone_from(&device.device_type);
    bystander.next_nothing();
}

#[track_caller]
fn ask_all_ways(device: &Device) -> [harness::Response; 3] {
    let query =
        format!("{NEXT_V1}?artifact_name={}&device_type={}", device.artifact_name, device.device_type);
    [
        device.next(),
        device.send_json("POST", NEXT_V1, &Value::Object(device.provides())),
        device.http.send(&device.request("GET", &query)),
    ]
}
