//! `/api/management/v1/tenants`, `tenants/me` and what a tenant is to others: nothing (management API §1.2, §5, §6).

use harness::management::{ARTIFACTS, DEPLOYMENTS, DEVAUTH, INVENTORY, location_id};
use harness::server::{ADMIN, PASSWORD};
use harness::{Management, ServerSetup, TestServer};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::access::routes_of_users;
use super::scopes::Part;

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        tenants_are_made_listed_and_changed,
        devices_belong_to_the_tenant_that_they_name,
        a_suspended_tenant_is_served_no_more,
        members_go_over_to_another_tenant,
        consoles_are_told_of_the_tenant_where_the_operator_wants_it,
        nothing_of_another_tenant_is_shown_or_changed,
    ]
}

const TENANTS: &str = "/api/management/v1/tenants";
const USERS: &str = "/api/management/v1/useradm/users";
const ME: &str = "/api/management/v1/useradm/users/me";
const TENANT_ME: &str = "/api/management/v2/tenantadm/tenants/me?tiers=true";
const PILOT: &str = "pilot@example.com";

/// Makes a tenant with an admin, who is logged in.
fn add_tenant(server: &TestServer, name: &str, admin: &str) -> (String, Management) {
    add_tenant_as(server.admin(), server, name, admin)
}

fn add_tenant_as(
    operator: &Management,
    server: &TestServer,
    name: &str,
    admin: &str,
) -> (String, Management) {
    let id = location_id(&operator.send_json("POST", TENANTS, &json!({ "name": name })).expect(201));
    let member = json!({ "email": admin, "password": PASSWORD, "roles": ["admin"] });
    operator.send_json("POST", &format!("{TENANTS}/{id}/members"), &member).expect(201);
    (id, Management::login(server.http(), admin, PASSWORD))
}

fn token(server: &TestServer, tenant: &str) -> String {
    let shown = server.admin().get(&format!("{TENANTS}/{tenant}/token")).expect(200);
    assert_eq!(shown.header("Cache-Control"), Some("no-store"));
    shown.json()["tenant_token"].as_str().expect("a token").to_owned()
}

fn tenants_are_made_listed_and_changed() {
    let server = TestServer::start();
    let admin = server.admin();
    let made = admin.send_json("POST", TENANTS, &json!({ "name": "North", "device_limit": 7 })).expect(201);
    let id = location_id(&made);
    let path = format!("{TENANTS}/{id}");
    let mut expected = made.json();
    assert_eq!(admin.get(&path).expect(200).json(), expected);
    assert_eq!(
        (&expected["name"], &expected["status"], &expected["device_limit"], &expected["require_2fa"]),
        (&json!("North"), &json!("active"), &json!(7), &json!(false))
    );
    admin.send_json("PUT", &path, &json!({ "name": "Far North", "device_limit": -1 })).expect(204);
    expected["name"] = json!("Far North");
    expected["device_limit"] = json!(-1);
    assert_eq!(admin.get(&path).expect(200).json(), expected);
    let list = admin.get(TENANTS).expect(200);
    assert_eq!(list.header("X-Total-Count"), Some("2"));
    let names: Vec<Value> =
        list.json().as_array().expect("a list").iter().map(|tenant| tenant["name"].clone()).collect();
    // Databases differ about capitals.
    assert!(names.contains(&json!("Far North")) && names.contains(&json!("default")), "{names:?}");

    admin.send_json("POST", TENANTS, &json!({ "name": "Far North" })).expect_error(409);
    admin.send_json("POST", TENANTS, &json!({ "name": "" })).expect_error(400);
    admin.send_json("PUT", &path, &json!({ "status": "gone" })).expect_error(400);
    admin.send_json("PUT", &format!("{TENANTS}/nonsense"), &json!({ "name": "x" })).expect_error(404);
    let default = "00000000-0000-0000-0000-000000000000";
    let suspend = json!({ "status": "suspended" });
    admin.send_json("PUT", &format!("{TENANTS}/{default}"), &suspend).expect_error(409);
    admin.get(&format!("{TENANTS}/{default}/token")).expect_error(404);
    admin.get(&format!("{TENANTS}/{default}/members")).expect_error(409);
    let logs = admin.get("/api/management/v1/auditlogs/logs?object_type=tenant&sort=asc").expect(200).json();
    let actions: Vec<&str> =
        logs.as_array().expect("a list").iter().filter_map(|entry| entry["action"].as_str()).collect();
    assert_eq!(actions, ["create", "update"]);
}

