//! Sessions of users, changes of passwords and addresses, and proving again who one is (management API §1.2, user
//! authentication §4, §5).

use harness::management::login_request;
use harness::names::unique;
use harness::process::run_ok;
use harness::server::{ADMIN, PASSWORD};
use harness::{
    Authenticator, Management, Peer, Request, Response, ServerSetup, Skew, TestServer, shared_server,
};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = harness::storage_trials![
        own_sessions_are_listed_and_ended,
        logging_out_everywhere_ends_all,
        a_changed_password_ends_the_other_sessions,
        passwords_are_changed_with_the_current_one_only,
        addresses_are_changed_by_their_owner_and_by_admins,
        who_manages_users_takes_nothing_from_who_may_more,
        old_tokens_are_dead_after_whatever_ends_them,
        a_fresh_and_strong_proof_is_asked_for,
        a_console_goes_on_by_its_cookie,
        a_console_is_refreshed_by_its_own_pages_only,
        mender_s_paths_ask_for_it_where_the_operator_wants,
    ];
    trials.extend(harness::peer_trials![FAKETIME; a_proof_is_fresh_for_ten_minutes]);
    trials
}

const FAKETIME: &[Peer] = &[Peer::Faketime];
const ME: &str = "/api/management/v1/useradm/users/me";
const ME_V2: &str = "/api/management/v2/useradm/users/me";
const SESSIONS: &str = "/api/management/v1/useradm/sessions";
const LOGOUT: &str = "/api/management/v1/useradm/auth/logout";
const LOGOUT_ALL: &str = "/api/management/v1/useradm/auth/logout-all";
const STEP_UP: &str = "/api/management/v1/useradm/auth/step-up";
const CONSOLE: &str = "/api/management/v1/useradm/auth/console";
const REFRESH: &str = "/api/management/v1/useradm/auth/refresh";
const CODES: &str = "/api/management/v1/useradm/users/me/2fa/recovery-codes";
const POLICY: &str = "/api/management/v1/releases/policy";
const NEW_PASSWORD: &str = "another fair wind to sail";

/// Adds a user with a role.
#[track_caller]
fn add(server: &TestServer, role: &str) -> String {
    let email = format!("{}@example.com", unique("session"));
    server.add_user(&email, role, PASSWORD);
    email
}

#[track_caller]
fn log_in(server: &TestServer, email: &str) -> Management {
    Management::login(server.http(), email, PASSWORD)
}

#[track_caller]
fn id_of(user: &Management) -> String {
    user.get(ME).expect(200).json()["id"].as_str().expect("an id").to_owned()
}

/// The same user with the token that a step-up gives.
#[track_caller]
fn step_up(server: &TestServer, user: &Management, shown: &Value) -> Management {
    let fresh = user.send_json("POST", STEP_UP, shown).expect(200);
    assert_eq!(fresh.header("Content-Type"), Some("application/jwt"));
    Management { http: server.http(), token: fresh.text() }
}

fn own_sessions_are_listed_and_ended() {
    let server = shared_server();
    let email = add(server, "viewer");
    let (first, second) = (log_in(server, &email), log_in(server, &email));
    let listed = second.get(SESSIONS).expect(200).json();
    let listed = listed.as_array().expect("a list");
    assert_eq!(listed.len(), 2);
    assert_eq!((&listed[0]["current"], &listed[1]["current"]), (&json!(true), &json!(false)));
    assert_eq!((&listed[0]["kind"], &listed[0]["amr"]), (&json!("api"), &json!(["pwd"])));
    let path = format!("{SESSIONS}/{}", listed[1]["id"].as_str().expect("an id"));
    log_in(server, &add(server, "admin")).send("DELETE", &path).expect_error(404);
    second.send("DELETE", &path).expect(204);
    first.get(ME).expect_error(401);
    second.get(ME).expect(200);
    second.send("DELETE", &path).expect_error(404);
    second.send("DELETE", &format!("{SESSIONS}/x")).expect_error(404);
}

fn logging_out_everywhere_ends_all() {
    let server = shared_server();
    let email = add(server, "viewer");
    let (first, second) = (log_in(server, &email), log_in(server, &email));
    assert!(second.send("POST", LOGOUT_ALL).expect(202).body.is_empty());
    first.get(ME).expect_error(401);
    second.get(ME).expect_error(401);
    log_in(server, &email).get(ME).expect(200);
}

