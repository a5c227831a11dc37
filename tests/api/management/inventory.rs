//! `/api/management/v1/inventory/` (management API §3).

use harness::management::INVENTORY;
use harness::names::{unique, unknown_uuid};
use harness::{TestServer, shared_server};
use libtest_mimic::Trial;
use serde_json::json;

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        device_has_exactly_its_attributes,
        list_is_paged_and_counted,
        list_is_filtered,
        device_moves_between_groups,
        groups_are_filled_and_listed,
        malformed_groups_are_400,
        unknown_devices_and_groups_are_404,
    ]
}

const GROUPS: &str = "/api/management/v1/inventory/groups";

fn device_has_exactly_its_attributes() {
    let server = shared_server();
    let mut device = server.device();
    device.identity = format!("{{\"mac\":\"02:00\",\"sn\":\"{}\"}}", device.serial);
    device.authenticate().expect_error(401);
    server.admin().accept(&device);
    device.log_in();
    let three =
        json!([{"name": "a", "value": "1"}, {"name": "b", "value": "2"}, {"name": "c", "value": "3"}]);
    device.put_inventory(&three).expect(200);
    let id = server.admin().device_id(&device);
    let shown = server.admin().get(&format!("{INVENTORY}/{id}")).expect(200).json();
    let attributes = shown["attributes"].as_array().expect("attributes");
    let mut names: Vec<String> = attributes
        .iter()
        .map(|one| {
            format!("{}/{}", one["scope"].as_str().expect("a scope"), one["name"].as_str().expect("a name"))
        })
        .collect();
    names.sort();
    let expected = [
        "identity/mac",
        "identity/sn",
        "identity/status",
        "inventory/a",
        "inventory/b",
        "inventory/c",
        "system/check_in_time",
        "system/created_ts",
        "system/updated_ts",
    ];
    assert_eq!(names, expected);
}

fn list_is_paged_and_counted() {
    let server = TestServer::start();
    for _ in 0..3 {
        server.accepted_device();
    }
    let list = server.admin().get(&format!("{INVENTORY}?per_page=2&page=1")).expect(200);
    assert_eq!(list.header("X-Total-Count"), Some("3"));
    assert_eq!(list.json().as_array().map(Vec::len), Some(2));
    let links = list.header_values("Link").join("\n");
    for relation in ["first", "next", "last"] {
        assert!(links.contains(&format!("rel=\"{relation}\"")), "{relation} in {links}");
    }
    let rest = server.admin().get(&format!("{INVENTORY}?per_page=2&page=2")).expect(200);
    assert_eq!(rest.json().as_array().map(Vec::len), Some(1));
    assert!(rest.header_values("Link").iter().any(|link| link.contains("rel=\"prev\"")));
}

fn list_is_filtered() {
    let server = shared_server();
    let (device, group) = (server.accepted_device(), unique("group"));
    device.put_inventory(&json!([{"name": "serial_of_test", "value": device.serial}])).expect(200);
    let id = server.admin().device_id(&device);
    let ids = |query: &str| -> Vec<String> {
        let list = server.admin().get(&format!("{INVENTORY}?{query}")).expect(200).json();
        let list = list.as_array().expect("a list").clone();
        list.into_iter().map(|one| one["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(ids(&format!("serial_of_test={}", device.serial)), [id.as_str()]);
    assert_eq!(ids(&format!("inventory/serial_of_test=eq:{}", device.serial)), [id.as_str()]);
    assert_eq!(ids(&format!("identity/serial={}", device.serial)), [id.as_str()]);
    assert!(ids("serial_of_test=nothing").is_empty());
    assert!(ids(&format!("serial_of_test={}&has_group=true", device.serial)).is_empty());
    server.admin().set_group(&id, &group);
    assert_eq!(ids(&format!("group={group}")), [id.as_str()]);
    assert_eq!(ids(&format!("serial_of_test={}&has_group=true", device.serial)), [id]);
}

fn device_moves_between_groups() {
    let server = shared_server();
    let (one, two) = (unique("group"), unique("group"));
    let id = server.admin().device_id(&server.accepted_device());
    let path = format!("{INVENTORY}/{id}/group");
    assert_eq!(server.admin().get(&path).expect(200).json(), json!({"group": null}));
    server.admin().set_group(&id, &one);
    assert_eq!(server.admin().get(&path).expect(200).json(), json!({ "group": one }));
    server.admin().set_group(&id, &two);
    assert_eq!(server.admin().get(&path).expect(200).json(), json!({ "group": two }));
    let groups = server.admin().get(GROUPS).expect(200).json();
    let groups = groups.as_array().expect("a list");
    assert!(
        groups.contains(&json!(two)) && !groups.contains(&json!(one)),
        "groups exist by membership: {groups:?}"
    );
    server.admin().send("DELETE", &format!("{path}/{one}")).expect(404);
    server.admin().send("DELETE", &format!("{path}/{two}")).expect(204);
    assert_eq!(server.admin().get(&path).expect(200).json(), json!({"group": null}));
}

fn groups_are_filled_and_listed() {
    let server = shared_server();
    let group = unique("group");
    let ids: Vec<String> = (0..3).map(|_| server.admin().device_id(&server.accepted_device())).collect();
    let path = format!("{GROUPS}/{group}/devices");
    let answer = server.admin().send_json("PATCH", &path, &json!(ids)).expect(200).json();
    assert_eq!(answer, json!({"matched_count": 3, "updated_count": 3}));
    let list = server.admin().get(&format!("{path}?per_page=2")).expect(200);
    assert_eq!(list.header("X-Total-Count"), Some("3"));
    assert_eq!(list.json().as_array().map(Vec::len), Some(2));
    let mut all: Vec<String> =
        serde_json::from_value(server.admin().get(&path).expect(200).json()).expect("ids");
    all.sort();
    let mut expected = ids.clone();
    expected.sort();
    assert_eq!(all, expected, "a plain array of ids");
    server.admin().send_json("PATCH", &path, &json!([])).expect_error(400);
}

fn malformed_groups_are_400() {
    let server = shared_server();
    let id = server.admin().device_id(&server.accepted_device());
    for group in [json!(""), json!("with space"), json!("ä"), json!("x".repeat(257)), json!(7), json!(null)]
    {
        let path = format!("{INVENTORY}/{id}/group");
        server.admin().send_json("PUT", &path, &json!({ "group": group })).expect_error(400);
    }
}

fn unknown_devices_and_groups_are_404() {
    let server = shared_server();
    let unknown = unknown_uuid();
    server.admin().get(&format!("{INVENTORY}/{unknown}")).expect_error(404);
    server.admin().get(&format!("{GROUPS}/{}/devices", unique("group"))).expect_error(404);
    let path = format!("{INVENTORY}/{unknown}/group");
    server.admin().send_json("PUT", &path, &json!({"group": "g"})).expect_error(404);
}
