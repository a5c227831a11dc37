//! `/api/management/v1/auditlogs/` (management API §5): what users do is there, as what it was.

use harness::management::{ARTIFACTS, DEPLOYMENTS, DEVAUTH, INVENTORY, LOGIN, login_request};
use harness::server::{ADMIN, PASSWORD};
use harness::{ArtifactSpec, Management, TestServer};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        each_act_is_told_as_what_it_is,
        nothing_that_was_refused_is_told,
        records_are_filtered_and_paged,
        exports_are_inert_and_chained,
    ]
}

const LOGS: &str = "/api/management/v1/auditlogs/logs";
const EXPORT: &str = "/api/management/v1/auditlogs/logs/export";
const RELEASES: &str = "/api/management/v2/deployments/deployments/releases";
const ROLES: &str = "/api/management/v2/useradm/roles";
const USERS: &str = "/api/management/v1/useradm/users";

#[track_caller]
fn records(user: &Management, query: &str) -> Vec<Value> {
    let response = user.get(&format!("{LOGS}?per_page=500&sort=asc&{query}")).expect(200);
    response.json().as_array().expect("a list").clone()
}

/// The trail of one server, read in pieces.
struct Reader<'a> {
    admin: &'a Management,
    seen: usize,
}

impl Reader<'_> {
    /// Checks what was told since the last time: action, kind of object, its id.
    #[track_caller]
    fn expect(&mut self, expected: &[(&str, &str, &str)]) -> Vec<Value> {
        let all = records(self.admin, "");
        let new = all[self.seen..].to_vec();
        self.seen = all.len();
        let told: Vec<(&str, &str, &str)> = new
            .iter()
            .map(|record| {
                let text =
                    |value: &'static str| record.pointer(value).and_then(Value::as_str).unwrap_or_default();
                (text("/action"), text("/object/type"), text("/object/id"))
            })
            .collect();
        assert_eq!(told, expected, "{new:#?}");
        for record in &new {
            assert_eq!(record["actor"]["type"], "user", "{record}");
            assert_eq!(record["actor"]["email"], ADMIN, "{record}");
            assert_eq!(record["outcome"], "success", "{record}");
            assert!(record["request_id"].is_string() && record["address"].is_string(), "{record}");
        }
        new
    }
}

