//! `…/useradm/settings/tokens` and `…/useradm/tokens` (management API §1.4, user authentication §6).

use harness::management::{ARTIFACTS, DEVAUTH};
use harness::server::{ADMIN, PASSWORD};
use harness::{Management, Response, TestServer, shared_server};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        an_access_token_is_a_bare_jwt_that_works_until_it_is_deleted,
        access_tokens_are_refused_as_clients_expect,
        deleting_the_id_of_a_session_ends_it,
        a_prefixed_token_works_wherever_a_session_does,
        a_narrowed_token_gets_403_beyond_its_scopes,
        a_token_for_another_network_is_nobody,
        a_token_counts_in_the_header_only,
        rotation_replaces_the_secret,
        broken_tokens_are_all_the_same_401,
        tokens_are_never_shown_again,
    ]
}

const ACCESS: &str = "/api/management/v1/useradm/settings/tokens";
const TOKENS: &str = "/api/management/v1/useradm/tokens";
const ME: &str = "/api/management/v1/useradm/users/me";

/// A user of the trial's own, because trials run side by side.
fn user(server: &TestServer, name: &str, role: &str) -> Management {
    let email = format!("{name}@tokens.example.com");
    server.add_user(&email, role, PASSWORD);
    Management::login(server.http(), &email, PASSWORD)
}

fn with(server: &TestServer, token: &str) -> Management {
    Management { http: server.http(), token: token.to_owned() }
}

#[track_caller]
fn made(owner: &Management, body: &Value) -> (String, Value) {
    let body = owner.send_json("POST", TOKENS, body).expect(201).json();
    (body["token"].as_str().expect("a token").to_owned(), body)
}

fn an_access_token_is_a_bare_jwt_that_works_until_it_is_deleted() {
    let server = shared_server();
    let owner = user(server, "pat", "ci");
    let response =
        owner.send_json("POST", ACCESS, &json!({"name": "laptop", "expires_in": 3600})).expect(200);
    assert_eq!(response.header("Content-Type"), Some("application/jwt"), "exactly, without a charset");
    assert_eq!(response.header("Cache-Control"), Some("no-store"));
    let token = with(server, &response.text());
    assert_eq!(token.token.split('.').count(), 3);
    token.get(DEVAUTH).expect(200);
    let mine = owner.get(ME).expect(200).json();
    assert_eq!(token.get(ME).expect(200).json()["id"], mine["id"]);

    let for_ever = owner.send_json("POST", ACCESS, &json!({"name": "for ever"})).expect(200).text();
    let list = owner.get(ACCESS).expect(200).json();
    assert_eq!(list.as_array().map(Vec::len), Some(2), "{list}");
    let (first, second) = (&list[0], &list[1]);
    assert_eq!((&first["name"], &second["name"]), (&json!("laptop"), &json!("for ever")));
    assert!(first["expiration_date"].is_string() && first["created_ts"].is_string());
    assert!(first["last_used"].is_string(), "it was used");
    assert!(second.get("expiration_date").is_none() && second.get("last_used").is_none());
    let id = first["id"].as_str().expect("an id");
    for _ in 0..2 {
        let response = owner.send("DELETE", &format!("{ACCESS}/{id}")).expect(204);
        assert!(response.body.is_empty());
    }
    token.get(DEVAUTH).expect_error(401);
    with(server, &for_ever).get(DEVAUTH).expect(200);
    owner.send("DELETE", &format!("{ACCESS}/no-id-at-all")).expect(204);
}

fn access_tokens_are_refused_as_clients_expect() {
    let owner = user(shared_server(), "refused", "viewer");
    let create = |body: &Value| owner.send_json("POST", ACCESS, body);
    for body in [
        json!({"name": "x", "expires_in": 31_536_001}),
        json!({"name": "x", "expires_in": -1}),
        json!({"name": "x", "expires_in": "1"}),
        json!({"name": ""}),
        json!({"expires_in": 5}),
        json!([]),
    ] {
        create(&body).expect_error(400);
    }
    for number in 0..10 {
        create(&json!({"name": format!("token {number}"), "expires_in": 31_536_000})).expect(200);
    }
    create(&json!({"name": "token 1"})).expect_error(409);
    create(&json!({"name": "token 10"})).expect_error(422);
}

