//! `/api/management/v1/useradm/` (management API §1.1, §1.2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harness::management::{DEVAUTH, LOGIN, login_request};
use harness::server::{ADMIN, PASSWORD};
use harness::{Body, Management, Request, shared_server};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        login_gives_a_bare_jwt,
        login_ignores_case_of_the_email,
        login_without_type_or_body_works,
        login_with_a_body_works,
        login_refusals_are_all_the_same_401,
        login_with_a_broken_body_is_400,
        token_tells_who_and_until_when,
        no_expiry_is_honoured,
        logout_ends_that_session_only,
        me_is_the_caller,
        users_are_listed_without_secrets,
    ]
}

const LOGOUT: &str = "/api/management/v1/useradm/auth/logout";
const ME: &str = "/api/management/v1/useradm/users/me";

fn login_gives_a_bare_jwt() {
    let response = shared_server().http().send(&login_request(ADMIN, PASSWORD)).expect(200);
    assert_eq!(response.header("Content-Type"), Some("application/jwt"), "exactly, without a charset");
    let token = response.text();
    assert_eq!(token.split('.').count(), 3);
    assert!(!token.contains(char::is_whitespace) && !token.contains('"'));
}

fn login_ignores_case_of_the_email() {
    shared_server().http().send(&login_request("Admin@Example.COM", PASSWORD)).expect(200);
}

fn login_without_type_or_body_works() {
    let mut request = login_request(ADMIN, PASSWORD);
    request.headers.retain(|(name, _)| name == "Authorization");
    shared_server().http().send(&request).expect(200);
}

fn login_with_a_body_works() {
    let http = shared_server().http();
    for body in [json!({"token2fa": "", "no_expiry": false}), json!({}), json!({"future": [1]})] {
        let mut request = login_request(ADMIN, PASSWORD);
        request.headers.retain(|(name, _)| name == "Authorization");
        http.send(&request.json(&body)).expect(200);
    }
}

fn login_refusals_are_all_the_same_401() {
    let http = shared_server().http();
    let mut requests = vec![
        login_request(ADMIN, "a wrong password"),
        login_request(ADMIN, ""),
        login_request("nobody@example.com", PASSWORD),
        login_request("", ""),
        Request::new("POST", LOGIN),
    ];
    for value in ["Basic", "Basic ***", "Basic YWRtaW4=", "Bearer x"] {
        requests.push(Request::new("POST", LOGIN).header("Authorization", value));
    }
    for request in requests {
        let body = http.send(&request).expect_error(401).json();
        assert_eq!((&body["error"], &body["code"]), (&json!("unauthorized"), &json!("unauthenticated")));
    }
}

fn login_with_a_broken_body_is_400() {
    let mut request = login_request(ADMIN, PASSWORD);
    request.headers.retain(|(name, _)| name != "Content-Length");
    shared_server().http().send(&request.body(Body::Sized(b"{\"token2fa\"".to_vec()))).expect_error(400);
}

fn token_tells_who_and_until_when() {
    let server = shared_server();
    let claims = claims(&server.admin().token);
    let me = server.admin().get(ME).expect(200).json();
    assert_eq!(claims["sub"], me["id"]);
    assert_eq!(claims["mender.user"], true);
    assert!(claims["jti"].is_string() && claims["mender.tenant"].is_string());
    let lifetime = claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat");
    assert_eq!(lifetime, 604_800);
}

fn no_expiry_is_honoured() {
    let server = shared_server();
    let mut request = login_request(ADMIN, PASSWORD);
    request.headers.retain(|(name, _)| name == "Authorization");
    let token = server.http().send(&request.json(&json!({"no_expiry": true}))).expect(200).text();
    assert_eq!(claims(&token).get("exp"), None);
    Management { http: server.http(), token }.get(ME).expect(200);
}

fn logout_ends_that_session_only() {
    let server = shared_server();
    let first = Management::login(server.http(), ADMIN, PASSWORD);
    let second = Management::login(server.http(), ADMIN, PASSWORD);
    let response = first.send("POST", LOGOUT).expect(202);
    assert!(response.body.is_empty());
    first.get(DEVAUTH).expect_error(401);
    first.send("POST", LOGOUT).expect_error(401);
    second.get(DEVAUTH).expect(200);
}

fn me_is_the_caller() {
    let server = shared_server();
    let me = server.admin().get(ME).expect(200).json();
    assert_eq!(me["email"], ADMIN);
    assert!(me["id"].is_string() && me["created_ts"].is_string() && me["updated_ts"].is_string());
    let id = me["id"].as_str().expect("an id");
    let same = server.admin().get(&format!("/api/management/v1/useradm/users/{id}")).expect(200).json();
    assert_eq!(same["email"], ADMIN);
}

fn users_are_listed_without_secrets() {
    let response = shared_server().admin().get("/api/management/v1/useradm/users").expect(200);
    let list = response.json();
    assert!(list.as_array().expect("a list").iter().any(|user| user["email"] == ADMIN));
    assert!(!response.text().contains("password") && !response.text().contains("$argon2"));
}

pub(super) fn claims(token: &str) -> Value {
    let text = token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("base64url")).expect("JSON")
}
