//! Users added and removed by others (management API §1.2).

use harness::management::{DEVAUTH, location_id, login_request};
use harness::server::{ADMIN, PASSWORD};
use harness::{Management, TestServer, shared_server};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        an_added_user_is_what_was_said,
        users_that_cannot_be_are_refused,
        a_removed_user_is_out_at_once,
        the_last_admin_stays,
        nobody_gives_rights_that_he_does_not_have,
    ]
}

const USERS: &str = "/api/management/v1/useradm/users";
const ROLES: &str = "/api/management/v2/useradm/roles";

fn add(admin: &Management, email: &str, roles: &[&str]) -> String {
    let body = json!({ "email": email, "password": PASSWORD, "roles": roles });
    location_id(&admin.send_json("POST", USERS, &body).expect(201))
}

fn an_added_user_is_what_was_said() {
    let server = shared_server();
    let admin = server.admin();
    let body = json!({ "email": "New.Op@example.com", "password": PASSWORD, "roles": ["operator", "RBAC_ROLE_OBSERVER"] });
    let answer = admin.send_json("POST", USERS, &body).expect(201);
    let location = answer.header("Location").expect("a location").to_owned();
    assert!(location.starts_with(&format!("{USERS}/")), "{location}");
    let user = admin.get(&location).expect(200).json();
    assert_eq!(user["email"], "new.op@example.com");
    assert_eq!(user["roles"], json!(["operator", "RBAC_ROLE_OBSERVER"]));
    assert_eq!(user["tfa_status"], "disabled");
    let operator = Management::login(server.http(), "new.op@example.com", PASSWORD);
    operator.get(DEVAUTH).expect(200);
    operator.get(USERS).expect_error(403);
    assert_eq!(operator.get(&format!("{USERS}/me")).expect(200).json()["roles"], user["roles"]);

    // Clients that know no roles add who may do what they may.
    let body = json!({ "email": "second.admin@example.com", "password": PASSWORD });
    let second = location_id(&admin.send_json("POST", USERS, &body).expect(201));
    let shown = admin.get(&format!("{USERS}/{second}")).expect(200).json();
    assert_eq!(shown["roles"], json!(["RBAC_ROLE_PERMIT_ALL"]));

    let nothing = add(admin, "nobody.at.all@example.com", &[]);
    let user = Management::login(server.http(), "nobody.at.all@example.com", PASSWORD);
    assert_eq!(user.get(&format!("{USERS}/me")).expect(200).json()["id"], Value::String(nothing));
    user.get(DEVAUTH).expect_error(403);
}

fn users_that_cannot_be_are_refused() {
    let admin = shared_server().admin();
    add(admin, "taken@example.com", &["ci"]);
    for (status, body) in [
        (400, json!({ "email": "no address", "password": PASSWORD })),
        (400, json!({ "email": "ü@example.com", "password": PASSWORD })),
        (400, json!({ "password": PASSWORD })),
        (422, json!({ "email": "TAKEN@example.com", "password": PASSWORD, "roles": [] })),
        (422, json!({ "email": "short@example.com", "password": "short" })),
        (422, json!({ "email": "none@example.com" })),
        (422, json!({ "email": "roles@example.com", "password": PASSWORD, "roles": ["no-such-role"] })),
        (422, json!({ "email": "roles@example.com", "password": PASSWORD, "roles": ["not a role"] })),
    ] {
        eprintln!("{body}");
        admin.send_json("POST", USERS, &body).expect_error(status);
    }
    let exists = |email: &str| admin.get(&format!("{USERS}/exists?email={email}")).expect(200).json();
    assert_eq!(exists("Taken@example.com"), json!({ "exists": true }));
    assert_eq!(exists("roles@example.com"), json!({ "exists": false }));
    admin.get(&format!("{USERS}/exists")).expect_error(400);
}

