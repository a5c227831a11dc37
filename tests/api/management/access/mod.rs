//! No request without its credential and permission: every route of the server's own document with no, an ended, an
//! expired, a wrong and a too weak credential (S4). What a route asks for is written down in [`rows`]; one that is not
//! there fails.

mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use harness::process::run_ok;
use harness::server::PASSWORD;
use harness::{Device, Management, Peer, Request, ServerSetup, Skew, TestServer, shared_server, until};
use libtest_mimic::Trial;
use rows::{ROWS, Row, Who};
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = harness::storage_trials![
        nobody_gets_past_401,
        device_tokens_open_no_user_route,
        user_tokens_open_no_device_route,
        ended_sessions_open_nothing,
        the_named_permission_is_enough_and_needed,
        viewer_changes_nothing,
    ];
    trials.extend(harness::trials![every_route_has_its_row]);
    trials.extend(harness::peer_trials![&[Peer::Faketime]; expired_sessions_open_nothing]);
    trials
}

const ROLES: &str = "/api/management/v2/useradm/roles";
const USERS: &str = "/api/management/v1/useradm/users";
/// What every user may, whatever its roles.
const EVERYBODYS: &str = "account:own";
/// A thing that no server has.
const NOBODY: &str = "0191d3c0-0000-7000-8000-000000000000";

/// Method and path of every route for users.
pub(crate) fn routes_of_users() -> impl Iterator<Item = (&'static str, &'static str)> {
    ROWS.iter().filter(|row| row.is_of_users()).map(|row| (row.method, row.path))
}

impl Row {
    fn is_of_users(&self) -> bool {
        matches!(self.who, Who::User(_))
    }