fn a_changed_password_ends_the_other_sessions() {
    let server = shared_server();
    for (path, old, new) in [(ME, PASSWORD, NEW_PASSWORD), (ME_V2, PASSWORD, NEW_PASSWORD)] {
        let email = add(server, "viewer");
        let (other, user) = (log_in(server, &email), log_in(server, &email));
        let body = json!({ "password": new, "current_password": old });
        assert!(user.send_json("PUT", path, &body).expect(204).body.is_empty());
        other.get(ME).expect_error(401);
        user.get(ME).expect(200);
        server.http().send(&login_request(&email, old)).expect_error(401);
        Management::login(server.http(), &email, new).get(ME).expect(200);
    }
}

fn passwords_are_changed_with_the_current_one_only() {
    let server = shared_server();
    let email = add(server, "viewer");
    let user = log_in(server, &email);
    let refuse = |path: &str, body: Value, status: u16, text: &str| {
        let answer = user.send_json("PUT", path, &body).expect_error(status).json();
        assert!(answer["error"].as_str().expect("a text").contains(text), "{body}: {answer}");
    };
    for path in [ME, ME_V2] {
        let wrong = json!({ "password": NEW_PASSWORD, "current_password": "not hers at all" });
        refuse(path, wrong, 422, "current password mismatch");
        refuse(path, json!({ "password": "short", "current_password": PASSWORD }), 422, "characters");
        let name = email.split('@').next().expect("a name");
        refuse(
            path,
            json!({ "password": format!("{name} and more"), "current_password": PASSWORD }),
            422,
            "name",
        );
    }
    for common in ["SealiftSealift2026", "letmein letmein letmein", "qwertyuiopasdfghjkl"] {
        refuse(ME, json!({ "password": common, "current_password": PASSWORD }), 422, "too common");
    }
    let shorter = json!({ "password": "fair winds 42", "current_password": PASSWORD });
    refuse(ME, shorter.clone(), 422, "at least 15 characters");
    refuse(ME, json!({ "password": NEW_PASSWORD }), 422, "current password mismatch");
    refuse(ME, json!({}), 400, "nothing to change");
    refuse(ME, json!({ "current_password": PASSWORD }), 400, "nothing to change");
    refuse(ME_V2, json!({ "password": NEW_PASSWORD }), 400, "current_password");
    user.send_json("PUT", &format!("/api/management/v1/useradm/users/{}", id_of(&user)), &json!({}))
        .expect_error(403);
    let foreign = server.admin().send_json(
        "PUT",
        &format!("/api/management/v1/useradm/users/{}", id_of(&user)),
        &json!({ "password": NEW_PASSWORD, "current_password": PASSWORD }),
    );
    assert_eq!(foreign.expect_error(422).json()["error"], "password cannot be modified");
    user.get(ME).expect(200);
    Authenticator::enrol(&user);
    user.send_json("PUT", ME, &shorter).expect(204);
}

fn addresses_are_changed_by_their_owner_and_by_admins() {
    let server = shared_server();
    let (email, other) = (add(server, "viewer"), add(server, "viewer"));
    let (first, user) = (log_in(server, &email), log_in(server, &email));
    user.send_json("PUT", ME, &json!({ "email": "x@example.com" })).expect_error(422);
    user.send_json("PUT", ME, &json!({ "email": "no address", "current_password": PASSWORD }))
        .expect_error(400);
    let taken = json!({ "email": other, "current_password": PASSWORD });
    user.send_json("PUT", ME, &taken).expect_error(422);
    let mine = format!("{}@example.com", unique("Moved"));
    user.send_json("PUT", ME, &json!({ "email": mine, "current_password": PASSWORD })).expect(204);
    first.get(ME).expect_error(401);
    assert_eq!(user.get(ME).expect(200).json()["email"], mine.to_lowercase());
    server.http().send(&login_request(&email, PASSWORD)).expect_error(401);

    let path = format!("/api/management/v1/useradm/users/{}", id_of(&user));
    let admin = server.admin();
    admin.send_json("PUT", &path, &json!({ "email": other })).expect_error(422);
    admin.send_json("PUT", &path, &json!({})).expect_error(400);
    let by_admin = format!("{}@example.com", unique("given"));
    admin.send_json("PUT", &path, &json!({ "email": by_admin })).expect(204);
    user.get(ME).expect_error(401);
    log_in(server, &by_admin).get(ME).expect(200);
    let nobody = "/api/management/v1/useradm/users/0191d3c0-0000-7000-8000-000000000000";
    admin.send_json("PUT", nobody, &json!({ "email": "y@example.com" })).expect_error(404);
    admin
        .send_json("PUT", "/api/management/v1/useradm/users/x", &json!({ "email": "y@example.com" }))
        .expect_error(404);
}

