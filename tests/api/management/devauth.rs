//! `/api/management/v2/devauth/`: lists, counts, paging (management API §2).

use harness::management::DEVAUTH;
use harness::names::unknown_uuid;
use harness::{TestServer, shared_server};
use libtest_mimic::Trial;
use serde_json::json;

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        device_is_shown_whole,
        list_is_paged_with_links,
        list_is_filtered_by_status_and_id,
        count_counts_by_status,
        unknown_device_is_404,
        unknown_status_is_400,
        limits_are_shown,
    ]
}

fn device_is_shown_whole() {
    let server = shared_server();
    let device = server.accepted_device();
    let id = server.admin().device_id(&device);
    let shown = server.admin().get(&format!("{DEVAUTH}/{id}")).expect(200).json();
    assert_eq!(shown["id"], id);
    assert_eq!(shown["identity_data"], json!({"serial": device.serial}));
    assert_eq!(shown["status"], "accepted");
    assert_eq!(shown["decommissioning"], false);
    for time in ["created_ts", "updated_ts"] {
        assert!(
            shown[time].as_str().is_some_and(|at| at.contains('T') && at.ends_with('Z')),
            "{time}: {shown}"
        );
    }
    let set = &shown["auth_sets"][0];
    assert_eq!(set["identity_data"], json!({"serial": device.serial}));
    assert_eq!(set["pubkey"], device.key.public_pem());
    assert_eq!(set["status"], "accepted");
    assert!(set["id"].is_string() && set["ts"].is_string());
}

fn list_is_paged_with_links() {
    let server = TestServer::start();
    let mut devices: Vec<_> = (0..5).map(|_| server.device()).collect();
    for device in &mut devices {
        device.authenticate().expect_error(401);
    }
    let first = server.admin().get(&format!("{DEVAUTH}?per_page=2&page=1&status=pending")).expect(200);
    let links = first.header_values("Link");
    assert!(
        links.contains(&format!("<{DEVAUTH}?page=1&per_page=2&status=pending>; rel=\"first\"").as_str()),
        "{links:?}"
    );
    assert!(
        links.contains(&format!("<{DEVAUTH}?page=2&per_page=2&status=pending>; rel=\"next\"").as_str()),
        "{links:?}"
    );
    assert!(!links.iter().any(|link| link.contains("prev")), "{links:?}");
    // Oldest first, and each exactly once.
    let mut seen = Vec::new();
    for page in 1..=3 {
        let list = server.admin().get(&format!("{DEVAUTH}?page={page}&per_page=2")).expect(200);
        assert_eq!(list.header_values("Link").iter().any(|link| link.contains("rel=\"next\"")), page < 3);
        let list = list.json();
        seen.extend(
            list.as_array().expect("a list").iter().map(|device| device["identity_data"]["serial"].clone()),
        );
    }
    let expected: Vec<_> = devices.iter().map(|device| json!(device.serial)).collect();
    assert_eq!(seen, expected);
    assert_eq!(server.admin().get(DEVAUTH).expect(200).json().as_array().map(Vec::len), Some(5));
}

fn list_is_filtered_by_status_and_id() {
    let server = shared_server();
    let admin = server.admin();
    let (one, two) = (server.accepted_device(), server.accepted_device());
    let (one, two) = (admin.device_id(&one), admin.device_id(&two));
    let list = admin.get(&format!("{DEVAUTH}?id={one}&id={two}")).expect(200).json();
    assert_eq!(list.as_array().map(Vec::len), Some(2));
    let none = admin.get(&format!("{DEVAUTH}?id={one}&status=pending")).expect(200).json();
    assert_eq!(none, json!([]));
    let some = admin.get(&format!("{DEVAUTH}?id={one}&status=pending&status=accepted")).expect(200).json();
    assert_eq!(some[0]["id"], one);
}

fn count_counts_by_status() {
    let server = TestServer::start();
    let count = |query: &str| server.admin().get(&format!("{DEVAUTH}/count{query}")).expect(200).json();
    assert_eq!(count(""), json!({"count": 0}));
    server.accepted_device();
    server.device().authenticate().expect_error(401);
    server.device().authenticate().expect_error(401);
    assert_eq!(count(""), json!({"count": 3}));
    assert_eq!(count("?status=accepted"), json!({"count": 1}));
    assert_eq!(count("?status=pending"), json!({"count": 2}));
    assert_eq!(count("?status=rejected"), json!({"count": 0}));
}

fn unknown_device_is_404() {
    let server = shared_server();
    server.admin().get(&format!("{DEVAUTH}/{}", unknown_uuid())).expect_error(404);
    server.admin().get(&format!("{DEVAUTH}/no-uuid")).expect(404);
}

fn unknown_status_is_400() {
    let server = shared_server();
    server.admin().get(&format!("{DEVAUTH}?status=nonsense")).expect_error(400);
    server.admin().get(&format!("{DEVAUTH}/count?status=nonsense")).expect_error(400);
}

fn limits_are_shown() {
    let server = shared_server();
    let limit = server.admin().get("/api/management/v2/devauth/limits/max_devices").expect(200).json();
    assert_eq!(limit, json!({"limit": -1}));
    server.admin().get("/api/management/v2/devauth/limits/nonsense").expect_error(400);
}
