//! `/api/management/v1/deployments/deployments` (management API §4.3).

use harness::management::{DEPLOYMENTS, location_id};
use harness::names::{unique, unknown_uuid};
use harness::{ArtifactSpec, TestServer, shared_server};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        created_deployment_is_shown,
        deployment_to_a_group_is_a_snapshot,
        deployment_to_all_is_a_snapshot,
        malformed_deployments_are_400,
        release_without_artifacts_is_422,
        same_deployment_twice_is_409,
        counters_follow_the_devices,
        lists_are_filtered_and_paged,
        devices_of_a_deployment_are_listed,
        deployments_of_a_device_are_listed,
        abort_ends_it_at_once,
        abort_of_unknown_or_ended_is_422,
        malformed_and_unknown_ids,
    ]
}

const LIST_V2: &str = "/api/management/v2/deployments/deployments";
const STATES: [&str; 13] = [
    "failure",
    "aborted",
    "pause_before_installing",
    "pause_before_committing",
    "pause_before_rebooting",
    "downloading",
    "installing",
    "rebooting",
    "pending",
    "success",
    "noartifact",
    "already-installed",
    "decommissioned",
];

fn created_deployment_is_shown() {
    let server = shared_server();
    let device = server.accepted_device();
    let artifact = ArtifactSpec::new(&device.device_type).write();
    server.admin().upload(&artifact);
    let id = server.admin().device_id(&device);
    let body = json!({"name": "for one", "artifact_name": artifact.name, "devices": [id]});
    let response = server.admin().send_json("POST", DEPLOYMENTS, &body).expect(201);
    assert!(response.body.is_empty(), "published CI templates compare the body to nothing");
    let deployment = location_id(&response);
    assert_eq!(response.header("Location"), Some(format!("{DEPLOYMENTS}/{deployment}").as_str()));
    let shown = server.admin().deployment(&deployment);
    assert_eq!(shown["id"], deployment);
    assert_eq!(shown["name"], "for one");
    assert_eq!(shown["artifact_name"], artifact.name);
    assert_eq!(shown["status"], "pending");
    assert_eq!(shown["max_devices"], 1);
    assert_eq!(shown["device_count"], 0);
    assert_eq!(shown["type"], "software");
    assert!(shown["created"].as_str().is_some_and(|at| at.contains('T')));
    let counters = &shown["statistics"]["status"];
    for state in STATES {
        assert_eq!(counters[state], u64::from(state == "pending"), "{state} in {counters}");
    }
    device.next_offer();
    let shown = server.admin().deployment(&deployment);
    assert_eq!((&shown["status"], &shown["device_count"]), (&json!("inprogress"), &json!(1)));
    device.report(&deployment, "success").expect(204);
    let shown = server.admin().deployment(&deployment);
    assert_eq!(shown["status"], "finished");
    assert!(shown["finished"].is_string());
}

fn deployment_to_a_group_is_a_snapshot() {
    let server = shared_server();
    let group = unique("group");
    let (member, late) = (server.accepted_device(), server.accepted_device());
    server.admin().set_group(&server.admin().device_id(&member), &group);
    let artifact = ArtifactSpec::new(&member.device_type).write();
    server.admin().upload(&artifact);
    let body = json!({"name": unique("d"), "artifact_name": artifact.name});
    let path = format!("{DEPLOYMENTS}/group/{group}");
    let deployment = location_id(&server.admin().send_json("POST", &path, &body).expect(201));
    server.admin().set_group(&server.admin().device_id(&late), &group);
    assert_eq!(server.admin().deployment(&deployment)["max_devices"], 1);
    assert_eq!(member.next_offer()["id"], deployment);
    late.next_nothing();
    let path = format!("{DEPLOYMENTS}/group/{}", unique("empty"));
    server.admin().send_json("POST", &path, &body).expect_error(400);
}

fn deployment_to_all_is_a_snapshot() {
    let server = TestServer::start();
    let admin = server.admin();
    let artifact = ArtifactSpec::new("same-type").write();
    admin.upload(&artifact);
    let body = json!({"name": "all", "artifact_name": artifact.name, "all_devices": true});
    admin.send_json("POST", DEPLOYMENTS, &body).expect_error(400);
    let mut devices: Vec<_> = (0..3).map(|_| server.accepted_device()).collect();
    let mut pending = server.device();
    pending.authenticate().expect_error(401);
    let deployment = location_id(&admin.send_json("POST", DEPLOYMENTS, &body).expect(201));
    assert_eq!(admin.deployment(&deployment)["max_devices"], 3, "accepted devices only");
    let late = server.accepted_device();
    devices.push(late);
    for (at, device) in devices.iter_mut().enumerate() {
        "same-type".clone_into(&mut device.device_type);
        device.next().expect(if at < 3 { 200 } else { 204 });
    }
    assert_eq!(admin.deployment(&deployment)["device_count"], 3);
}

