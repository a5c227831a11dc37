//! `/api/management/v1/inventory/` (management API §3).

use harness::management::INVENTORY;
use harness::names::{unique, unknown_uuid};
use harness::{Body, TestServer, shared_server};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        device_has_exactly_its_attributes,
        list_is_paged_and_counted,
        list_is_filtered,
        device_moves_between_groups,
        groups_are_filled_and_listed,
        malformed_groups_are_400,
        unknown_devices_and_groups_are_404,
        search_takes_what_consoles_send,
        search_refuses_what_it_cannot_ask,
        identities_are_found_by_their_beginning,
        attributes_and_statistics_count_devices,
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

const SEARCH: &str = "/api/management/v2/inventory/filters/search";

/// What a search finds: the ids, in its order.
#[track_caller]
fn found(server: &TestServer, body: &Value) -> Vec<String> {
    let answer = server.admin().send_json("POST", SEARCH, body).expect(200);
    assert!(answer.header_values("Link").is_empty(), "a search pages by its body");
    let list = answer.json();
    let ids: Vec<String> = list
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["id"].as_str().expect("an id").to_owned())
        .collect();
    if body.get("per_page").is_none() {
        assert_eq!(answer.header("X-Total-Count"), Some(ids.len().to_string().as_str()));
    }
    ids
}

fn term(scope: &str, attribute: &str, operator: &str, value: &Value) -> Value {
    json!({"scope": scope, "attribute": attribute, "type": operator, "value": value})
}

fn search_takes_what_consoles_send() {
    let server = TestServer::start();
    let (one, two) = (server.accepted_device(), server.accepted_device());
    one.put_inventory(&json!([{"name": "artifact_name", "value": "r1"}, {"name": "mem", "value": 512}]))
        .expect(200);
    two.put_inventory(
        &json!([{"name": "artifact_name", "value": "r2"}, {"name": "ips", "value": ["::1", "10.0.0.7"]}]),
    )
    .expect(200);
    let mut waiting = server.device();
    waiting.authenticate().expect_error(401);
    let admin = server.admin();
    let [id_one, id_two, id_waiting] = [&one, &two, &waiting].map(|device| admin.device_id(device));
    admin.set_group(&id_two, "lab");
    // The four lists of the console, and its order.
    let status = |status: &str| {
        json!({
            "page": 1, "per_page": 20,
            "filters": [term("identity", "status", "$eq", &json!(status))],
            "sort": [{"scope": "system", "attribute": "created_ts", "order": "desc"}],
            "attributes": [{"scope": "identity", "attribute": "status"}, {"scope": "system", "attribute": "group"}]
        })
    };
    assert_eq!(found(&server, &status("accepted")), [id_two.as_str(), id_one.as_str()]);
    assert_eq!(found(&server, &status("pending")), [id_waiting.as_str()]);
    assert!(found(&server, &status("preauthorized")).is_empty());
    let shown = admin.send_json("POST", SEARCH, &status("accepted")).expect(200).json();
    let names: Vec<&Value> =
        shown[0]["attributes"].as_array().expect("attributes").iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["status", "group"], "what was asked for, and nothing else");
    assert!(shown[0]["updated_ts"].is_string());
    let filtered = |filters: Value| found(&server, &json!({ "filters": filters }));
    assert_eq!(filtered(json!([term("inventory", "mem", "$gte", &json!(512))])), [id_one.as_str()]);
    assert!(filtered(json!([term("inventory", "mem", "$eq", &json!("512"))])).is_empty());
    assert_eq!(filtered(json!([term("inventory", "ips", "$eq", &json!("10.0.0.7"))])), [id_two.as_str()]);
    assert_eq!(filtered(json!([term("inventory", "artifact_name", "$regex", &json!("r[12]$"))])).len(), 2);
    assert!(filtered(json!([term("inventory", "artifact_name", "$regex", &json!("[12]"))])).is_empty());
    assert!(filtered(json!([term("inventory", "artifact_name", "$regex", &json!("("))])).is_empty());
    assert_eq!(filtered(json!([term("system", "group", "$in", &json!(["lab", "x"]))])), [id_two.as_str()]);
    assert_eq!(filtered(json!([term("identity", "id", "$eq", &json!(id_one))])), [id_one.as_str()]);
    assert_eq!(
        filtered(json!([
            term("inventory", "artifact_name", "$exists", &json!(true)),
            term("system", "group", "$ne", &json!("lab"))
        ])),
        [id_one.as_str()],
        "all filters count"
    );
    // Who is offline: nobody since yesterday but the one that never came in.
    let yesterday = json!("2020-01-01T00:00:00.000Z");
    assert_eq!(
        filtered(json!([term("system", "check_in_time", "$ltne", &yesterday)])),
        [id_waiting.as_str()]
    );
    assert_eq!(filtered(json!([term("system", "check_in_time", "$gt", &yesterday)])).len(), 2);
    assert_eq!(found(&server, &json!({"device_ids": [id_two, "not-a-uuid"]})), [id_two.as_str()]);
    assert!(found(&server, &json!({"device_ids": ["not-a-uuid"]})).is_empty());
    assert_eq!(found(&server, &json!({"text": one.serial})), [id_one.as_str()]);
    assert_eq!(found(&server, &json!({"text": "r2"})), [id_two.as_str()]);
    assert_eq!(found(&server, &json!({})).len(), 3);
    // Pages of one: all devices, each once, and the total beside each.
    let paged: Vec<String> =
        (1..=3).flat_map(|page| found(&server, &json!({"page": page, "per_page": 1}))).collect();
    assert_eq!(paged, [id_one, id_two, id_waiting]);
    let last = admin.send_json("POST", SEARCH, &json!({"page": 9, "per_page": 1})).expect(200);
    assert_eq!((last.header("X-Total-Count"), last.json()), (Some("3"), json!([])));
    assert_eq!(found(&server, &json!({"page": 0, "per_page": -3})).len(), 3, "too small counts as none");
}

