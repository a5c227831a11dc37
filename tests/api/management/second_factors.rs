//! Second factors (management API §1.5, user authentication §3).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use harness::management::{ARTIFACTS, DEPLOYMENTS, DEVAUTH, INVENTORY, LOGIN, login_request};
use harness::names::unique;
use harness::process::run_ok;
use harness::server::PASSWORD;
use harness::{Authenticator, Management, Request, Response, TestServer, shared_server};
use libtest_mimic::Trial;
use serde_json::{Value, json};

use super::useradm::claims;

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        the_walk_of_the_web_interface,
        giving_up_leaves_nothing,
        of_fifty_posts_of_one_code_one_succeeds,
        recovery_codes_are_shown_once_and_used_once,
        wrong_codes_block_and_say_for_how_long,
        an_admin_resets_the_factor_of_another,
        the_command_line_resets_a_factor,
        who_has_to_have_a_factor_sets_it_up_first,
        tokens_of_programs_outlive_the_set_up,
    ]
}

const ME: &str = "/api/management/v1/useradm/users/me";
const VERIFY: &str = "/api/management/v1/useradm/2faverify";
const QR: &str = "/api/management/v1/useradm/2faqr";
const ENABLE: &str = "/api/management/v1/useradm/users/me/2fa/enable";
const DISABLE: &str = "/api/management/v1/useradm/users/me/2fa/disable";
const CODES: &str = "/api/management/v1/useradm/users/me/2fa/recovery-codes";

/// Adds a viewer and logs in.
#[track_caller]
fn user(server: &TestServer) -> (String, Management) {
    let email = format!("{}@example.com", unique("totp"));
    server.add_user(&email, "viewer", PASSWORD);
    let user = Management::login(server.http(), &email, PASSWORD);
    (email, user)
}

/// Logs in with a body; the type goes with the length.
fn log_in(server: &TestServer, email: &str, password: &str, body: &Value) -> Response {
    let mut request: Request = login_request(email, password);
    request.headers.retain(|(name, _)| name == "Authorization");
    server.http().send(&request.json(body))
}

#[track_caller]
fn refused(response: Response, code: &str) {
    let body = response.expect_error(401).json();
    let text = body["error"].as_str().expect("a text");
    assert!(text.contains("2fa"), "the web interface looks for `2fa`: {text}");
    assert_eq!(body["code"], code, "{text}");
}

fn state(user: &Management) -> Value {
    user.get(ME).expect(200).json()["tfa_status"].clone()
}

fn the_walk_of_the_web_interface() {
    let server = shared_server();
    let (email, user) = user(server);
    let me = user.get(ME).expect(200).json();
    assert_eq!((&me["tfa_status"], &me["verified"]), (&json!("disabled"), &json!(true)));
    user.get(QR).expect_error(409);
    assert!(user.send("POST", ENABLE).expect(200).body.is_empty());
    assert_eq!(state(&user), "unverified");
    let mut authenticator = Authenticator::scan(&user);
    let account = email.replace('@', "%40");
    assert!(authenticator.uri.starts_with("otpauth://totp/") && authenticator.uri.contains(&account));
    log_in(server, &email, PASSWORD, &json!({})).expect(200);
    let wrong = authenticator.wrong_code();
    let refusal = user.send_json("PUT", VERIFY, &json!({ "token2fa": wrong })).expect_error(400).json();
    assert_eq!(refusal["code"], "2fa_invalid");
    let code = authenticator.next_code();
    assert!(user.send_json("PUT", VERIFY, &json!({ "token2fa": code })).expect(202).body.is_empty());
    assert_eq!(state(&user), "enabled");
    user.get(QR).expect_error(409);

    for body in [json!({}), json!({"token2fa": "", "no_expiry": false}), json!({ "token2fa": null })] {
        refused(log_in(server, &email, PASSWORD, &body), "2fa_required");
    }
    refused(server.http().send(&login_request(&email, PASSWORD)), "2fa_required");
    refused(log_in(server, &email, PASSWORD, &json!({ "token2fa": wrong })), "2fa_invalid");
    let next = json!({ "token2fa": authenticator.next_code() });
    let guess = log_in(server, &email, "a wrong password", &next).expect_error(401).json();
    assert_eq!(guess["error"], "unauthorized", "nothing is told before the password is right");
    let token = log_in(server, &email, PASSWORD, &next).expect(200).text();
    refused(log_in(server, &email, PASSWORD, &next), "2fa_invalid");
    assert_eq!(claims(&token)["amr"], json!(["pwd", "otp", "mfa"]));
    assert_eq!(claims(&token)["auth_time"], claims(&token)["iat"]);
    assert_eq!(claims(&user.token)["amr"], json!(["pwd"]));

    let user = Management { http: server.http(), token };
    assert!(user.send("POST", DISABLE).expect(200).body.is_empty());
    assert_eq!(state(&user), "disabled");
    log_in(server, &email, PASSWORD, &json!({})).expect(200);
}