fn who_manages_users_takes_nothing_from_who_may_more() {
    let server = shared_server();
    let (role, email) = (unique("keeper"), format!("{}@example.com", unique("keeper")));
    let body = json!({ "name": role, "permission_sets_with_scope": [{ "name": "ManageUsers" }] });
    server.admin().send_json("POST", "/api/management/v2/useradm/roles", &body).expect(201);
    let body = json!({ "email": email, "password": PASSWORD, "roles": [role] });
    server.admin().send_json("POST", "/api/management/v1/useradm/users", &body).expect(201);
    let keeper = log_in(server, &email);
    let victim = log_in(server, &add(server, "admin"));
    let path = format!("/api/management/v1/useradm/users/{}", id_of(&victim));
    let stolen = json!({ "email": format!("{}@example.com", unique("stolen")) });
    keeper.send_json("PUT", &path, &stolen).expect_error(403);
    keeper.send_json("PUT", &path, &json!({ "roles": ["viewer"] })).expect_error(403);
    keeper.send("POST", &format!("{path}/2fa/disable")).expect_error(403);
    victim.get(ME).expect(200);
    let own = format!("/api/management/v1/useradm/users/{}", id_of(&keeper));
    keeper.send_json("PUT", &own, &json!({ "roles": ["RBAC_ROLE_PERMIT_ALL"] })).expect_error(403);
    server.admin().send_json("PUT", &path, &json!({ "roles": ["no-such-role"] })).expect_error(422);
    server.admin().send_json("PUT", &path, &json!({ "roles": ["ci", "viewer"] })).expect(204);
    let shown = server.admin().get(&path).expect(200).json();
    assert_eq!(shown["roles"], json!(["RBAC_ROLE_CI", "RBAC_ROLE_OBSERVER"]));
}

/// Ends sessions of a user with this address.
type End<'a> = &'a dyn Fn(&Management, &str);

/// What ends a session does so for the very next request.
fn old_tokens_are_dead_after_whatever_ends_them() {
    let server = shared_server();
    let put = |user: &Management| {
        user.send_json("PUT", ME, &json!({ "password": NEW_PASSWORD, "current_password": PASSWORD }))
            .expect(204);
    };
    let by_command = |args: &[&str]| run_ok(&mut server.command(args));
    let change_roles = |user: &Management| {
        let path = format!("/api/management/v1/useradm/users/{}", id_of(user));
        server.admin().send_json("PUT", &path, &json!({ "roles": ["operator"] })).expect(204);
    };
    let remove = |user: &Management| {
        server
            .admin()
            .send("DELETE", &format!("/api/management/v1/useradm/users/{}", id_of(user)))
            .expect(204);
    };
    let ends: [(&str, End<'_>); 9] = [
        ("other roles", &|user, _| change_roles(user)),
        ("removal", &|user, _| remove(user)),
        ("logout", &|user, _| drop(user.send("POST", LOGOUT).expect(202))),
        ("logout everywhere", &|_, email| drop(log_in(server, email).send("POST", LOGOUT_ALL).expect(202))),
        ("a new password", &|_, email| put(&log_in(server, email))),
        ("an enabled factor", &|_, email| drop(Authenticator::enrol(&log_in(server, email)))),
        ("a factor that an admin takes away", &|user, _| {
            let path = format!("/api/management/v1/useradm/users/{}/2fa/disable", id_of(user));
            server.admin().send("POST", &path).expect(200);
        }),
        ("a factor that is reset at the machine", &|_, email| {
            drop(by_command(&["user", "reset-2fa", email]));
        }),
        ("disabling", &|_, email| drop(by_command(&["user", "disable", email]))),
    ];
    for (what, end) in ends {
        let email = add(server, "viewer");
        let user = log_in(server, &email);
        user.get(ME).expect(200);
        end(&user, &email);
        eprintln!("{what}");
        for _ in 0..10 {
            user.get(ME).expect_error(401);
        }
    }
}

/// Opens a console; returns its token and its cookie.
#[track_caller]
fn console(user: &Management) -> (String, String) {
    let opened = user.send("POST", CONSOLE).expect(200);
    assert_eq!(opened.header("Content-Type"), Some("application/jwt"));
    (opened.text(), cookie(&opened))
}

/// The cookie that an answer sets, which has to be out of the reach of scripts and of other sites.
#[track_caller]
fn cookie(response: &Response) -> String {
    let set = response.header("Set-Cookie").expect("a cookie");
    for rule in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict"] {
        assert!(set.contains(rule), "{rule} in {set}");
    }
    let pair = set.split(';').next().expect("a pair");
    assert!(pair.starts_with("__Host-sealift-refresh="), "{pair}");
    pair.to_owned()
}