fn each_act_is_told_as_what_it_is() {
    let server = TestServer::start();
    let admin = server.admin();
    let mut reader = Reader { admin, seen: records(admin, "").len() };
    let send = |method: &str, path: &str, body: &Value| admin.send_json(method, path, body).expect_success();

    // Devices.
    let mut device = server.device();
    device.authenticate().expect(401);
    let id = &admin.device_id(&device);
    admin.accept(&device);
    let told = reader.expect(&[("accept", "device", id)]);
    assert!(told[0]["object"]["device"]["identity_data"].as_str().is_some_and(|text| text.starts_with('{')));
    admin.set_group(id, "lighthouse");
    reader.expect(&[("update", "device", id)]);
    device.log_in();

    // Releases.
    let artifact = ArtifactSpec::new(&device.device_type).write();
    let release = artifact.name.as_str();
    let artifact_id = admin.upload(&artifact);
    let told = reader.expect(&[("upload", "artifact", &artifact_id)]);
    assert_eq!(told[0]["object"]["artifact"]["name"], json!(release));
    send("PUT", &format!("{RELEASES}/{release}/tags"), &json!(["stable"]));
    send("PATCH", &format!("{RELEASES}/{release}"), &json!({ "notes": "good" }));
    reader.expect(&[("update", "release", release), ("update", "release", release)]);
    let made = send("PUT", "/api/management/v1/releases/policy", &json!({ "signature": "warn" }));
    assert_eq!(made.status, 204);
    assert_eq!(reader.expect_kinds(), ["signature_policy"]);

    // Deployments.
    let deployment = admin.deploy(release, std::slice::from_ref(id));
    let told = reader.expect(&[("create", "deployment", &deployment)]);
    assert_eq!(told[0]["object"]["deployment"]["artifact_name"], json!(release));
    admin.abort(&deployment).expect(204);
    reader.expect(&[("abort", "deployment", &deployment)]);

    // Users.
    let any = json!({ "type": "any", "value": "any" });
    let role = json!({ "name": "looker", "permissions": [{ "action": "devices:read", "object": any }] });
    send("POST", ROLES, &role);
    reader.expect(&[("create", "role", "looker")]);
    let user = json!({ "email": "looker@example.com", "password": PASSWORD, "roles": ["looker"] });
    let user_id = harness::management::location_id(&send("POST", USERS, &user));
    let told = reader.expect(&[("create", "user", &user_id)]);
    assert_eq!(told[0]["object"]["user"]["email"], "looker@example.com");
    admin.send("DELETE", &format!("{USERS}/{user_id}")).expect(204);
    reader.expect(&[("delete", "user", &user_id)]);
    admin.send("DELETE", &format!("{ROLES}/looker")).expect(204);
    reader.expect(&[("delete", "role", "looker")]);
    let token = json!({ "name": "ci" });
    admin.send_json("POST", "/api/management/v1/useradm/settings/tokens", &token).expect(200);
    assert_eq!(reader.expect_kinds(), ["token"]);
    send("POST", "/api/management/v1/useradm/settings", &json!({ "a": 1 }));
    assert_eq!(reader.expect_kinds(), ["settings"]);
    Management::login(server.http(), ADMIN, PASSWORD)
        .send("POST", "/api/management/v1/useradm/auth/logout")
        .expect(202);
    let told = reader.actions();
    assert_eq!(told, ["log_in", "log_out"]);

    // The end of things.
    admin.send("DELETE", &format!("{ARTIFACTS}/{artifact_id}")).expect(204);
    // It was the last one of its release.
    reader.expect(&[("delete", "artifact", &artifact_id), ("delete", "release", release)]);
    admin.send("DELETE", &format!("{DEVAUTH}/{id}")).expect(204);
    reader.expect(&[("decommission", "device", id)]);
}

impl Reader<'_> {
    fn news(&mut self) -> Vec<Value> {
        let all = records(self.admin, "");
        let new = all[self.seen..].to_vec();
        self.seen = all.len();
        new
    }

    fn expect_kinds(&mut self) -> Vec<String> {
        let kind = |record: &Value| record["object"]["type"].as_str().expect("a kind").to_owned();
        self.news().iter().map(kind).collect()
    }

    fn actions(&mut self) -> Vec<String> {
        let action = |record: &Value| record["action"].as_str().expect("an action").to_owned();
        self.news().iter().map(action).collect()
    }
}

fn nothing_that_was_refused_is_told() {
    let server = TestServer::start();
    let admin = server.admin();
    server.add_user("viewer@example.com", "viewer", PASSWORD);
    let viewer = Management::login(server.http(), "viewer@example.com", PASSWORD);
    let before = records(admin, "").len();
    let nobody = "0191d3c0-0000-7000-8000-000000000000";
    viewer
        .send_json("POST", DEPLOYMENTS, &json!({ "name": "a", "artifact_name": "b", "all_devices": true }))
        .expect(403);
    admin.send_json("POST", DEPLOYMENTS, &json!({ "name": "a" })).expect(400);
    admin.send("DELETE", &format!("{DEVAUTH}/{nobody}")).expect(404);
    admin.send("DELETE", &format!("{ARTIFACTS}/{nobody}")).expect(404);
    admin.send_json("PUT", &format!("{INVENTORY}/{nobody}/group"), &json!({ "group": "a" })).expect(404);
    admin.try_upload(b"no artifact").expect(400);
    server.http().send(&login_request(ADMIN, "not the password")).expect(401);
    assert_eq!(records(admin, "").len(), before);
    viewer.get(LOGS).expect_error(403);
    viewer.get(EXPORT).expect_error(403);
    assert!(LOGIN.starts_with("/api/"));
}