fn giving_up_leaves_nothing() {
    let server = shared_server();
    let (email, user) = user(server);
    user.send("POST", ENABLE).expect(200);
    let first = Authenticator::scan(&user).uri;
    user.send("POST", DISABLE).expect(200);
    assert_eq!(state(&user), "disabled");
    log_in(server, &email, PASSWORD, &json!({})).expect(200);
    user.send("POST", ENABLE).expect(200);
    assert_ne!(Authenticator::scan(&user).uri, first);
    let id = user.get(ME).expect(200).json()["id"].as_str().expect("an id").to_owned();
    user.send("POST", &format!("/api/management/v1/useradm/users/{id}/2fa/enable")).expect(200);
    let other = "/api/management/v1/useradm/users/0191d3c0-0000-7000-8000-000000000000/2fa/enable";
    user.send("POST", other).expect_error(403);
    server.admin().send("POST", other).expect_error(403);
}

fn of_fifty_posts_of_one_code_one_succeeds() {
    // A server of its own: nobody else waits in its queue for passwords.
    let server = TestServer::start();
    let (email, user) = user(&server);
    let mut authenticator = Authenticator::enrol(&user);
    let body = json!({ "token2fa": authenticator.next_code() });
    let successes = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                let response = log_in(&server, &email, PASSWORD, &body);
                if response.status == 200 {
                    successes.fetch_add(1, Ordering::Relaxed);
                } else {
                    refused(response, "2fa_invalid");
                }
            });
        }
    });
    assert_eq!(successes.into_inner(), 1);
}

fn recovery_codes_are_shown_once_and_used_once() {
    let server = shared_server();
    let (email, user) = user(server);
    user.send("POST", CODES).expect_error(409);
    let mut authenticator = Authenticator::enrol(&user);
    assert_eq!(user.get(CODES).expect(200).json(), json!({ "left": 0 }));
    let code = json!({ "code": authenticator.next_code() });
    let token = user.send_json("POST", "/api/management/v1/useradm/auth/step-up", &code).expect(200).text();
    let user = Management { http: server.http(), token };
    let shown = user.send("POST", CODES).expect(200);
    assert_eq!(shown.header("Cache-Control"), Some("no-store"));
    let shown = shown.json();
    let codes: Vec<&str> =
        shown["codes"].as_array().expect("codes").iter().filter_map(Value::as_str).collect();
    assert_eq!(codes.len(), 10);
    assert_eq!(user.get(CODES).expect(200).json(), json!({ "left": 10 }));
    let body = json!({ "token2fa": codes[3] });
    let token = log_in(server, &email, PASSWORD, &body).expect(200).text();
    assert_eq!(claims(&token)["amr"], json!(["pwd", "mfa"]));
    refused(log_in(server, &email, PASSWORD, &body), "2fa_invalid");
    assert_eq!(user.get(CODES).expect(200).json(), json!({ "left": 9 }));
    user.send("POST", CODES).expect(200);
    refused(log_in(server, &email, PASSWORD, &json!({ "token2fa": codes[0] })), "2fa_invalid");
}

fn wrong_codes_block_and_say_for_how_long() {
    let server = shared_server();
    let (email, user) = user(server);
    let mut authenticator = Authenticator::enrol(&user);
    let wrong = json!({ "token2fa": authenticator.wrong_code() });
    for _ in 0..5 {
        refused(log_in(server, &email, PASSWORD, &wrong), "2fa_invalid");
    }
    let blocked = log_in(server, &email, PASSWORD, &json!({ "token2fa": authenticator.next_code() }));
    let wait: u64 = blocked.header("Retry-After").expect("a time").parse().expect("seconds");
    assert!((1..=900).contains(&wait), "{wait}");
    refused(blocked, "2fa_blocked");
    refused(log_in(server, &email, PASSWORD, &json!({})), "2fa_required");
    user.get(ME).expect(200);
}

