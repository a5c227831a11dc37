//! `/api/management/v1/useradm/settings` (management API §1.3, §0.2).

use harness::server::PASSWORD;
use harness::{Management, Request, TestServer, shared_server};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        settings_come_back_as_they_were_stored,
        an_edition_that_is_gone_is_412,
        settings_are_of_one_user,
        settings_that_do_not_fit_are_refused,
    ]
}

const SETTINGS: &str = "/api/management/v1/useradm/settings";
const OWN: &str = "/api/management/v1/useradm/settings/me";

fn matching(user: &Management, path: &str, tag: &str, value: &Value) -> Request {
    user.request("POST", path).header("If-Match", tag).json(value)
}

fn settings_come_back_as_they_were_stored() {
    let server = TestServer::start();
    let admin = server.admin();
    for path in [SETTINGS, OWN] {
        let none = admin.get(path).expect(200);
        assert_eq!((none.json(), none.header("ETag")), (json!({}), None));
        let value = json!({
            "id_attribute": { "attribute": "mac", "scope": "identity" },
            "previousPhases": [[{ "batch_size": 10.5 }], null],
            "unknown": { "to": ["us", true] },
        });
        let stored = admin.send_json("POST", path, &value).expect(201);
        assert!(stored.body.is_empty());
        let shown = admin.get(path).expect(200);
        assert_eq!(shown.json(), value);
        let tag = shown.header("ETag").expect("a tag").to_owned();
        assert_eq!((tag.len(), tag.contains('"')), (36, false), "{tag}");
        // All of it is replaced.
        admin.send_json("POST", path, &json!({ "a": 1 })).expect(201);
        let shown = admin.get(path).expect(200);
        assert_eq!(shown.json(), json!({ "a": 1 }));
        assert_ne!(shown.header("ETag"), Some(tag.as_str()));
    }
}

fn an_edition_that_is_gone_is_412() {
    let server = TestServer::start();
    let admin = server.admin();
    let never = "0191d3c0-0000-7000-8000-000000000000";
    for path in [SETTINGS, OWN] {
        let send = |tag: &str, value: &Value| server.http().send(&matching(admin, path, tag, value));
        send(never, &json!({ "a": 1 })).expect_error(412);
        admin.send_json("POST", path, &json!({ "a": 1 })).expect(201);
        let tag = admin.get(path).expect(200).header("ETag").expect("a tag").to_owned();
        send(&tag, &json!({ "a": 2 })).expect(201);
        send(&tag, &json!({ "a": 3 })).expect_error(412);
        assert_eq!(admin.get(path).expect(200).json(), json!({ "a": 2 }));
    }
}

fn settings_are_of_one_user() {
    let server = TestServer::start();
    server.add_user("viewer@example.com", "viewer", PASSWORD);
    let viewer = Management::login(server.http(), "viewer@example.com", PASSWORD);
    server.admin().send_json("POST", OWN, &json!({ "mode": "dark" })).expect(201);
    assert_eq!(viewer.get(OWN).expect(200).json(), json!({}));
    viewer.send_json("POST", OWN, &json!({ "mode": "light" })).expect(201);
    assert_eq!(server.admin().get(OWN).expect(200).json(), json!({ "mode": "dark" }));
    // Those of the tenant are seen by everybody, and changed by who may.
    server.admin().send_json("POST", SETTINGS, &json!({ "offlineThreshold": 1 })).expect(201);
    assert_eq!(viewer.get(SETTINGS).expect(200).json(), json!({ "offlineThreshold": 1 }));
    viewer.send_json("POST", SETTINGS, &json!({})).expect_error(403);
}

fn settings_that_do_not_fit_are_refused() {
    let admin = shared_server().admin();
    for value in [
        json!([]),
        json!("text"),
        json!(null),
        json!({ "k".repeat(129): 1 }),
        json!({ "a": "b".repeat(4097) }),
    ] {
        admin.send_json("POST", OWN, &value).expect_error(400);
    }
}