fn devices_belong_to_the_tenant_that_they_name() {
    let server = TestServer::start();
    let (id, pilot) = add_tenant(&server, "North", PILOT);
    let named = token(&server, &id);
    let mut device = server.device();
    device.tenant_token.clone_from(&named);
    device.authenticate().expect_error(401);
    pilot.accept(&device);
    device.log_in();
    device.put_inventory(&json!([{ "name": "colour", "value": "red" }])).expect(200);
    device.next_nothing();
    assert!(server.admin().find_device(&device.identity_json()).is_none(), "not the default tenant's");
    assert_eq!(pilot.get(&format!("{DEVAUTH}/count")).expect(200).json(), json!({ "count": 1 }));

    // The same identity and key is somebody else for another tenant. Tokens of other servers name none of ours.
    for foreign in ["", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA", "dGVuYW50"] {
        let mut twin = device.twin(server.device().key);
        foreign.clone_into(&mut twin.tenant_token);
        assert_eq!(twin.authenticate().expect_error(401).json()["code"], "pending", "{foreign}");
    }
    assert!(server.admin().find_device(&device.identity_json()).is_some());
    let mut stranger = server.device();
    stranger.tenant_token = format!("{named}x");
    assert_eq!(stranger.authenticate().expect_error(401).json()["code"], "unknown_tenant_token");
    assert!(server.admin().find_device(&stranger.identity_json()).is_none());

    let path = format!("{TENANTS}/{id}/token");
    let renewed = server.admin().send("POST", &path).expect(201).json()["tenant_token"].clone();
    device.next_nothing();
    assert_eq!(device.authenticate().expect_error(401).json()["code"], "unknown_tenant_token");
    renewed.as_str().expect("a token").clone_into(&mut device.tenant_token);
    assert_ne!(device.tenant_token, named);
    device.log_in();
    server.restart();
    device.log_in();
    device.next_nothing();
}

fn a_suspended_tenant_is_served_no_more() {
    let server = TestServer::start();
    let (id, pilot) = add_tenant(&server, "North", PILOT);
    let mut device = server.device();
    device.tenant_token = token(&server, &id);
    device.authenticate().expect_error(401);
    pilot.accept(&device);
    device.log_in();
    device.next_nothing();
    device.next_nothing();
    let set = |status: &str| {
        let body = json!({ "status": status });
        server.admin().send_json("PUT", &format!("{TENANTS}/{id}"), &body).expect(204);
    };
    set("suspended");
    device.next().expect_session_refused();
    assert_eq!(device.authenticate().expect_error(401).json()["code"], "tenant_suspended");
    assert_eq!(pilot.get(DEVAUTH).expect_error(401).json()["code"], "tenant_suspended");
    let refused = server.http().send(&harness::management::login_request(PILOT, PASSWORD)).expect_error(401);
    assert_eq!(refused.json()["code"], "tenant_suspended");
    server.restart();
    device.next().expect_session_refused();
    set("active");
    device.next_nothing();
    pilot.get(DEVAUTH).expect(200);
}

fn members_go_over_to_another_tenant() {
    let server = TestServer::start();
    let (id, _) = add_tenant(&server, "North", PILOT);
    let members = format!("{TENANTS}/{id}/members");
    let me = server.admin().get(ME).expect(200).json();
    assert_eq!((&me["tenants"].as_array().map(Vec::len), &me["email"]), (&Some(1), &json!(ADMIN)));
    let added = json!({ "email": ADMIN, "roles": ["viewer"] });
    let user = location_id(&server.admin().send_json("POST", &members, &added).expect(201));
    assert_eq!(json!(user), me["id"]);
    server.admin().send_json("POST", &members, &added).expect_error(422);
    let me = server.admin().get(ME).expect(200).json();
    let names: Vec<&Value> =
        me["tenants"].as_array().expect("a list").iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["default", "North"]);
    assert_eq!(me["tenant_ids"], json!([me["tenant_id"], id]));

    let switch = format!("/api/management/v1/useradm/users/tenants/{id}/token");
    let over = server.admin().get(&switch).expect(200);
    assert_eq!(over.header("Content-Type"), Some("application/jwt"));
    let there = Management { http: server.http(), token: over.text() };
    assert_eq!(there.get(ME).expect(200).json()["tenant_id"], json!(id));
    there.get(TENANTS).expect_error(403);
    there
        .send_json("POST", USERS, &json!({ "email": "a@example.com", "password": PASSWORD }))
        .expect_error(403);
    let other = "/api/management/v1/useradm/users/tenants/0191d3c0-0000-7000-8000-000000000000/token";
    there.get(other).expect_error(404);
    server.admin().send_json("PUT", &format!("{members}/{user}"), &json!({ "roles": ["admin"] })).expect(204);
    there.get(ME).expect_error(401);
    let there = Management { http: server.http(), token: server.admin().get(&switch).expect(200).text() };
    there.get(USERS).expect(200);
    server.admin().send("DELETE", &format!("{members}/{user}")).expect(204);
    there.get(ME).expect_error(401);
    server.admin().get(&switch).expect_error(404);
    server.admin().get(ME).expect(200);
    // Who is nowhere else is forgotten.
    let list = server.admin().get(&members).expect(200).json();
    let pilot = list[0]["id"].as_str().expect("an id").to_owned();
    server.admin().send("DELETE", &format!("{members}/{pilot}")).expect(204);
    let exists = server.admin().get(&format!("{USERS}/exists?email={PILOT}")).expect(200).json();
    assert_eq!(exists["exists"], json!(false));
}

