//! `/api/management/v2/inventory/filters` (management API §3): filters that a tenant keeps.

use harness::server::PASSWORD;
use harness::{Management, TestServer};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        a_filter_is_kept_changed_and_forgotten,
        a_filter_finds_what_it_says,
        filters_that_cannot_be_are_refused,
        who_is_limited_to_groups_sees_filters_and_changes_none,
    ]
}

const FILTERS: &str = "/api/management/v2/inventory/filters";

fn term(attribute: &str, operator: &str, value: &Value) -> Value {
    json!({ "scope": "inventory", "attribute": attribute, "type": operator, "value": value })
}

fn keep(user: &Management, name: &str, terms: &Value) -> String {
    let kept = user.send_json("POST", FILTERS, &json!({ "name": name, "terms": terms })).expect(201);
    assert!(kept.body.is_empty());
    // Known clients split at the first slash, or take what follows the last.
    let location = kept.header("Location").expect("a location").to_owned();
    location.strip_prefix("filters/").expect("relative").to_owned()
}

fn a_filter_is_kept_changed_and_forgotten() {
    let server = TestServer::start();
    let admin = server.admin();
    assert_eq!(admin.get(&format!("{FILTERS}?per_page=500")).expect(200).json(), json!([]));
    let terms = json!([term("colour", "$in", &json!(["red", "blue"])), term("n", "$gt", &json!(1.5))]);
    let id = keep(admin, "Red ones", &terms);
    let path = format!("{FILTERS}/{id}");
    let kept = json!({ "id": id, "name": "Red ones", "terms": terms });
    assert_eq!(admin.get(&path).expect(200).json(), kept);
    let list = admin.get(FILTERS).expect(200);
    assert_eq!((list.json(), list.header("X-Total-Count")), (json!([kept]), Some("1")));

    let other = json!([term("colour", "$eq", &json!("green"))]);
    admin.send_json("PUT", &path, &json!({ "name": "Green ones" })).expect(204);
    admin.send_json("PUT", &path, &json!({ "terms": other })).expect(204);
    let changed = json!({ "id": id, "name": "Green ones", "terms": other });
    assert_eq!(admin.get(&path).expect(200).json(), changed);

    keep(admin, "Another", &other);
    let names = |page: u32| {
        let list = admin.get(&format!("{FILTERS}?per_page=1&page={page}")).expect(200);
        assert_eq!(list.header("X-Total-Count"), Some("2"));
        list.json()[0]["name"].clone()
    };
    assert_eq!((names(1), names(2)), (json!("Another"), json!("Green ones")));

    admin.send("DELETE", &path).expect(204);
    admin.get(&path).expect_error(404);
    admin.send("DELETE", &path).expect_error(404);
    let logs = admin.get("/api/management/v1/auditlogs/logs?object_type=filter&sort=asc").expect(200).json();
    let actions: Vec<&str> =
        logs.as_array().expect("a list").iter().filter_map(|entry| entry["action"].as_str()).collect();
    assert_eq!(actions, ["create", "update", "update", "create", "delete"]);
}

fn a_filter_finds_what_it_says() {
    let server = TestServer::start();
    let admin = server.admin();
    let [red, blue, bare] = [Some("red"), Some("blue"), None].map(|colour| {
        let device = server.accepted_device();
        if let Some(colour) = colour {
            device.put_inventory(&json!([{ "name": "colour", "value": colour }])).expect(200);
        }
        admin.device_id(&device)
    });
    let found = |id: &str, query: &str| -> Vec<String> {
        let list = admin.get(&format!("{FILTERS}/{id}/search{query}")).expect(200);
        let items = list.json().as_array().expect("a list").clone();
        assert!(list.header("X-Total-Count").is_some());
        items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
    };
    let coloured = keep(admin, "coloured", &json!([term("colour", "$exists", &json!(true))]));
    let mut both = found(&coloured, "");
    both.sort();
    let mut expected = [red.clone(), blue];
    expected.sort();
    assert_eq!(both, expected);
    assert_eq!(found(&coloured, "?per_page=1&page=2").len(), 1);
    assert!(found(&coloured, "?page=9").is_empty());
    let narrow = json!([term("colour", "$exists", &json!(true)), term("colour", "$regex", &json!("^r"))]);
    let narrow = keep(admin, "red", &narrow);
    assert_eq!(found(&narrow, ""), [red]);
    let without = keep(admin, "bare", &json!([term("colour", "$exists", &json!(false))]));
    assert_eq!(found(&without, ""), [bare]);
    admin.get(&format!("{FILTERS}/0191d3c0-0000-7000-8000-000000000000/search")).expect_error(404);
    admin.get(&format!("{FILTERS}/nonsense/search")).expect_error(404);
}