fn records_are_filtered_and_paged() {
    let server = TestServer::start();
    let admin = server.admin();
    for number in 0..5 {
        let role = json!({ "name": format!("role-{number}"), "permissions": [] });
        admin.send_json("POST", ROLES, &role).expect(201);
    }
    let made = records(admin, "object_type=role");
    assert_eq!(made.len(), 5);
    let id = made[0]["actor"]["id"].as_str().expect("an id");
    for query in [
        "object_type=role&actor_type=user".to_owned(),
        format!("object_type=role&actor_id={id}"),
        format!("object_type=role&actor_email={}", ADMIN.to_uppercase()),
        "object_type=role&created_after=1&created_before=99999999999&object_id=".to_owned(),
    ] {
        assert_eq!(records(admin, &query).len(), 5, "{query}");
    }
    for query in ["object_id=role-3", "object_id=role-3&object_type=role"] {
        assert_eq!(records(admin, query).len(), 1, "{query}");
    }
    for query in [
        "object_type=device",
        "actor_email=nobody@example.com",
        "created_before=1",
        "object_deployment_name=a",
    ] {
        assert_eq!(records(admin, query).len(), 0, "{query}");
    }
    let part = admin.get(&format!("{LOGS}?object_type=role&page=2&per_page=2")).expect(200);
    assert_eq!(part.header("X-Total-Count"), Some("5"));
    let links = part.header_values("Link");
    assert_eq!(links.len(), 4, "{links:?}");
    assert!(
        links[0].starts_with("</api/management/v1/auditlogs/logs?object_type=role&page=1&per_page=2>"),
        "{links:?}"
    );
    // Newest first, unless asked otherwise.
    let ids: Vec<_> =
        part.json().as_array().expect("a list").iter().map(|item| item["object"]["id"].clone()).collect();
    assert_eq!(ids, ["role-2", "role-1"]);
    for query in
        ["actor_type=robot", "object_type=thing", "sort=up", "created_after=x", "per_page=501", "page=0"]
    {
        admin.get(&format!("{LOGS}?{query}")).expect_error(400);
    }
}

fn exports_are_inert_and_chained() {
    let server = TestServer::start();
    let admin = server.admin();
    let artifact = ArtifactSpec::new("type").write();
    admin.upload(&artifact);
    let notes = json!({ "notes": "=HYPERLINK(\"x\")" });
    admin.send_json("PATCH", &format!("{RELEASES}/{}", artifact.name), &notes).expect(204);
    let device = server.accepted_device();
    let body =
        json!({ "name": "=1+1", "artifact_name": artifact.name, "devices": [admin.device_id(&device)] });
    admin.send_json("POST", DEPLOYMENTS, &body).expect(201);

    let table = admin.get(EXPORT).expect(200);
    assert!(table.header("Content-Type").is_some_and(|kind| kind.starts_with("text/csv")));
    assert!(table.header("Content-Disposition").is_some_and(|text| text.contains("audit.csv")));
    let text = String::from_utf8(table.body.clone()).expect("UTF-8");
    assert!(text.contains(",'=1+1,") && !text.contains(",=1+1,"), "{text}");
    let semicolons = admin.get(&format!("{EXPORT}?format_separator=%3B&limit=1")).expect(200);
    let text = String::from_utf8(semicolons.body.clone()).expect("UTF-8");
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.starts_with("sequence;time;"), "{text}");

    let lines = admin.get(&format!("{EXPORT}?format=json&sort=asc")).expect(200);
    let text = String::from_utf8(lines.body.clone()).expect("UTF-8");
    let mut previous = "0".repeat(64);
    for (at, line) in text.lines().enumerate() {
        let record: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(record["sequence"], json!(at + 1));
        assert_eq!(record["previous_hash"], json!(previous), "{line}");
        record["hash"].as_str().expect("a hash").clone_into(&mut previous);
    }
    // What is taken away is told, too.
    assert_eq!(records(admin, "object_type=audit_log").len(), 3);
    for query in ["format=xml", "limit=0", "limit=20001", "format_separator=ab"] {
        admin.get(&format!("{EXPORT}?{query}")).expect_error(400);
    }
}