fn deleting_the_id_of_a_session_ends_it() {
    let server = shared_server();
    let owner = user(server, "sessions", "viewer");
    let other = Management::login(server.http(), "sessions@tokens.example.com", PASSWORD);
    let id = crate::management::useradm::claims(&other.token)["jti"].as_str().expect("an id").to_owned();
    server.admin().send("DELETE", &format!("{ACCESS}/{id}")).expect(204);
    other.get(ME).expect(200);
    owner.send("DELETE", &format!("{ACCESS}/{id}")).expect(204);
    other.get(ME).expect_error(401);
    owner.get(ME).expect(200);
}

fn a_prefixed_token_works_wherever_a_session_does() {
    let server = shared_server();
    let owner = user(server, "prefixed", "ci");
    let (text, body) = made(&owner, &json!({"name": "pipeline"}));
    assert!(text.starts_with("slt_pat_") && text.len() == 69, "a form that scanners know");
    assert_eq!(body["kind"], "prefixed");
    assert_eq!(text.split('_').nth(2), body["handle"].as_str());
    assert!(body["expires_at"].is_string(), "it ends by itself if nothing is said");
    let token = with(server, &text);
    for path in [DEVAUTH, ARTIFACTS, ME, TOKENS] {
        token.get(path).expect(200);
    }
    // Its user's rights, and nothing of what only a person may do.
    token
        .send("DELETE", "/api/management/v2/devauth/devices/0191d3c0-0000-7000-8000-000000000000")
        .expect(403);
    token.send_json("POST", TOKENS, &json!({"name": "child"})).expect_error(403);
    token.send_json("POST", ACCESS, &json!({"name": "child"})).expect_error(403);
    owner.send_json("POST", TOKENS, &json!({"name": "pipeline"})).expect_error(409);
    let id = body["id"].as_str().expect("an id");
    let path = format!("{TOKENS}/{id}");
    server.admin().send("DELETE", &path).expect_error(404);
    owner.send("DELETE", &path).expect(204);
    token.get(DEVAUTH).expect_error(401);
    owner.send("DELETE", &path).expect_error(404);
    owner.send("DELETE", &format!("{TOKENS}/1")).expect_error(400);
}

fn a_narrowed_token_gets_403_beyond_its_scopes() {
    let server = shared_server();
    let owner = user(server, "narrowed", "ci");
    let (text, body) = made(&owner, &json!({"name": "reader", "scopes": ["artifacts:read"]}));
    assert_eq!(body["scopes"], json!(["artifacts:read"]));
    let token = with(server, &text);
    token.get(ARTIFACTS).expect(200);
    token.get(DEVAUTH).expect_error(403);
    token.get(ME).expect_error(403);
    let create = |scopes: Value| owner.send_json("POST", TOKENS, &json!({"name": "x", "scopes": scopes}));
    create(json!(["users:manage"])).expect_error(422);
    create(json!(["artifacts:steal"])).expect_error(400);
    create(json!([])).expect_error(400);
}

fn a_token_for_another_network_is_nobody() {
    let server = shared_server();
    let owner = user(server, "networks", "viewer");
    let of = |name: &str, networks: Value| made(&owner, &json!({"name": name, "networks": networks}));
    let (text, body) = of("here", json!(["127.0.0.0/8", "::1"]));
    assert_eq!(body["networks"], json!(["127.0.0.0/8", "::1/128"]));
    with(server, &text).get(DEVAUTH).expect(200);
    let (text, _) = of("elsewhere", json!(["192.0.2.0/24"]));
    with(server, &text).get(DEVAUTH).expect_error(401);
    for networks in [json!([]), json!(["192.0.2.0/33"]), json!(["everywhere"]), json!("127.0.0.1")] {
        owner.send_json("POST", TOKENS, &json!({"name": "x", "networks": networks})).expect_error(400);
    }
}

