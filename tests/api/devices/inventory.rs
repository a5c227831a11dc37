//! `/api/devices/v1/inventory/device/attributes` (device protocol §4).

use harness::device::INVENTORY;
use harness::{Body, Device, TestServer, management, shared_server};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        put_replaces_and_answers_an_empty_200,
        patch_adds_and_changes,
        values_may_be_strings_numbers_and_lists,
        scope_in_the_body_is_overridden,
        unchanged_inventory_is_no_update,
        refused_inventories_change_nothing,
        body_above_the_limit_is_413,
    ]
}

fn put_replaces_and_answers_an_empty_200() {
    let server = shared_server();
    let device = server.accepted_device();
    let first =
        device.put_inventory(&json!([{"name": "a", "value": "1"}, {"name": "b", "value": "2"}])).expect(200);
    assert!(first.body.is_empty());
    assert_eq!(reported(server, &device), json!({"a": "1", "b": "2"}));
    device.put_inventory(&json!([{"name": "b", "value": "3"}])).expect(200);
    assert_eq!(reported(server, &device), json!({"b": "3"}));
    device.put_inventory(&json!([])).expect(200);
    assert_eq!(reported(server, &device), json!({}));
}

fn patch_adds_and_changes() {
    let server = shared_server();
    let device = server.accepted_device();
    device.put_inventory(&json!([{"name": "a", "value": "1"}, {"name": "b", "value": "2"}])).expect(200);
    let response = device.send_json(
        "PATCH",
        INVENTORY,
        &json!([{"name": "b", "value": "3"}, {"name": "c", "value": ""}]),
    );
    assert!(response.expect(200).body.is_empty());
    assert_eq!(reported(server, &device), json!({"a": "1", "b": "3", "c": ""}));
}

fn values_may_be_strings_numbers_and_lists() {
    let server = shared_server();
    let device = server.accepted_device();
    let attributes = json!([
        {"name": "text", "value": "ä"}, {"name": "number", "value": 1.5}, {"name": "whole", "value": 7},
        {"name": "list", "value": ["x", "y"]}, {"name": "numbers", "value": [1, 2], "description": "d"},
    ]);
    device.put_inventory(&attributes).expect(200);
    let shown = reported(server, &device);
    assert_eq!(shown["text"], "ä");
    assert_eq!(shown["number"].as_f64(), Some(1.5));
    assert_eq!(shown["whole"].as_f64(), Some(7.0));
    assert_eq!(shown["list"], json!(["x", "y"]));
    assert_eq!(shown["numbers"].as_array().map(Vec::len), Some(2));
}

fn scope_in_the_body_is_overridden() {
    let server = shared_server();
    let device = server.accepted_device();
    device.put_inventory(&json!([{"name": "status", "value": "rejected", "scope": "identity"}])).expect(200);
    assert_eq!(attribute(server, &device, "identity", "status"), Some(json!("accepted")));
    assert_eq!(attribute(server, &device, "inventory", "status"), Some(json!("rejected")));
}

fn unchanged_inventory_is_no_update() {
    let server = shared_server();
    let device = server.accepted_device();
    let (a, b) = (json!({"name": "a", "value": "1"}), json!({"name": "b", "value": ["2", "3"]}));
    device.put_inventory(&json!([a, b])).expect(200);
    let before = attribute(server, &device, "system", "updated_ts").expect("a time of change");
    // Client 3.4.0 shuffles the order each time.
    device.put_inventory(&json!([b, a])).expect(200);
    assert_eq!(attribute(server, &device, "system", "updated_ts"), Some(before));
}

fn refused_inventories_change_nothing() {
    let server = shared_server();
    let device = server.accepted_device();
    device.put_inventory(&json!([{"name": "kept", "value": "1"}])).expect(200);
    let many: Vec<Value> = (0..101).map(|i| json!({"name": format!("n{i}"), "value": "v"})).collect();
    let cases = [
        ("an object", json!({"name": "a", "value": "b"})),
        ("no value", json!([{"name": "a"}])),
        ("no name", json!([{"value": "a"}])),
        ("an empty name", json!([{"name": "", "value": "a"}])),
        ("a long name", json!([{"name": "n".repeat(1025), "value": "a"}])),
        ("a boolean", json!([{"name": "a", "value": true}])),
        ("null", json!([{"name": "a", "value": null}])),
        ("an object as value", json!([{"name": "a", "value": {"b": "c"}}])),
        ("a mixed list", json!([{"name": "a", "value": ["b", 1]}])),
        ("too many", Value::Array(many)),
    ];
    for (what, body) in cases {
        eprintln!("case: {what}");
        device.put_inventory(&body).expect_error(400);
        device.send_json("PATCH", INVENTORY, &body).expect_error(400);
    }
    let broken = device.request("PUT", INVENTORY).header("Content-Type", "application/json");
    device.http.send(&broken.body(Body::Sized(b"[{".to_vec()))).expect_error(400);
    assert_eq!(reported(server, &device), json!({"kept": "1"}));
}

fn body_above_the_limit_is_413() {
    let device = shared_server().accepted_device();
    let large = json!([{"name": "a", "value": "x".repeat(1024 * 1024)}]);
    let request = device.request("PUT", INVENTORY).json(&large);
    device.http.send(&request).expect_error(413);
    device.put_inventory(&large).expect_error(413);
}

/// Returns the inventory scope of a device as name to value.
#[track_caller]
pub(crate) fn reported(server: &TestServer, device: &Device) -> Value {
    let shown = shown_attributes(server, device);
    let of_scope = shown.iter().filter(|attribute| attribute["scope"] == "inventory");
    let pairs = of_scope.map(|one| (one["name"].as_str().expect("a name").to_owned(), one["value"].clone()));
    Value::Object(pairs.collect())
}

#[track_caller]
fn attribute(server: &TestServer, device: &Device, scope: &str, name: &str) -> Option<Value> {
    let shown = shown_attributes(server, device);
    let found = shown.iter().find(|one| one["scope"] == scope && one["name"] == name);
    found.map(|one| one["value"].clone())
}

#[track_caller]
fn shown_attributes(server: &TestServer, device: &Device) -> Vec<Value> {
    let id = server.admin().device_id(device);
    let shown = server.admin().get(&format!("{}/{id}", management::INVENTORY)).expect(200).json();
    shown["attributes"].as_array().expect("attributes").clone()
}
