//! `…/deployments/device/deployments/{id}/status` (device protocol §2.3).

use harness::device::deployment_path;
use harness::names::unknown_uuid;
use harness::{Body, shared_server};
use libtest_mimic::Trial;
use serde_json::json;

use super::next::offered;

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        every_state_of_a_device_is_accepted,
        repeats_are_204_and_change_nothing,
        commit_gate_after_reboot,
        reports_after_the_end_are_204_and_change_nothing,
        malformed_reports_are_400,
        unknown_and_foreign_deployments_are_404,
        abort_before_the_first_report,
        abort_cannot_undo_an_end,
        decommissioned_device_ends_its_deployment,
        substate_is_accepted,
    ]
}

fn every_state_of_a_device_is_accepted() {
    let server = shared_server();
    let (device, deployment) = offered(server);
    let id = server.admin().device_id(&device);
    assert_eq!(server.admin().device_state(&deployment, &id).as_deref(), Some("pending"));
    let states = [
        "downloading",
        "pause_before_installing",
        "installing",
        "pause_before_rebooting",
        "rebooting",
        "pause_before_committing",
        "installing",
        "success",
    ];
    for state in states {
        assert!(device.report(&deployment, state).expect(204).body.is_empty());
        assert_eq!(server.admin().device_state(&deployment, &id).as_deref(), Some(state));
        assert_eq!(server.admin().count(&deployment, state), 1);
    }
    assert_eq!(server.admin().deployment(&deployment)["status"], "finished");
}

fn repeats_are_204_and_change_nothing() {
    let server = shared_server();
    let (device, deployment) = offered(server);
    for state in
        ["downloading", "downloading", "downloading", "installing", "installing", "failure", "failure"]
    {
        device.report(&deployment, state).expect(204);
        assert_eq!(server.admin().count(&deployment, state), 1);
    }
}

fn commit_gate_after_reboot() {
    let server = shared_server();
    let (device, deployment) = offered(server);
    for state in ["downloading", "installing", "rebooting", "installing", "success"] {
        device.report(&deployment, state).expect(204);
    }
    let counted =
        server.admin().get(&format!("{}/{deployment}/statistics", harness::management::DEPLOYMENTS));
    let counted = counted.expect(200).json();
    let total: u64 =
        counted.as_object().expect("counters").values().filter_map(serde_json::Value::as_u64).sum();
    assert_eq!((total, counted["success"].as_u64()), (1, Some(1)));
}

fn reports_after_the_end_are_204_and_change_nothing() {
    let server = shared_server();
    for end in ["success", "failure", "already-installed"] {
        let (device, deployment) = offered(server);
        device.report(&deployment, end).expect(204);
        for late in ["downloading", "installing", "rebooting", "success", "failure"] {
            device.report(&deployment, late).expect(204);
        }
        let id = server.admin().device_id(&device);
        assert_eq!(server.admin().device_state(&deployment, &id).as_deref(), Some(end));
    }
}

fn malformed_reports_are_400() {
    let server = shared_server();
    let (device, deployment) = offered(server);
    let path = deployment_path(&deployment, "status");
    for status in ["pending", "noartifact", "aborted", "decommissioned", "nonsense", "", "Success"] {
        device.report(&deployment, status).expect_error(400);
    }
    for body in [json!({}), json!([]), json!({"status": 1}), json!({"state": "success"})] {
        device.send_json("PUT", &path, &body).expect_error(400);
    }
    let broken = device.request("PUT", &path).header("Content-Type", "application/json");
    device.http.send(&broken.body(Body::Sized(b"{\"status\":".to_vec()))).expect_error(400);
    let id = server.admin().device_id(&device);
    assert_eq!(server.admin().device_state(&deployment, &id).as_deref(), Some("pending"));
}

fn unknown_and_foreign_deployments_are_404() {
    let server = shared_server();
    let (_, deployment) = offered(server);
    let stranger = server.accepted_device();
    stranger.report(&deployment, "success").expect_error(404);
    stranger.report(&unknown_uuid(), "success").expect_error(404);
    assert_eq!(server.admin().count(&deployment, "pending"), 1);
}

fn abort_before_the_first_report() {
    let server = shared_server();
    let (device, deployment) = offered(server);
    server.admin().abort(&deployment).expect(204);
    device.report(&deployment, "downloading").expect_error(409);
    device.report(&deployment, "failure").expect_error(409);
    device.next_nothing();
    assert_eq!(server.admin().count(&deployment, "aborted"), 1);
}

fn abort_cannot_undo_an_end() {
    let server = shared_server();
    let (device, deployment) = offered(server);
    device.report(&deployment, "success").expect(204);
    server.admin().abort(&deployment).expect_error(422);
    device.report(&deployment, "success").expect(204);
    assert_eq!(server.admin().count(&deployment, "success"), 1);
}

fn decommissioned_device_ends_its_deployment() {
    let server = shared_server();
    let (device, deployment) = offered(server);
    device.report(&deployment, "downloading").expect(204);
    let id = server.admin().device_id(&device);
    server.admin().send("DELETE", &format!("{}/{id}", harness::management::DEVAUTH)).expect(204);
    device.report(&deployment, "installing").expect_session_refused();
    assert_eq!(server.admin().count(&deployment, "decommissioned"), 1);
    assert_eq!(server.admin().deployment(&deployment)["status"], "finished");
}

fn substate_is_accepted() {
    let server = shared_server();
    let (device, deployment) = offered(server);
    let path = deployment_path(&deployment, "status");
    let body = json!({"status": "installing", "substate": "writing 10 %"});
    device.send_json("PUT", &path, &body).expect(204);
}