fn consoles_are_told_of_the_tenant_where_the_operator_wants_it() {
    let server = ServerSetup::default().env("SEALIFT_USERS__FULL_CONSOLE", "true").start();
    let told = server.admin().get(TENANT_ME).expect(200).json();
    assert_eq!(
        (&told["plan"], &told["tenant_token"], &told["status"], &told["trial"], &told["device_limit"]),
        (&json!("enterprise"), &json!(""), &json!("active"), &json!(false), &json!(-1))
    );
    for addon in told["addons"].as_array().expect("add-ons") {
        assert!(addon["name"].is_string() && addon["enabled"] == true);
    }
    let limits = server.admin().get("/api/management/v2/devauth/limits/devices").expect(200).json();
    assert_eq!(limits, json!({ "standard": -1, "micro": -1, "system": -1 }));
    // What it asks for beside, once it believes that there is a plan.
    for path in
        ["/api/management/v2/useradm/roles", "/api/management/v2/useradm/permission_sets?per_page=500"]
    {
        assert!(server.admin().get(path).expect(200).json().is_array());
    }
    let (id, pilot) = add_tenant(&server, "North", PILOT);
    server.accepted_device();
    let mut device = server.device();
    device.tenant_token = token(&server, &id);
    device.authenticate().expect_error(401);
    pilot.accept(&device);
    let told = pilot.get(TENANT_ME).expect(200).json();
    assert_eq!((&told["id"], &told["name"], &told["device_count"]), (&json!(id), &json!("North"), &json!(1)));
    assert_eq!(told["tenant_token"], json!(device.tenant_token));
    assert_eq!(pilot.get("/api/management/v1/tenantadm/user/tenant").expect(200).json()["id"], json!(id));
}

/// Things of the default tenant that are not devices, releases or deployments, by what their paths call them.
struct Belongings {
    user: String,
    token: String,
    session: String,
    role: &'static str,
    set: &'static str,
    filter: String,
    key: String,
}

impl Belongings {
    fn make(server: &TestServer) -> Self {
        let admin = server.admin();
        let secret = json!({ "name": "secret-token-name" });
        admin.send_json("POST", "/api/management/v1/useradm/settings/tokens", &secret).expect(200);
        let first = |path: &str| {
            let list = admin.get(path).expect(200).json();
            list[0]["id"].as_str().unwrap_or_else(|| panic!("{path}: {list}")).to_owned()
        };
        let role =
            json!({ "name": "secret-role", "permission_sets_with_scope": [{ "name": "ReadDevices" }] });
        admin.send_json("POST", "/api/management/v2/useradm/roles", &role).expect(201);
        let permission = json!({ "action": "devices:read", "object": { "type": "any", "value": "" } });
        let set = json!({ "name": "secret-set", "permissions": [permission] });
        admin.send_json("POST", "/api/management/v2/useradm/permission_sets", &set).expect(201);
        let term = json!({ "scope": "inventory", "attribute": "a", "type": "$exists", "value": true });
        let filter = json!({ "name": "secret-filter", "terms": [term] });
        admin.send_json("POST", "/api/management/v2/inventory/filters", &filter).expect(201);
        admin
            .send_json("POST", "/api/management/v1/useradm/settings", &json!({ "secret-setting": 1 }))
            .expect(201);
        let key = json!({ "name": "secret-key", "public_key": server.device().key.public_pem() });
        admin.send_json("POST", "/api/management/v1/releases/keys", &key).expect(201);
        Self {
            user: first(USERS),
            token: first("/api/management/v1/useradm/settings/tokens"),
            session: first("/api/management/v1/useradm/sessions"),
            role: "secret-role",
            set: "secret-set",
            filter: first("/api/management/v2/inventory/filters"),
            key: first("/api/management/v1/releases/keys"),
        }
    }