fn a_token_counts_in_the_header_only() {
    let server = shared_server();
    let (text, _) = made(&user(server, "query", "viewer"), &json!({"name": "one"}));
    for name in ["access_token", "token", "authorization", "jwt"] {
        let target = format!("{DEVAUTH}?{name}={text}");
        server.http().send(&harness::Request::new("GET", &target)).expect_error(401);
    }
}

fn rotation_replaces_the_secret() {
    let server = shared_server();
    let owner = user(server, "rotation", "viewer");
    let (first, body) = made(&owner, &json!({"name": "one"}));
    let path = format!("{TOKENS}/{}/rotate", body["id"].as_str().expect("an id"));
    let rotated = |overlap: u64| owner.send_json("POST", &path, &json!({"overlap_secs": overlap}));
    let body = rotated(3600).expect(200).json();
    let second = body["token"].as_str().expect("a token").to_owned();
    assert!(body["rotated_at"].is_string() && first[..18] == second[..18] && first != second);
    with(server, &first).get(DEVAUTH).expect(200);
    with(server, &second).get(DEVAUTH).expect(200);
    rotated(3601).expect_error(400);
    let third = rotated(0).expect(200).json()["token"].as_str().expect("a token").to_owned();
    for dead in [first, second] {
        with(server, &dead).get(DEVAUTH).expect_error(401);
    }
    with(server, &third).get(DEVAUTH).expect(200);
    owner.send_json("POST", ACCESS, &json!({"name": "jwt"})).expect(200);
    let list = owner.get(TOKENS).expect(200).json();
    let jwt = list[1]["id"].as_str().expect("an id");
    owner.send_json("POST", &format!("{TOKENS}/{jwt}/rotate"), &json!({})).expect_error(422);
}

fn broken_tokens_are_all_the_same_401() {
    let server = shared_server();
    let (text, _) = made(&user(server, "broken", "viewer"), &json!({"name": "one"}));
    let flipped = |at: usize| {
        let other = if &text[at..=at] == "x" { "y" } else { "x" };
        format!("{}{other}{}", &text[..at], &text[at + 1..])
    };
    let mut answers: Vec<Value> = Vec::new();
    let broken = [flipped(8), flipped(30), flipped(68), text[..60].to_owned(), "slt_pat_".to_owned()];
    for token in broken {
        let answer: Response = with(server, &token).get(DEVAUTH).expect_error(401);
        let mut body = answer.json();
        body.as_object_mut().expect("an object").remove("request_id");
        answers.push(body);
    }
    answers.dedup();
    assert_eq!(answers, [json!({"error": "unauthorized", "code": "unauthenticated"})]);
}

fn tokens_are_never_shown_again() {
    let server = TestServer::start();
    let owner = Management::login(server.http(), ADMIN, PASSWORD);
    let (text, _) = made(&owner, &json!({"name": "prefixed"}));
    let jwt = owner.send_json("POST", ACCESS, &json!({"name": "jwt"})).expect(200).text();
    with(&server, &text).get(ME).expect(200);
    with(&server, &jwt).get(ME).expect(200);
    let secret = text.split('_').nth(3).expect("a secret");
    for path in [ACCESS, TOKENS, "/api/management/v1/auditlogs/logs"] {
        let shown = owner.get(path).text();
        assert!(!shown.contains(secret) && !shown.contains(&jwt), "{path}: {shown}");
    }
    server.stop();
    let log = server.log();
    assert!(!log.contains(secret) && !log.contains(&jwt), "secrets in the log");
    assert!(log.contains("personal token made"), "the log was read");
}
