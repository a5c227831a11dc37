//! `/api/management/v1/inventory/devices/{id}/tags` (management API §3, §0.2).

use harness::management::INVENTORY;
use harness::server::PASSWORD;
use harness::{Management, TestServer};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        tags_are_replaced_merged_and_searched,
        an_edition_that_is_gone_is_412,
        tags_that_cannot_be_are_refused,
        a_forgotten_inventory_comes_back_with_the_next_report,
        who_is_limited_to_groups_tags_its_own,
    ]
}

struct Tagged {
    server: TestServer,
    device: harness::Device,
    path: String,
}

impl Tagged {
    fn start() -> Self {
        let server = TestServer::start();
        let device = server.accepted_device();
        let path = format!("{INVENTORY}/{}", server.admin().device_id(&device));
        Self { server, device, path }
    }

    /// The tags as the device shows them, and its `ETag`.
    fn shown(&self) -> (Vec<(String, String)>, Option<String>) {
        let shown = self.server.admin().get(&self.path).expect(200);
        let attributes = shown.json()["attributes"].as_array().expect("attributes").clone();
        let tags = attributes.iter().filter(|one| one["scope"] == "tags");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let pairs = tags.map(|one| (text(&one["name"]), text(&one["value"]))).collect();
        (pairs, shown.header("ETag").map(str::to_owned))
    }