/// What a page of the server's own sends to go on.
fn refresh(server: &TestServer, cookie: &str) -> Request {
    Request::new("POST", REFRESH)
        .header("Cookie", cookie)
        .header("Origin", server.url())
        .header("X-Sealift-Console", "1")
        .header("Content-Length", "0")
}

fn a_console_goes_on_by_its_cookie() {
    let server = shared_server();
    let user = log_in(server, &add(server, "viewer"));
    let (token, first) = console(&user);
    let claims = super::useradm::claims(&token);
    assert_eq!(claims["exp"].as_i64().expect("an end") - claims["iat"].as_i64().expect("a begin"), 600);
    assert_eq!(claims["sid"], super::useradm::claims(&user.token)["sid"]);
    let page = Management { http: server.http(), token };
    assert_eq!(page.get(SESSIONS).expect(200).json()[0]["kind"], "console");
    page.send("POST", CONSOLE).expect_error(403);

    let second = server.http().send(&refresh(server, &first)).expect(200);
    assert_eq!(second.header("Cache-Control"), Some("no-store"));
    let second_cookie = cookie(&second);
    assert_ne!(second_cookie, first);
    let page = Management { http: server.http(), token: second.text() };
    page.get(ME).expect(200);
    server.http().send(&refresh(server, &first)).expect_error(409);
    let third = server.http().send(&refresh(server, &format!("a=b; {second_cookie}"))).expect(200);
    let out = page.request("POST", LOGOUT).header("Cookie", cookie(&third)).header("Content-Length", "0");
    let forgotten = server.http().send(&out).expect(202);
    assert!(forgotten.header("Set-Cookie").is_some_and(|set| set.contains("Max-Age=0")));
    server.http().send(&refresh(server, &cookie(&third))).expect_error(401);
    page.get(ME).expect_error(401);
    user.get(ME).expect_error(401);
}

fn a_console_is_refreshed_by_its_own_pages_only() {
    let server = shared_server();
    let user = log_in(server, &add(server, "viewer"));
    let (_, cookie) = console(&user);
    let without = |name: &str| {
        let mut request = refresh(server, &cookie);
        request.headers.retain(|(header, _)| header != name);
        request
    };
    server.http().send(&without("Origin")).expect_error(403);
    server.http().send(&without("X-Sealift-Console")).expect_error(403);
    server.http().send(&without("Cookie")).expect_error(401);
    for origin in [
        "https://attacker.example",
        "null",
        "",
        "http://localhost",
        &format!("{}.attacker.example", server.url()),
    ] {
        server.http().send(&without("Origin").header("Origin", origin)).expect_error(403);
    }
    let id = super::useradm::claims(&user.token)["sid"].as_str().expect("an id").to_owned();
    for value in [
        "",
        "x",
        &id,
        &format!("{id}.short"),
        &format!("00000000-0000-0000-0000-000000000000.{}", "A".repeat(43)),
    ] {
        let shown = format!("__Host-sealift-refresh={value}");
        server.http().send(&without("Cookie").header("Cookie", shown)).expect_error(401);
    }
    server.http().send(&refresh(server, &cookie)).expect(200);
    // Who guesses for a session that exists ends it: a secret that is not the last one was stolen.
    let guess = format!("__Host-sealift-refresh={id}.{}", "A".repeat(43));
    server.http().send(&without("Cookie").header("Cookie", guess)).expect_error(401);
    user.get(ME).expect_error(401);
}