    /// A path about one of them, and about the devices, releases and deployments of a part.
    fn fill(&self, part: &Part, template: &str) -> String {
        let mut parts: Vec<&str> = Vec::new();
        for one in template.split('/') {
            let before = parts.last().copied().unwrap_or_default();
            parts.push(match (one, before) {
                ("{id}", "users") => &self.user,
                ("{id}", "sessions") => &self.session,
                ("{id}", "tokens") if template.contains("/useradm/") => &self.token,
                ("{id}", "filters") => &self.filter,
                ("{id}", "keys") => &self.key,
                ("{name}", "roles") => self.role,
                ("{name}", "permission_sets") => self.set,
                _ => one,
            });
        }
        part.fill(&parts.join("/"))
    }
}

/// The wall: the admin of another tenant, who may do everything there, asks every route about what is not its own.
fn nothing_of_another_tenant_is_shown_or_changed() {
    let server = TestServer::start();
    // Who made the tenant is in its audit trail.
    server.add_user("operator@example.com", "admin", PASSWORD);
    let operator = Management::login(server.http(), "operator@example.com", PASSWORD);
    let (_, pilot) = add_tenant_as(&operator, &server, "North", PILOT);
    let part = Part::make(&server, "harbour", "sea");
    let own = Belongings::make(&server);
    let marks: Vec<String> = part
        .marks()
        .into_iter()
        .chain([&own.user, &own.token, &own.session, &own.filter, &own.key].map(Clone::clone))
        .chain(["secret-", ADMIN].map(str::to_owned))
        .collect();
    let looks = || {
        let admin = server.admin();
        let paths = [
            format!("{DEVAUTH}/{}", part.device_id),
            format!("{INVENTORY}/{}/group", part.device_id),
            format!("{ARTIFACTS}/{}", part.artifact_id),
            format!("{DEPLOYMENTS}/{}", part.deployment_id),
            format!("{DEPLOYMENTS}/{}/devices", part.deployment_id),
            format!("{USERS}/{}", own.user),
            "/api/management/v2/deployments/deployments/releases".to_owned(),
            "/api/management/v1/useradm/settings".to_owned(),
            "/api/management/v1/useradm/settings/tokens".to_owned(),
            "/api/management/v2/useradm/roles".to_owned(),
            "/api/management/v2/useradm/permission_sets".to_owned(),
            "/api/management/v2/inventory/filters".to_owned(),
            "/api/management/v1/releases/keys".to_owned(),
            "/api/management/v1/releases/policy".to_owned(),
            TENANTS.to_owned(),
        ];
        paths.map(|path| {
            let mut value = admin.get(&path).expect(200).json();
            forget_times(&mut value);
            (path, value)
        })
    };
    let before = looks();
    let bodies = [
        json!({}),
        json!([]),
        json!(["sea"]),
        json!([part.device_id]),
        json!({ "status": "rejected" }),
        json!({ "status": "aborted" }),
        json!({ "group": "elsewhere" }),
        json!({ "name": "stolen", "description": "mine", "notes": "mine", "roles": ["viewer"], "policy": "require" }),
        json!({ "email": "stolen@example.com" }),
    ];
    let mut asked = 0;
    for (method, template) in routes_of_users() {
        // What ends the session that asks, or is about who asks, says nothing about the wall.
        if template.contains("/auth/") || template.contains("/me") {
            continue;
        }
        let path = own.fill(&part, template);
        let bodies: &[Value] = if method == "GET" || method == "HEAD" { &[Value::Null] } else { &bodies };
        for body in bodies {
            let request = pilot.request(method, &path);
            let request = if body.is_null() { request } else { request.json(body) };
            let response = server.http().send(&request);
            assert!(response.status < 500, "{method} {path}: {response}");
            // What was asked for may be repeated in the refusal.
            if response.status < 400 {
                let shown = String::from_utf8_lossy(&response.body);
                for mark in &marks {
                    assert!(!shown.contains(mark.as_str()), "{method} {template} shows {mark}: {shown}");
                }
            }
            asked += 1;
        }
    }
    assert!(asked > 400, "{asked}");
    for (after, before) in looks().iter().zip(&before) {
        assert_eq!(after, before);
    }
    let search = json!({ "per_page": 500 });
    let found = pilot.send_json("POST", "/api/management/v2/inventory/filters/search", &search).expect(200);
    assert_eq!(found.json(), json!([]));
    let stolen = json!({ "name": "raid", "artifact_name": part.release, "devices": [part.device_id] });
    pilot.send_json("POST", DEPLOYMENTS, &stolen).expect_error(422);
    part.device.report(&part.deployment_id, "installing").expect(204);
}

/// Times of last contact and of last use go on by themselves.
fn forget_times(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(forget_times),
        Value::Object(members) => {
            members.retain(|name, _| {
                !["updated_ts", "check_in_time", "last_used", "login_ts", "last_used_ts"]
                    .contains(&name.as_str())
            });
            members.values_mut().for_each(forget_times);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