fn filters_that_cannot_be_are_refused() {
    let server = TestServer::start();
    let admin = server.admin();
    let good = json!([term("a", "$eq", &json!("b"))]);
    let id = keep(admin, "taken", &good);
    let other = keep(admin, "other", &good);
    let post = |name: &str, terms: &Value| {
        admin.send_json("POST", FILTERS, &json!({ "name": name, "terms": terms }))
    };
    post("taken", &good).expect_error(409);
    admin.send_json("PUT", &format!("{FILTERS}/{other}"), &json!({ "name": "taken" })).expect_error(409);
    for name in ["", "a\nb", &"x".repeat(257)] {
        post(name, &good).expect_error(400);
    }
    let many: Vec<Value> = (0..65).map(|n| term(&format!("a{n}"), "$exists", &json!(true))).collect();
    let long = term("a", "$in", &json!(vec!["x".repeat(1000); 70]));
    for terms in [
        json!([]),
        json!([term("a", "$type", &json!("b"))]),
        json!([{ "scope": "nowhere", "attribute": "a", "type": "$eq", "value": "b" }]),
        json!([term("", "$eq", &json!("b"))]),
        json!([term("a", "$eq", &Value::Null)]),
        json!(many),
        json!([long]),
    ] {
        post("fine", &terms).expect_error(400);
        admin.send_json("PUT", &format!("{FILTERS}/{id}"), &json!({ "terms": terms })).expect_error(400);
    }
    assert_eq!(admin.get(&format!("{FILTERS}/{id}")).expect(200).json()["terms"], good);
}

fn who_is_limited_to_groups_sees_filters_and_changes_none() {
    let server = TestServer::start();
    let admin = server.admin();
    let [mine, theirs] = ["harbour", "airport"].map(|group| {
        let id = admin.device_id(&server.accepted_device());
        admin.set_group(&id, group);
        id
    });
    let accepted =
        json!([{ "scope": "identity", "attribute": "status", "type": "$eq", "value": "accepted" }]);
    let id = keep(admin, "accepted", &accepted);
    let groups = json!({ "type": "DeviceGroups", "value": ["harbour"] });
    let sets = ["ReadDevices", "ManageDevices"].map(|name| json!({ "name": name, "scope": groups }));
    let role = json!({ "name": "harbour-master", "permission_sets_with_scope": sets });
    admin.send_json("POST", "/api/management/v2/useradm/roles", &role).expect(201);
    let user = json!({ "email": "master@example.com", "password": PASSWORD, "roles": ["harbour-master"] });
    admin.send_json("POST", "/api/management/v1/useradm/users", &user).expect(201);
    let master = Management::login(server.http(), "master@example.com", PASSWORD);

    let found = master.get(&format!("{FILTERS}/{id}/search")).expect(200);
    assert_eq!(
        (found.json()[0]["id"].as_str(), found.header("X-Total-Count")),
        (Some(mine.as_str()), Some("1"))
    );
    let all = admin.get(&format!("{FILTERS}/{id}/search")).expect(200).text();
    assert!(all.contains(&mine) && all.contains(&theirs));
    master.send_json("POST", FILTERS, &json!({ "name": "own", "terms": accepted })).expect_error(403);
    master.send_json("PUT", &format!("{FILTERS}/{id}"), &json!({ "name": "own" })).expect_error(403);
    master.send("DELETE", &format!("{FILTERS}/{id}")).expect_error(403);
}
