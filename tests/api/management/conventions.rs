//! What holds for every management request (management API §0).

use harness::management::{ARTIFACTS, DEPLOYMENTS, DEVAUTH, LOGIN};
use harness::names::unknown_uuid;
use harness::process::run_ok;
use harness::{Body, Request, shared_server};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        request_id_is_echoed,
        request_id_is_made_when_absent_or_unfit,
        unknown_route_is_404,
        wrong_method_is_405,
        double_slash_is_collapsed,
        security_headers_are_sent,
        content_type_is_checked_where_a_body_is,
        broken_json_is_400,
        large_json_is_413,
        scheme_of_the_token_is_case_insensitive,
        token_may_come_as_a_cookie,
        cookie_counts_for_reading_only,
        nul_is_refused,
        anonymous_bodies_are_small,
        malformed_authorization_is_401,
        paging_is_checked,
        every_list_is_paged_alike,
        options_lists_the_methods,
    ]
}

fn request_id_is_echoed() {
    let server = shared_server();
    let request = server.admin().request("GET", &format!("{DEVAUTH}/{}", unknown_uuid()));
    let response = server.http().send(&request.header("X-MEN-RequestID", "my-request-17")).expect_error(404);
    assert_eq!(response.header("X-MEN-RequestID"), Some("my-request-17"));
    assert_eq!(response.json()["request_id"], "my-request-17");
    let fine = server.admin().request("GET", DEVAUTH).header("X-MEN-RequestID", "abc");
    assert_eq!(server.http().send(&fine).expect(200).header("X-MEN-RequestID"), Some("abc"));
}

fn request_id_is_made_when_absent_or_unfit() {
    let http = shared_server().http();
    let first = http.get("/health/live").header("X-MEN-RequestID").expect("an id").to_owned();
    let second = http.get("/health/live").header("X-MEN-RequestID").expect("an id").to_owned();
    assert_eq!(first.len(), 36);
    assert_ne!(first, second);
    let long = "x".repeat(500);
    let request = Request::get("/health/live").header("X-MEN-RequestID", &long);
    assert_ne!(http.send(&request).header("X-MEN-RequestID"), Some(long.as_str()));
}

fn unknown_route_is_404() {
    let server = shared_server();
    for target in ["/api/management/v1/nothing", "/api/devices/v1/nothing", "/nothing/here"] {
        let response = server.admin().get(target).expect_error(404);
        assert_eq!(response.json()["error"], "not found", "{target}");
        assert_eq!(response.json()["code"], "not_found");
    }
}

fn wrong_method_is_405() {
    let server = shared_server();
    for (method, target) in [("DELETE", DEVAUTH), ("PATCH", LOGIN), ("PUT", ARTIFACTS)] {
        let response = server.admin().send(method, target).expect_error(405);
        assert_eq!(response.json()["error"], "method not allowed", "{method} {target}");
    }
}

fn double_slash_is_collapsed() {
    let server = shared_server();
    server.admin().get(&format!("/{DEVAUTH}")).expect(200);
}

fn security_headers_are_sent() {
    let response = shared_server().admin().get(DEVAUTH).expect(200);
    assert!(
        response.header("Strict-Transport-Security").is_some_and(|value| value.contains("max-age=31536000"))
    );
    assert_eq!(response.header("X-Content-Type-Options"), Some("nosniff"));
}

fn content_type_is_checked_where_a_body_is() {
    let server = shared_server();
    let request = server.admin().request("POST", DEPLOYMENTS).header("Content-Type", "text/plain");
    server.http().send(&request.body(Body::Sized(b"{}".to_vec()))).expect_error(415);
    let upload = server.admin().request("POST", ARTIFACTS).header("Content-Type", "application/json");
    server.http().send(&upload.body(Body::Sized(b"{}".to_vec()))).expect_error(415);
    let with_charset = server.admin().request("POST", DEPLOYMENTS);
    let with_charset = with_charset.header("Content-Type", "application/json; charset=utf-8");
    server.http().send(&with_charset.body(Body::Sized(b"{}".to_vec()))).expect_error(400);
}

fn broken_json_is_400() {
    let server = shared_server();
    for body in ["{", "[]", "\"text\"", "{\"name\":}", "\u{0}"] {
        let request = server.admin().request("POST", DEPLOYMENTS).header("Content-Type", "application/json");
        server.http().send(&request.body(Body::Sized(body.as_bytes().to_vec()))).expect_error(400);
    }
}

fn large_json_is_413() {
    let server = shared_server();
    let body = json!({"name": "x".repeat(1024 * 1024)});
    server.admin().send_json("POST", DEPLOYMENTS, &body).expect_error(413);
}

fn anonymous_bodies_are_small() {
    let server = shared_server();
    let body = json!({"strange": "x".repeat(4096)});
    for path in [LOGIN, "/api/management/v1/setup"] {
        server.http().send(&Request::new("POST", path).json(&body)).expect_error(413);
    }
}

/// One of the databases cannot hold it.
fn nul_is_refused() {
    let admin = shared_server().admin();
    admin.get(&format!("{ARTIFACTS}?name=a%00b")).expect_error(400);
    admin.get("/api/management/v2/deployments/deployments/releases/a%00b").expect_error(404);
    admin.get("/api/management/v1/inventory/groups/a%00b/devices").expect_error(400);
    let plan = json!({"name": "n", "artifact_name": "a"});
    admin.send_json("POST", &format!("{DEPLOYMENTS}/group/a%00b"), &plan).expect_error(400);
}