fn malformed_deployments_are_400() {
    let server = shared_server();
    let device = server.accepted_device();
    let artifact = ArtifactSpec::new(&device.device_type).write();
    server.admin().upload(&artifact);
    let (name, id) = (&artifact.name, server.admin().device_id(&device));
    let bodies = [
        json!({}),
        json!({"artifact_name": name, "devices": [id]}),
        json!({"name": "n", "devices": [id]}),
        json!({"name": "", "artifact_name": name, "devices": [id]}),
        json!({"name": "n".repeat(257), "artifact_name": name, "devices": [id]}),
        json!({"name": "n", "artifact_name": name}),
        json!({"name": "n", "artifact_name": name, "devices": []}),
        json!({"name": "n", "artifact_name": name, "devices": id}),
        json!({"name": "n", "artifact_name": name, "devices": [id], "all_devices": true}),
        json!({"name": "n", "artifact_name": name, "all_devices": false}),
    ];
    for body in bodies {
        server.admin().send_json("POST", DEPLOYMENTS, &body).expect_error(400);
    }
    device.next_nothing();
}

fn release_without_artifacts_is_422() {
    let server = shared_server();
    let id = server.admin().device_id(&server.accepted_device());
    let body = json!({"name": "n", "artifact_name": unique("release"), "devices": [id]});
    let response = server.admin().send_json("POST", DEPLOYMENTS, &body).expect_error(422);
    assert!(
        response.json()["error"].as_str().is_some_and(|text| text.to_lowercase().contains("no artifact"))
    );
}

fn same_deployment_twice_is_409() {
    let server = shared_server();
    let device = server.accepted_device();
    let artifact = ArtifactSpec::new(&device.device_type).write();
    server.admin().upload(&artifact);
    let body = json!({"name": "twice", "artifact_name": artifact.name, "devices": [server.admin().device_id(&device)]});
    let deployment = location_id(&server.admin().send_json("POST", DEPLOYMENTS, &body).expect(201));
    server.admin().send_json("POST", DEPLOYMENTS, &body).expect_error(409);
    server.admin().abort(&deployment).expect(204);
    server.admin().send_json("POST", DEPLOYMENTS, &body).expect(201);
}

fn counters_follow_the_devices() {
    let server = shared_server();
    let mut devices: Vec<_> = (0..4).map(|_| server.accepted_device()).collect();
    let device_type = devices[0].device_type.clone();
    for device in &mut devices {
        device.device_type.clone_from(&device_type);
    }
    let ids: Vec<String> = devices.iter().map(|device| server.admin().device_id(device)).collect();
    let artifact = ArtifactSpec::new(&device_type).write();
    server.admin().upload(&artifact);
    let deployment = server.admin().deploy(&artifact.name, &ids);
    for device in &devices[..3] {
        device.next_offer();
    }
    devices[0].report(&deployment, "success").expect(204);
    devices[1].report(&deployment, "failure").expect(204);
    devices[2].report(&deployment, "downloading").expect(204);
    let statistics = server.admin().get(&format!("{DEPLOYMENTS}/{deployment}/statistics")).expect(200).json();
    for state in STATES {
        let expected = u64::from(["success", "failure", "downloading", "pending"].contains(&state));
        assert_eq!(statistics[state], expected, "{state} in {statistics}");
    }
    let body = json!({"deployment_ids": [deployment]});
    let list =
        server.admin().send_json("POST", &format!("{DEPLOYMENTS}/statistics/list"), &body).expect(200).json();
    assert_eq!(list, json!([{"id": deployment, "stats": statistics}]));
    let unknown = json!({"deployment_ids": [deployment, unknown_uuid()]});
    server.admin().send_json("POST", &format!("{DEPLOYMENTS}/statistics/list"), &unknown).expect_error(404);
    // A device that never asked is aborted all the same.
    server.admin().abort(&deployment).expect(204);
    assert_eq!(server.admin().count(&deployment, "aborted"), 2);
    assert_eq!(server.admin().count(&deployment, "success"), 1);
}

fn lists_are_filtered_and_paged() {
    let server = TestServer::start();
    let admin = server.admin();
    let device = server.accepted_device();
    let artifact = ArtifactSpec::new(&device.device_type).write();
    admin.upload(&artifact);
    let ids: Vec<String> =
        (0..3).map(|_| admin.deploy(&artifact.name, &[admin.device_id(&device)])).collect();
    admin.abort(&ids[0]).expect(204);
    device.next_offer();
    let listed = |path: &str, query: &str| -> Vec<String> {
        let list = admin.get(&format!("{path}?{query}")).expect(200).json();
        let list = list.as_array().expect("a list").clone();
        list.into_iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect()
    };
    for path in [LIST_V2, DEPLOYMENTS] {
        assert_eq!(listed(path, ""), [ids[2].as_str(), &ids[1], &ids[0]], "newest first");
        assert_eq!(listed(path, "sort=asc"), ids);
        assert_eq!(listed(path, "status=finished"), [ids[0].as_str()]);
        assert_eq!(listed(path, "status=inprogress"), [ids[1].as_str()]);
        assert_eq!(listed(path, "status=pending"), [ids[2].as_str()]);
        for query in ["status=nonsense", "sort=nonsense", "type=nonsense", "per_page=0"] {
            admin.get(&format!("{path}?{query}")).expect_error(400);
        }
    }
    assert_eq!(listed(LIST_V2, &format!("id={}&id={}", ids[0], ids[1])).len(), 2);
    assert_eq!(listed(LIST_V2, "name=").len(), 3, "an empty name is none");
    admin.get(&format!("{LIST_V2}?id={}&name=x", ids[0])).expect_error(400);
    assert_eq!(listed(DEPLOYMENTS, &format!("search={}", artifact.name)).len(), 3);
    let page = admin.get(&format!("{LIST_V2}?per_page=2&page=1")).expect(200);
    assert_eq!(page.header("X-Total-Count"), Some("3"));
    assert!(page.header_values("Link").iter().any(|link| link.contains("rel=\"next\"")));
}