    /// A request about what does not exist, without a body; about one's own second factor, as others' are for
    /// administrators.
    fn request(&self) -> Request {
        let id = if self.path.contains("/2fa/") { "me" } else { NOBODY };
        let fill = |part: &'static str| if part.starts_with('{') { id } else { part };
        let path: Vec<&str> = self.path.split('/').map(fill).collect();
        Request::new(self.method, path.join("/"))
            .header("Content-Type", "application/json")
            .header("Content-Length", "0")
    }

    /// Whether it ends the session that asks.
    fn ends_session(&self) -> bool {
        self.path.contains("/auth/logout")
    }
}

/// Checks that a credential is refused at a route.
#[track_caller]
fn expect_refused(server: &TestServer, row: &Row, token: Option<&str>) {
    let request = token.into_iter().fold(row.request(), Request::bearer);
    let response = server.http().send(&request);
    assert_eq!(response.status, 401, "{} {}: {response}", row.method, row.path);
    match row.who {
        Who::Device => response.expect_session_refused(),
        Who::User(_) | Who::Anybody if row.method == "HEAD" => response,
        Who::User(_) | Who::Anybody => response.expect_error(401),
    };
}

fn every_route_has_its_row() {
    let server = shared_server();
    let document: Value = serde_json::from_str(&run_ok(&mut server.command(&["openapi"]))).expect("JSON");
    let mut routes = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for method in operations.as_object().expect("operations").keys() {
            routes.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let rows: BTreeSet<String> = ROWS.iter().map(|row| format!("{} {}", row.method, row.path)).collect();
    assert_eq!(rows.len(), ROWS.len(), "a row is there twice");
    let missing: Vec<_> = routes.difference(&rows).collect();
    assert!(missing.is_empty(), "routes of which rows.rs does not say who may use them: {missing:#?}");
    let gone: Vec<_> = rows.difference(&routes).collect();
    assert!(gone.is_empty(), "rows without a route: {gone:#?}");
}

fn nobody_gets_past_401() {
    let server = shared_server();
    for row in ROWS.iter().filter(|row| row.who != Who::Anybody) {
        expect_refused(server, row, None);
        expect_refused(server, row, Some("e30.e30.AAAA"));
    }
}

fn device_tokens_open_no_user_route() {
    let server = shared_server();
    let device = server.accepted_device();
    for row in ROWS.iter().filter(|row| row.is_of_users()) {
        expect_refused(server, row, device.token.as_deref());
    }
}

fn user_tokens_open_no_device_route() {
    let server = shared_server();
    for row in ROWS.iter().filter(|row| row.who == Who::Device) {
        expect_refused(server, row, Some(&server.admin().token));
    }
}

fn ended_sessions_open_nothing() {
    let server = shared_server();
    let email = "who-logs-out@example.com";
    server.add_user(email, "admin", PASSWORD);
    let user = Management::login(server.http(), email, PASSWORD);
    user.send("POST", "/api/management/v1/useradm/auth/logout").expect(202);
    let device = server.accepted_device();
    server.admin().reject(&device);
    expect_ended(server, &user, &device);
}

fn expired_sessions_open_nothing() {
    let skew = Skew::new("+0");
    let server = skew.of(ServerSetup::default()).start();
    let device = server.accepted_device();
    let user = server.admin();
    device.next_nothing();
    user.get(USERS).expect(200);
    // Both live seven days.
    skew.set("+8d");
    until("the server to see its new time", Duration::from_mins(1), || user.get(USERS).status == 401);
    expect_ended(&server, user, &device);
}

fn expect_ended(server: &TestServer, user: &Management, device: &Device) {
    for row in ROWS {
        match row.who {
            Who::Anybody => {}
            Who::Device => expect_refused(server, row, device.token.as_deref()),
            Who::User(_) => expect_refused(server, row, Some(&user.token)),
        }
    }
}

/// A user with a role of exactly these permissions.
#[track_caller]
fn user_with(server: &TestServer, name: &str, permissions: &[&str]) -> Management {
    let any = json!({ "type": "any", "value": "any" });
    let permissions: Vec<Value> =
        permissions.iter().map(|permission| json!({ "action": permission, "object": any })).collect();
    let role = json!({ "name": name, "description": "", "permissions": permissions });
    server.admin().send_json("POST", ROLES, &role).expect(201);
    let email = format!("{name}@example.com");
    let user = json!({ "email": email, "password": PASSWORD, "roles": [name] });
    server.admin().send_json("POST", USERS, &user).expect(201);
    Management::login(server.http(), &email, PASSWORD)
}

fn the_named_permission_is_enough_and_needed() {
    let server = shared_server();
    let mut by_permission: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in ROWS {
        if let Who::User(permission) = row.who {
            by_permission.entry(permission).or_default().push(row);
        }
    }
    for (permission, rows) in &by_permission {
        let name = permission.replace(':', "-");
        let others: Vec<&str> = by_permission.keys().copied().filter(|other| other != permission).collect();
        let without = user_with(server, &format!("without-{name}"), &others);
        let with = user_with(server, &format!("only-{name}"), &[permission]);
        // What ends the session comes last, and there a session for each.
        let mut rows = rows.clone();
        rows.sort_by_key(|row| row.ends_session());
        for row in rows {
            if *permission != EVERYBODYS {
                let refused = server.http().send(&row.request().bearer(&without.token));
                assert_eq!(
                    refused.status, 403,
                    "{} {} without {permission}: {refused}",
                    row.method, row.path
                );
                if row.method != "HEAD" {
                    refused.expect_error(403);
                }
            }
            let with = if row.ends_session() {
                &Management::login(server.http(), &format!("only-{name}@example.com"), PASSWORD)
            } else {
                &with
            };
            let taken = server.http().send(&row.request().bearer(&with.token));
            let is_refused = [401, 403].contains(&taken.status);
            assert!(
                !is_refused && taken.status < 500,
                "{} {} with {permission}: {taken}",
                row.method,
                row.path
            );
        }
    }
}

/// Questions that are asked by other methods than `GET`.
const QUESTIONS: [&str; 2] = ["/search", "/statistics/list"];

fn viewer_changes_nothing() {
    let server = shared_server();
    let email = "viewer-of-changes@example.com";
    server.add_user(email, "viewer", PASSWORD);
    let viewer = Management::login(server.http(), email, PASSWORD);
    for row in ROWS {
        let Who::User(permission) = row.who else { continue };
        let asks =
            ["GET", "HEAD"].contains(&row.method) || QUESTIONS.iter().any(|end| row.path.ends_with(end));
        if !asks && permission != EVERYBODYS {
            let response = server.http().send(&row.request().bearer(&viewer.token));
            assert_eq!(response.status, 403, "{} {}: {response}", row.method, row.path);
        }
    }
    for path in [harness::management::DEVAUTH, harness::management::INVENTORY, harness::management::ARTIFACTS]
    {
        viewer.get(path).expect(200);
    }
}
