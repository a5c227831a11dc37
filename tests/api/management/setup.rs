//! `POST /api/management/v1/setup`: the first user, over the network (user authentication §10).

use std::fs;
use std::os::unix::fs::PermissionsExt;

use harness::management::{DEVAUTH, login_request};
use harness::server::{ADMIN, PASSWORD};
use harness::{Management, Request, Response, ServerSetup, TestServer, shared_server};
use libtest_mimic::Trial;
use serde_json::json;

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        token_makes_the_first_user_once,
        five_wrong_tokens_void_the_right_one,
        token_is_new_after_a_restart,
        server_with_users_has_no_setup,
        refused_first_users_do_not_use_the_token_up,
    ]
}

const SETUP: &str = "/api/management/v1/setup";

fn token_makes_the_first_user_once() {
    let server = ServerSetup::default().start_without_user();
    let path = server.data_dir().join("setup-token");
    let mode = fs::metadata(&path).expect("a token file").permissions().mode();
    assert_eq!(mode & 0o077, 0, "the token file is for its owner only");
    // Devices do not wait for a first user.
    server.device().authenticate().expect_error(401);
    let token = token(&server);
    assert!(token.len() >= 26, "128 bits in base 32: {token}");
    set_up(&server, &token, PASSWORD).expect(201);
    Management::login(server.http(), ADMIN, PASSWORD).get(DEVAUTH).expect(200);
    let again = set_up(&server, &token, PASSWORD);
    assert!(matches!(again.status, 403 | 409), "{again}");
}

fn five_wrong_tokens_void_the_right_one() {
    let server = ServerSetup::default().start_without_user();
    for _ in 0..5 {
        set_up(&server, "AAAAAAAAAAAAAAAAAAAAAAAAAA", PASSWORD).expect_error(403);
    }
    set_up(&server, &token(&server), PASSWORD).expect_error(403);
    let refused = server.http().send(&login_request(ADMIN, PASSWORD)).expect_error(503);
    assert_eq!(refused.json()["code"], "setup_required");
}

fn token_is_new_after_a_restart() {
    let server = ServerSetup::default().start_without_user();
    let first = token(&server);
    assert!(server.stop().success());
    server.restart();
    let second = token(&server);
    assert_ne!(first, second);
    set_up(&server, &first, PASSWORD).expect_error(403);
    set_up(&server, &second, PASSWORD).expect(201);
}

fn server_with_users_has_no_setup() {
    let server = shared_server();
    let refused = set_up(server, "AAAAAAAAAAAAAAAAAAAAAAAAAA", PASSWORD);
    assert!(matches!(refused.status, 403 | 409), "{refused}");
}

fn refused_first_users_do_not_use_the_token_up() {
    let server = ServerSetup::default().start_without_user();
    let token = token(&server);
    set_up(&server, &token, "short").expect_error(422);
    let body = json!({"token": token, "email": "no address", "password": PASSWORD});
    server.http().send(&Request::new("POST", SETUP).json(&body)).expect_error(400);
    server.http().send(&Request::new("POST", SETUP).json(&json!({"token": token}))).expect_error(400);
    set_up(&server, &token, PASSWORD).expect(201);
}

fn token(server: &TestServer) -> String {
    fs::read_to_string(server.data_dir().join("setup-token")).expect("a token file").trim().to_owned()
}

fn set_up(server: &TestServer, token: &str, password: &str) -> Response {
    let body = json!({"token": token, "email": ADMIN, "password": password});
    server.http().send(&Request::new("POST", SETUP).json(&body))
}