fn scheme_of_the_token_is_case_insensitive() {
    let server = shared_server();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let value = format!("{scheme} {}", server.admin().token);
        server.http().send(&Request::get(DEVAUTH).header("Authorization", value)).expect(200);
    }
}

fn token_may_come_as_a_cookie() {
    let server = shared_server();
    let request = Request::get(DEVAUTH).header("Cookie", format!("a=b; JWT={}", server.admin().token));
    server.http().send(&request).expect(200);
}

/// Browsers send cookies along with forms of other sites.
fn cookie_counts_for_reading_only() {
    let server = shared_server();
    let cookie = format!("JWT={}", server.admin().token);
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let request = Request::new(method, format!("{DEVAUTH}/{}", unknown_uuid()));
        let answer = server.http().send(&request.header("Cookie", cookie.clone()));
        assert!(matches!(answer.status, 401 | 405), "{method}: {answer}");
    }
    server.http().send(&Request::new("POST", ARTIFACTS).header("Cookie", cookie.clone())).expect_error(401);
    let request = Request::get(DEVAUTH).header("Authorization", "Token x").header("Cookie", cookie);
    server.http().send(&request).expect_error(401);
}

fn malformed_authorization_is_401() {
    let server = shared_server();
    let token = &server.admin().token;
    let values = ["", "Bearer", "Bearer  ", "Bearer a b", "Token x", "Bearer not.a.token"].map(str::to_owned);
    for value in
        values.into_iter().chain([format!("Bearer {token} x"), format!("Bearer {token}x"), token.clone()])
    {
        let response =
            server.http().send(&Request::get(DEVAUTH).header("Authorization", value)).expect_error(401);
        assert!(response.header("WWW-Authenticate").is_some_and(|value| value.starts_with("Bearer")));
    }
    server.http().get(DEVAUTH).expect_error(401);
}

fn paging_is_checked() {
    let server = shared_server();
    for query in [
        "page=0",
        "page=-1",
        "page=x",
        "per_page=0",
        "per_page=501",
        "per_page=x",
        "page=99999999999999999999",
    ] {
        server.admin().get(&format!("{DEVAUTH}?{query}")).expect_error(400);
    }
    let past_the_end = server.admin().get(&format!("{DEVAUTH}?page=100000&per_page=500")).expect(200);
    assert_eq!(past_the_end.json(), json!([]));
}

fn options_lists_the_methods() {
    let response = shared_server().http().send(&Request::new("OPTIONS", DEVAUTH));
    assert!(matches!(response.status, 200 | 204), "{response}");
    let allowed = response.header_values("Allow").join(",");
    assert!(allowed.contains("GET") && allowed.contains("POST"), "{response}");
    assert_eq!(response.header("Access-Control-Allow-Origin"), None);
}

/// Lists that have no total, for which there is another route (management API §0.1).
const WITHOUT_TOTAL: [&str; 2] =
    ["/api/management/v2/devauth/devices", "/api/management/v2/deployments/artifacts"];

/// Lists that take a part that cannot be for the usual one (management API §0.1).
const FORGIVING: [&str; 4] = [
    "/api/management/v1/deployments/artifacts/list",
    "/api/management/v2/deployments/artifacts",
    "/api/management/v2/deployments/deployments/releases",
    "/api/management/v1/deployments/deployments/releases/list",
];

/// All lists of the server's own document that come in parts, a new one by itself.
fn every_list_is_paged_alike() {
    let server = shared_server();
    let document: Value = serde_json::from_str(&run_ok(&mut server.command(&["openapi"]))).expect("JSON");
    let is_paged = |operation: &Value| {
        let parameters = operation["get"]["parameters"].as_array();
        parameters.into_iter().flatten().any(|parameter| parameter["name"] == "per_page")
    };
    let paths = document["paths"].as_object().expect("paths").iter();
    let lists: Vec<&str> = paths
        .filter(|(path, operation)| is_paged(operation) && !path.contains('{'))
        .map(|(path, _)| path.as_str())
        .collect();
    assert!(lists.len() >= 12, "{lists:?}");
    for path in &lists {
        let part = server.admin().get(&format!("{path}?page=1&per_page=1")).expect(200);
        assert!(part.json().as_array().is_some_and(|items| items.len() <= 1), "{path}: {part}");
        let links = part.header_values("Link").join("\n");
        assert!(links.contains("rel=\"first\"") && links.contains("per_page=1"), "{path}: {links:?}");
        let total = part.header("X-Total-Count").map(str::parse::<u64>);
        assert_eq!(total.is_some(), !WITHOUT_TOTAL.contains(path), "{path}: {part}");
        assert!(total.is_none_or(|total| total.is_ok()), "{path}: {part}");
        let beyond = server.admin().get(&format!("{path}?page=100000&per_page=500")).expect(200);
        assert_eq!(beyond.json(), json!([]), "{path}");
        for wrong in ["page=0", "page=x", "per_page=-1", "per_page=0", "per_page=99999999999999999999"] {
            let answer = server.admin().get(&format!("{path}?{wrong}"));
            if FORGIVING.contains(path) {
                answer.expect(200);
            } else {
                assert_eq!(answer.expect_error(400).json()["code"], "bad_request", "{path}?{wrong}");
            }
        }
    }
}