fn a_fresh_and_strong_proof_is_asked_for() {
    let server = shared_server();
    let email = add(server, "viewer");
    let user = log_in(server, &email);
    for body in [json!({}), json!({ "code": "1", "password": "2" }), json!({ "code": null })] {
        user.send_json("POST", STEP_UP, &body).expect_error(400);
    }
    user.send_json("POST", STEP_UP, &json!({ "password": "not hers at all" })).expect_error(422);
    user.send_json("POST", STEP_UP, &json!({ "code": "123456" })).expect_error(422);
    step_up(server, &user, &json!({ "password": PASSWORD })).get(ME).expect(200);

    let mut authenticator = Authenticator::enrol(&user);
    let refused = user.send("POST", CODES);
    assert_eq!(
        refused.header("WWW-Authenticate"),
        Some(r#"Bearer error="insufficient_user_authentication", max_age=600"#)
    );
    assert_eq!(refused.expect_error(403).json()["code"], "step_up_required");
    user.send_json("POST", STEP_UP, &json!({ "password": PASSWORD })).expect_error(422);
    let wrong = user.send_json("POST", STEP_UP, &json!({ "code": authenticator.wrong_code() }));
    assert_eq!(wrong.expect_error(400).json()["code"], "2fa_invalid");
    let code = json!({ "code": authenticator.next_code() });
    let fresh = step_up(server, &user, &code);
    user.send_json("POST", STEP_UP, &code).expect_error(400);
    fresh.send("POST", CODES).expect(200);
    user.send("POST", CODES).expect_error(403);
    let listed = fresh.get(SESSIONS).expect(200).json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "it is the same session");
}

fn mender_s_paths_ask_for_it_where_the_operator_wants() {
    let server = ServerSetup::default().env("SEALIFT_USERS__STEP_UP_ON_COMPATIBLE_PATHS", "true").start();
    let user = log_in(&server, &add(&server, "viewer"));
    let mut authenticator = Authenticator::enrol(&user);
    let disable = format!("{ME}/2fa/disable");
    assert_eq!(user.send("POST", &disable).expect_error(403).json()["code"], "step_up_required");
    let fresh = step_up(&server, &user, &json!({ "code": authenticator.next_code() }));
    fresh.send("POST", &disable).expect(200);
}

fn a_proof_is_fresh_for_ten_minutes() {
    let skew = Skew::new("+0");
    let server = skew.of(ServerSetup::default()).start();
    let admin = log_in(&server, ADMIN);
    let policy = json!({ "signature": "off" });
    admin.send_json("PUT", POLICY, &policy).expect(204);
    skew.set("+590s");
    harness::eventually("the server's clock", std::time::Duration::from_secs(10), || {
        let fresh = step_up(&server, &admin, &json!({ "password": PASSWORD }));
        let claims = super::useradm::claims(&fresh.token);
        let age =
            claims["auth_time"].as_i64()? - super::useradm::claims(&admin.token)["auth_time"].as_i64()?;
        (age >= 580).then_some(())
    });
    admin.send_json("PUT", POLICY, &policy).expect(204);
    skew.set("+700s");
    harness::eventually("a proof that is too old", std::time::Duration::from_secs(10), || {
        let refused = admin.send_json("PUT", POLICY, &policy);
        (refused.status == 403).then(|| assert_eq!(refused.json()["code"], "step_up_required"))
    });
    admin.get(POLICY).expect(200);
    // A token that could do all of that is as much as doing it; a narrow one is not.
    let tokens = "/api/management/v1/useradm/tokens";
    for wide in [json!({ "name": "all" }), json!({ "name": "users", "scopes": ["users:manage"] })] {
        let refused = admin.send_json("POST", tokens, &wide).expect_error(403);
        assert_eq!(refused.json()["code"], "step_up_required");
    }
    admin.send_json("POST", tokens, &json!({ "name": "narrow", "scopes": ["artifacts:read"] })).expect(201);
    let fresh = step_up(&server, &admin, &json!({ "password": PASSWORD }));
    fresh.send_json("PUT", POLICY, &policy).expect(204);
    fresh.send_json("POST", tokens, &json!({ "name": "all" })).expect(201);
}