fn an_admin_resets_the_factor_of_another() {
    let server = shared_server();
    let (email, victim) = user(server);
    Authenticator::enrol(&victim);
    let id = victim.get(ME).expect(200).json()["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/management/v1/useradm/users/{id}/2fa/disable");
    let (_, stranger) = user(server);
    stranger.send("POST", &path).expect_error(403);
    server.admin().send("POST", &path).expect(200);
    victim.get(ME).expect_error(401);
    let victim = Management::login(server.http(), &email, PASSWORD);
    assert_eq!(state(&victim), "disabled");
    let nobody = "/api/management/v1/useradm/users/0191d3c0-0000-7000-8000-000000000000/2fa/disable";
    server.admin().send("POST", nobody).expect_error(404);
    server.admin().send("POST", "/api/management/v1/useradm/users/x/2fa/disable").expect_error(404);
}

fn the_command_line_resets_a_factor() {
    let server = shared_server();
    let (email, user) = user(server);
    Authenticator::enrol(&user);
    run_ok(&mut server.command(&["user", "reset-2fa", &email]));
    user.get(ME).expect_error(401);
    server.http().send(&Request::new("POST", LOGIN)).expect_error(401);
    assert_eq!(state(&Management::login(server.http(), &email, PASSWORD)), "disabled");
}

fn who_has_to_have_a_factor_sets_it_up_first() {
    let server = shared_server();
    let (role, email) = (unique("two-factors"), format!("{}@example.com", unique("covered")));
    let sets = json!([{ "name": "SuperUser" }]);
    let body = json!({ "name": role, "permission_sets_with_scope": sets, "require_2fa": true });
    server.admin().send_json("POST", "/api/management/v2/useradm/roles", &body).expect(201);
    let body = json!({ "email": email, "password": PASSWORD, "roles": [role] });
    server.admin().send_json("POST", "/api/management/v1/useradm/users", &body).expect(201);
    let user = Management::login(server.http(), &email, PASSWORD);
    let refused = |method: &str, path: &str| {
        let answer = user.send(method, path).expect_error(403).json();
        assert_eq!(answer["code"], "2fa_setup_required", "{method} {path}");
    };
    for path in [DEVAUTH, INVENTORY, ARTIFACTS, DEPLOYMENTS, "/api/management/v1/useradm/users", CODES] {
        refused("GET", path);
    }
    refused("POST", CODES);
    let other = server.admin().get(ME).expect(200).json()["id"].as_str().expect("an id").to_owned();
    refused("POST", &format!("/api/management/v1/useradm/users/{other}/2fa/disable"));
    user.get(ME).expect(200);
    // What is half set up can be given up.
    user.send("POST", ENABLE).expect(200);
    assert_eq!(state(&user), "unverified");
    user.send("POST", DISABLE).expect(200);
    assert_eq!(state(&user), "disabled");
    let mut authenticator = Authenticator::enrol(&user);
    user.get(DEVAUTH).expect(200);
    let body = json!({ "token2fa": authenticator.next_code() });
    let token = log_in(server, &email, PASSWORD, &body).expect(200).text();
    let user = Management { http: server.http(), token };
    user.get(DEVAUTH).expect(200);
    user.send("POST", DISABLE).expect(200);
    assert_eq!(user.get(DEVAUTH).expect_error(403).json()["code"], "2fa_setup_required");
    user.send("POST", "/api/management/v1/useradm/auth/logout").expect(202);
}

fn tokens_of_programs_outlive_the_set_up() {
    let server = shared_server();
    let (email, user) = user(server);
    let body = json!({ "name": "ci", "expires_in": 3600 });
    let token =
        user.send_json("POST", "/api/management/v1/useradm/settings/tokens", &body).expect(200).text();
    let program = Management { http: server.http(), token };
    Authenticator::enrol(&user);
    program.get(ME).expect(200);
    program
        .send_json("POST", "/api/management/v1/useradm/auth/step-up", &json!({ "code": "123456" }))
        .expect_error(403);
    program.send("POST", CODES).expect_error(403);
    user.send("POST", DISABLE).expect(200);
    program.get(ME).expect(200);
    let other = Management::login(server.http(), &email, PASSWORD);
    other.send("POST", "/api/management/v1/useradm/auth/logout-all").expect(202);
    program.get(ME).expect(200);
    let changed = json!({ "password": "another fair wind to sail", "current_password": PASSWORD });
    Management::login(server.http(), &email, PASSWORD).send_json("PUT", ME, &changed).expect(204);
    program.get(ME).expect_error(401);
}