    fn send(&self, method: &str, tags: &Value, seen: Option<&str>) -> harness::Response {
        let request = self.server.admin().request(method, &format!("{}/tags", self.path)).json(tags);
        let request = seen.into_iter().fold(request, |request, tag| request.header("If-Match", tag));
        self.server.http().send(&request)
    }
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn tags_are_replaced_merged_and_searched() {
    let tagged = Tagged::start();
    assert_eq!(tagged.shown(), (vec![], None), "no tag, no edition");
    let first = json!([{ "name": "site", "value": "quay", "description": "where" }, { "name": "name", "value": "Ann" }]);
    assert!(tagged.send("PUT", &first, None).expect(200).body.is_empty());
    let (tags, first_edition) = tagged.shown();
    assert_eq!(tags, [pair("name", "Ann"), pair("site", "quay")]);
    let edition = first_edition.clone().expect("an edition");
    assert_eq!((edition.len(), edition.contains('"')), (36, false), "a bare UUID: {edition}");
    // What changes nothing is no other edition.
    tagged.send("PATCH", &json!([{ "name": "name", "value": "Ann" }]), None).expect(200);
    assert_eq!(tagged.shown().1, first_edition);
    let more = json!([{ "name": "name", "value": "Bea" }, { "name": "empty", "value": "" }]);
    tagged.send("PATCH", &more, None).expect(200);
    let (tags, edition) = tagged.shown();
    assert_eq!(tags, [pair("empty", ""), pair("name", "Bea"), pair("site", "quay")]);
    assert_ne!(edition, first_edition);

    let search =
        json!({ "filters": [{ "scope": "tags", "attribute": "name", "type": "$eq", "value": "Bea" }] });
    let found =
        tagged.server.admin().send_json("POST", "/api/management/v2/inventory/filters/search", &search);
    assert_eq!(found.expect(200).header("X-Total-Count"), Some("1"));
    let quick = json!({ "name": "name", "scope": "tags", "value_prefix": "Be" });
    let found = tagged.server.admin().send_json(
        "POST",
        "/api/management/v2alpha1/inventory/identities/search",
        &quick,
    );
    assert_eq!(found.expect(200).json().as_array().map(Vec::len), Some(1));

    // What devices report leaves them alone.
    tagged.device.put_inventory(&json!([{ "name": "site", "value": "mine" }])).expect(200);
    tagged.send("PUT", &json!([{ "name": "name", "value": "Cleo" }]), None).expect(200);
    assert_eq!(tagged.shown().0, [pair("name", "Cleo")]);
    tagged.send("PUT", &json!([]), None).expect(200);
    let (tags, edition) = tagged.shown();
    assert!(tags.is_empty() && edition.is_some());
    let logs = tagged.server.admin().get("/api/management/v1/auditlogs/logs?object_type=device&sort=asc");
    let logs = logs.expect(200).json();
    let changes = logs.as_array().expect("a list").iter().filter_map(|entry| entry["change"].as_str());
    assert_eq!(changes.filter(|change| change.starts_with("tags: ")).count(), 4);
}

fn an_edition_that_is_gone_is_412() {
    let tagged = Tagged::start();
    let tags = |value: &str| json!([{ "name": "a", "value": value }]);
    tagged.send("PUT", &tags("1"), Some("0191d3c0-0000-7000-8000-000000000000")).expect_error(412);
    tagged.send("PUT", &tags("1"), None).expect(200);
    let edition = tagged.shown().1.expect("an edition");
    let next = tagged.send("PATCH", &tags("2"), Some(&edition)).expect(200);
    tagged.send("PATCH", &tags("3"), Some(&edition)).expect_error(412);
    tagged.send("PUT", &tags("3"), Some(&edition)).expect_error(412);
    assert_eq!(tagged.shown(), (vec![pair("a", "2")], next.header("ETag").map(str::to_owned)));
}

fn tags_that_cannot_be_are_refused() {
    let tagged = Tagged::start();
    let many = |count: usize| -> Value {
        (0..count).map(|at| json!({ "name": format!("n{at}"), "value": "v" })).collect()
    };
    tagged.send("PUT", &many(20), None).expect(200);
    let before = tagged.shown();
    for tags in [
        many(21),
        json!([{ "name": "", "value": "v" }]),
        json!([{ "name": "n" }]),
        json!([{ "name": "n", "value": 1 }]),
        json!([{ "name": "n", "value": "v".repeat(4097) }]),
        json!([{ "name": "x".repeat(1025), "value": "v" }]),
        json!({ "name": "n", "value": "v" }),
    ] {
        tagged.send("PUT", &tags, None).expect_error(400);
        tagged.send("PATCH", &tags, None).expect_error(400);
    }
    tagged.send("PATCH", &json!([{ "name": "one more", "value": "v" }]), None).expect_error(400);
    assert_eq!(tagged.shown(), before);
    let unknown = format!("{INVENTORY}/0191d3c0-0000-7000-8000-000000000000/tags");
    tagged.server.admin().send_json("PUT", &unknown, &many(1)).expect_error(404);
}

fn a_forgotten_inventory_comes_back_with_the_next_report() {
    let tagged = Tagged::start();
    let report = json!([{ "name": "colour", "value": "red" }]);
    tagged.device.put_inventory(&report).expect(200);
    tagged.send("PUT", &json!([{ "name": "a", "value": "b" }]), None).expect(200);
    let admin = tagged.server.admin();
    let colours = || {
        let shown = admin.get(&tagged.path).expect(200).text();
        (shown.contains("colour"), shown.contains("\"tags\""))
    };
    assert_eq!(colours(), (true, true));
    admin.send("DELETE", &tagged.path).expect(204);
    assert_eq!(colours(), (false, false));
    assert_eq!(tagged.shown().1, None);
    admin.send("DELETE", &tagged.path).expect(204);
    // The same report as before is stored, although it is the one that was known.
    tagged.device.put_inventory(&report).expect(200);
    assert_eq!(colours(), (true, false));
    tagged.device.next_nothing();
}

fn who_is_limited_to_groups_tags_its_own() {
    let tagged = Tagged::start();
    let admin = tagged.server.admin();
    let other = admin.device_id(&tagged.server.accepted_device());
    let own = tagged.path.rsplit('/').next().expect("an id").to_owned();
    admin.set_group(&own, "harbour");
    admin.set_group(&other, "airport");
    let groups = json!({ "type": "DeviceGroups", "value": ["harbour"] });
    let sets =
        json!([{ "name": "ReadDevices", "scope": groups }, { "name": "ManageDevices", "scope": groups }]);
    let role = json!({ "name": "harbour-master", "permission_sets_with_scope": sets });
    admin.send_json("POST", "/api/management/v2/useradm/roles", &role).expect(201);
    let user = json!({ "email": "master@example.com", "password": PASSWORD, "roles": ["harbour-master"] });
    admin.send_json("POST", "/api/management/v1/useradm/users", &user).expect(201);
    let master = Management::login(tagged.server.http(), "master@example.com", PASSWORD);
    let tags = json!([{ "name": "a", "value": "b" }]);
    master.send_json("PUT", &format!("{INVENTORY}/{own}/tags"), &tags).expect(200);
    master.send_json("PUT", &format!("{INVENTORY}/{other}/tags"), &tags).expect_error(404);
    master.send("DELETE", &format!("{INVENTORY}/{other}")).expect(204);
    let untouched = admin.get(&format!("{INVENTORY}/{other}")).expect(200);
    assert_eq!(untouched.header("ETag"), None);
    assert!(untouched.text().contains("\"status\""));
}