fn a_removed_user_is_out_at_once() {
    let server = shared_server();
    let admin = server.admin();
    let id = add(admin, "leaving@example.com", &["RBAC_ROLE_PERMIT_ALL"]);
    let leaving = Management::login(server.http(), "leaving@example.com", PASSWORD);
    leaving.get(DEVAUTH).expect(200);
    for _ in 0..2 {
        admin.send("DELETE", &format!("{USERS}/{id}")).expect(204);
    }
    admin.send("DELETE", &format!("{USERS}/not-an-id")).expect(204);
    leaving.get(DEVAUTH).expect_error(401);
    server.http().send(&login_request("leaving@example.com", PASSWORD)).expect_error(401);
    admin.get(&format!("{USERS}/{id}")).expect_error(404);
    // The address is free again.
    add(admin, "leaving@example.com", &["ci"]);
}

fn the_last_admin_stays() {
    let server = TestServer::start();
    let admin = server.admin();
    let me = admin.get(&format!("{USERS}/me")).expect(200).json()["id"].as_str().expect("an id").to_owned();
    admin.send("DELETE", &format!("{USERS}/{me}")).expect_error(409);
    let second = add(admin, "second@example.com", &["RBAC_ROLE_PERMIT_ALL"]);
    let other = Management::login(server.http(), "second@example.com", PASSWORD);
    other.send("DELETE", &format!("{USERS}/{me}")).expect(204);
    admin.get(DEVAUTH).expect_error(401);
    other.send("DELETE", &format!("{USERS}/{second}")).expect_error(409);
    server.http().send(&login_request(ADMIN, PASSWORD)).expect_error(401);
}

fn nobody_gives_rights_that_he_does_not_have() {
    let server = shared_server();
    let admin = server.admin();
    let role = json!({ "name": "user-keeper", "permission_sets_with_scope": [
        { "name": "ManageUsers" },
        { "name": "ReadDevices", "scope": { "type": "DeviceGroups", "value": ["kept"] } },
    ] });
    admin.send_json("POST", ROLES, &role).expect(201);
    add(admin, "keeper@example.com", &["user-keeper"]);
    let keeper = Management::login(server.http(), "keeper@example.com", PASSWORD);
    for roles in [json!(["RBAC_ROLE_PERMIT_ALL"]), json!(["ci"]), json!(["user-keeper", "viewer"])] {
        let body = json!({ "email": "climber@example.com", "password": PASSWORD, "roles": roles });
        keeper.send_json("POST", USERS, &body).expect_error(403);
    }
    let equal = add(&keeper, "equal@example.com", &["user-keeper"]);
    keeper.send("DELETE", &format!("{USERS}/{equal}")).expect(204);
    let victim = add(admin, "operator.with.more@example.com", &["operator"]);
    keeper.send("DELETE", &format!("{USERS}/{victim}")).expect_error(403);

    // Neither a role that he holds nor one that allows more is his to make or to change.
    keeper.send_json("PUT", &format!("{ROLES}/user-keeper"), &json!({})).expect_error(403);
    keeper.send("DELETE", &format!("{ROLES}/user-keeper")).expect_error(403);
    for sets in [
        json!([{ "name": "SuperUser" }]),
        json!([{ "name": "ReadDevices" }]),
        json!([{ "name": "ReadDevices", "scope": { "type": "DeviceGroups", "value": ["kept", "more"] } }]),
    ] {
        let body = json!({ "name": "wider", "permission_sets_with_scope": sets });
        keeper.send_json("POST", ROLES, &body).expect_error(403);
    }
    let within = json!({ "name": "narrower", "permission_sets_with_scope": [
        { "name": "ReadDevices", "scope": { "type": "DeviceGroups", "value": ["kept"] } },
    ] });
    keeper.send_json("POST", ROLES, &within).expect(201);
    keeper
        .send_json("PUT", &format!("{ROLES}/RBAC_ROLE_OBSERVER"), &json!({ "require_2fa": true }))
        .expect_error(403);
}