fn search_refuses_what_it_cannot_ask() {
    let admin = shared_server().admin();
    let ok = term("inventory", "a", "$eq", &json!("x"));
    let without = |member: &str| {
        let mut term = ok.clone();
        term.as_object_mut().expect("an object").remove(member);
        term
    };
    for filters in [
        json!([term("inventory", "a", "$type", &json!("string"))]),
        json!([term("hardware", "a", "$eq", &json!("x"))]),
        json!([term("inventory", "a", "$eq", &json!(null))]),
        json!([term("inventory", "", "$eq", &json!("x"))]),
        json!([term("inventory", "a", "$in", &json!("x"))]),
        json!([term("inventory", "a", "$exists", &json!("x"))]),
        json!([term("inventory", "a", "$eq", &json!("x\u{0}"))]),
        json!([term("system", "created_ts", "$lt", &json!("noon"))]),
        json!([without("scope")]),
        json!([without("attribute")]),
        json!([without("type")]),
        json!([without("value")]),
        json!("x"),
        Value::Array(vec![ok.clone(); 65]),
    ] {
        admin.send_json("POST", SEARCH, &json!({ "filters": filters })).expect_error(400);
    }
    for body in [
        json!({"per_page": 501}),
        json!({"sort": [{"scope": "x", "attribute": "a", "order": "asc"}]}),
        json!({"sort": [{"scope": "inventory", "attribute": "a", "order": "up"}]}),
        json!({"attributes": [{"scope": "x", "attribute": "a"}]}),
        json!({"text": "a b c d e f g h i"}),
        json!("x"),
    ] {
        admin.send_json("POST", SEARCH, &body).expect_error(400);
    }
    admin.send_json("POST", SEARCH, &json!({"filters": Value::Array(vec![ok; 64])})).expect(200);
    let request = admin.request("POST", SEARCH).header("Content-Type", "text/plain");
    let request = request.body(Body::Sized(b"{}".to_vec()));
    admin.http.send(&request).expect_error(415);
}

fn identities_are_found_by_their_beginning() {
    let server = shared_server();
    let device = server.accepted_device();
    let id = server.admin().device_id(&device);
    let path = "/api/management/v2alpha1/inventory/identities/search";
    let find = |name: &str, prefix: &str| {
        let body = json!({"name": name, "scope": "identity", "value_prefix": prefix,
            "attributes": [{"scope": "identity", "attribute": "status"}]});
        server.admin().send_json("POST", path, &body).expect(200)
    };
    let (start, _) = device.serial.split_at(device.serial.len() - 1);
    let answer = find("serial", start);
    assert!(answer.header("X-Total-Count").is_some());
    assert!(answer.header_values("Link").iter().any(|link| link.contains("rel=\"first\"")));
    let list = answer.json();
    let list = list.as_array().expect("a list");
    let shown = list.iter().find(|one| one["id"] == *id).expect("the device");
    assert_eq!(shown["attributes"].as_array().map(Vec::len), Some(1));
    assert_eq!(find("id", &id[..35]).json()[0]["id"], *id);
    assert_eq!(find("serial", "\u{e4}%").json(), json!([]));
    for body in [
        json!({"name": "a", "scope": "inventory", "value_prefix": "x"}),
        json!({"name": "a", "scope": "identity"}),
        json!({"name": "a", "scope": "identity", "value_prefix": "x", "per_page": 501}),
        json!({"name": "a", "scope": "identity", "value_prefix": "x\u{0}"}),
    ] {
        server.admin().send_json("POST", path, &body).expect_error(400);
    }
}

fn attributes_and_statistics_count_devices() {
    let server = TestServer::start();
    let attributes = "/api/management/v2/inventory/filters/attributes";
    let statistics = "/api/management/v2/inventory/statistics";
    assert_eq!(server.admin().get(attributes).expect(200).json(), json!([]));
    let none = json!({"standard": 0, "micro": 0, "system": 0});
    assert_eq!(server.admin().get(statistics).expect(200).json()["devices_by_status"]["accepted"], none);
    let (one, two) = (server.accepted_device(), server.accepted_device());
    one.put_inventory(&json!([{"name": "a", "value": "1"}, {"name": "b", "value": 2}])).expect(200);
    two.put_inventory(&json!([{"name": "a", "value": "1"}])).expect(200);
    server.device().authenticate().expect_error(401);
    let list = server.admin().get(attributes).expect(200).json();
    let count = |scope: &str, name: &str| -> Value {
        let mut list = list.as_array().expect("a list").iter();
        let found = list.find(|one| one["scope"] == scope && one["name"] == name);
        found.map_or(Value::Null, |one| one["count"].clone())
    };
    assert_eq!(count("inventory", "a"), 2);
    assert_eq!(count("inventory", "b"), 1);
    assert_eq!(count("identity", "serial"), 3);
    assert_eq!(count("identity", "status"), 3);
    assert_eq!(count("system", "created_ts"), 3);
    assert_eq!(count("system", "check_in_time"), 2);
    assert_eq!(count("system", "group"), Value::Null);
    let counts = server.admin().get(statistics).expect(200).json();
    assert_eq!(counts["devices_by_status"]["accepted"]["standard"], 2);
    assert_eq!(counts["devices_by_status"]["pending"]["standard"], 1);
    assert_eq!(counts["devices_by_status"]["rejected"]["standard"], 0);
}