fn devices_of_a_deployment_are_listed() {
    let server = shared_server();
    let device = server.accepted_device();
    let id = server.admin().device_id(&device);
    let artifact = ArtifactSpec::new(&device.device_type).write();
    let artifact_id = server.admin().upload(&artifact);
    let deployment = server.admin().deploy(&artifact.name, std::slice::from_ref(&id));
    device.next_offer();
    device.report(&deployment, "downloading").expect(204);
    let path = format!("{DEPLOYMENTS}/{deployment}/devices/list");
    let list = server.admin().get(&path).expect(200);
    assert_eq!(list.header("X-Total-Count"), Some("1"));
    let row = &list.json()[0];
    assert_eq!((&row["id"], &row["status"], &row["log"]), (&json!(id), &json!("downloading"), &json!(false)));
    assert!(row["created"].is_string());
    assert_eq!(row["image"]["id"], artifact_id);
    let of = |status: &str| -> Option<usize> {
        server.admin().get(&format!("{path}?status={status}")).expect(200).json().as_array().map(Vec::len)
    };
    assert_eq!(
        (of("downloading"), of("active"), of("finished"), of("success")),
        (Some(1), Some(1), Some(0), Some(0))
    );
    server.admin().get(&format!("{path}?status=nonsense")).expect_error(400);
}

fn deployments_of_a_device_are_listed() {
    let server = shared_server();
    let device = server.accepted_device();
    let id = server.admin().device_id(&device);
    let artifact = ArtifactSpec::new(&device.device_type).write();
    server.admin().upload(&artifact);
    let deployment = server.admin().deploy(&artifact.name, std::slice::from_ref(&id));
    device.next_offer();
    let path = format!("{DEPLOYMENTS}/devices/{id}");
    let list = server.admin().get(&path).expect(200).json();
    assert_eq!(list[0]["deployment"]["id"], deployment);
    assert_eq!(list[0]["device"]["status"], "pending");
    server.admin().get(&format!("{path}?per_page=21")).expect_error(400);
}

fn abort_ends_it_at_once() {
    let server = shared_server();
    let device = server.accepted_device();
    let artifact = ArtifactSpec::new(&device.device_type).write();
    server.admin().upload(&artifact);
    let deployment = server.admin().deploy(&artifact.name, &[server.admin().device_id(&device)]);
    assert!(server.admin().abort(&deployment).expect(204).body.is_empty());
    assert_eq!(server.admin().deployment(&deployment)["status"], "finished");
    assert_eq!(server.admin().count(&deployment, "aborted"), 1);
    device.next_nothing();
}

fn abort_of_unknown_or_ended_is_422() {
    let server = shared_server();
    let device = server.accepted_device();
    let artifact = ArtifactSpec::new(&device.device_type).write();
    server.admin().upload(&artifact);
    let deployment = server.admin().deploy(&artifact.name, &[server.admin().device_id(&device)]);
    let path = format!("{DEPLOYMENTS}/{deployment}/status");
    for body in [json!({"status": "finished"}), json!({}), json!({"status": 1})] {
        server.admin().send_json("PUT", &path, &body).expect_error(400);
    }
    assert_eq!(
        server.admin().deployment(&deployment)["status"],
        "pending",
        "a refused abort changes nothing"
    );
    server.admin().abort(&deployment).expect(204);
    server.admin().abort(&deployment).expect_error(422);
    server.admin().abort(&unknown_uuid()).expect_error(422);
}

fn malformed_and_unknown_ids() {
    let server = shared_server();
    for what in ["", "/statistics", "/devices/list"] {
        server.admin().get(&format!("{DEPLOYMENTS}/no-uuid{what}")).expect_error(400);
        server.admin().get(&format!("{DEPLOYMENTS}/{}{what}", unknown_uuid())).expect_error(404);
    }
    for device in ["no-uuid".to_owned(), unknown_uuid()] {
        server.admin().send("DELETE", &format!("{DEPLOYMENTS}/devices/{device}")).expect(204);
    }
    let empty: Value = json!({"deployment_ids": []});
    let list =
        server.admin().send_json("POST", &format!("{DEPLOYMENTS}/statistics/list"), &empty).expect(200);
    assert_eq!(list.json(), json!({}));
}
