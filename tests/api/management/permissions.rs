//! No request without its permission: every documented route with no, with a wrong and with too weak a
//! credential. The routes come from the server's own document, so that a new one is covered.

use harness::process::run_ok;
use harness::server::PASSWORD;
use harness::{Management, Request, TestServer, shared_server};
use libtest_mimic::Trial;
use serde_json::Value;

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        nobody_gets_past_401,
        device_tokens_open_no_user_route,
        user_tokens_open_no_device_route,
        viewer_changes_nothing,
        viewer_reads,
    ]
}

/// Routes that need no session of a user or device.
const PUBLIC: [&str; 8] = [
    "/health/",
    "/openapi.json",
    "/docs",
    "/.well-known/",
    "/api/devices/v1/authentication/auth_requests",
    "/api/devices/v1/deployments/download/",
    "/api/management/v1/useradm/auth/login",
    "/api/management/v1/setup",
];
/// Routes that belong to everyone who is logged in.
const OWN: [&str; 5] = [
    "/useradm/auth/logout",
    "/useradm/auth/step-up",
    "/useradm/sessions/",
    "/useradm/users/me",
    "/useradm/2faverify",
];

struct Route {
    method: String,
    path: String,
}

impl Route {
    fn is_public(&self) -> bool {
        // The last one is behind a signed link.
        PUBLIC.iter().any(|start| self.path.starts_with(start)) || self.path.ends_with("/content")
    }

    fn is_of_devices(&self) -> bool {
        self.path.starts_with("/api/devices/")
    }

    fn request(&self) -> Request {
        Request::new(&self.method, &self.path)
            .header("Content-Type", "application/json")
            .header("Content-Length", "0")
    }
}

/// Returns every route of the document, with an unknown id for each parameter.
#[track_caller]
fn routes(server: &TestServer) -> Vec<Route> {
    let document: Value = serde_json::from_str(&run_ok(&mut server.command(&["openapi"]))).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let mut routes = Vec::new();
    for (template, operations) in paths {
        let mut path = String::new();
        for part in template.split_inclusive('/') {
            let (name, slash) = part.strip_suffix('/').map_or((part, ""), |name| (name, "/"));
            path += if name.starts_with('{') { "0191d3c0-0000-7000-8000-000000000000" } else { name };
            path += slash;
        }
        for method in operations.as_object().expect("operations").keys() {
            if ["get", "put", "post", "delete", "patch", "head"].contains(&method.as_str()) {
                routes.push(Route { method: method.to_uppercase(), path: path.clone() });
            }
        }
    }
    assert!(routes.len() > 40, "the document lists {} routes only", routes.len());
    routes
}

fn nobody_gets_past_401() {
    let server = shared_server();
    for route in routes(server).iter().filter(|route| !route.is_public()) {
        let response = server.http().send(&route.request());
        eprintln!("{} {}: {}", route.method, route.path, response.status);
        if route.is_of_devices() {
            response.expect_session_refused();
        } else if route.method == "HEAD" {
            response.expect(401);
        } else {
            response.expect_error(401);
        }
    }
}

fn device_tokens_open_no_user_route() {
    let server = shared_server();
    let device = server.accepted_device();
    let token = device.token.as_deref().expect("a token");
    for route in routes(server).iter().filter(|route| !route.is_public() && !route.is_of_devices()) {
        server.http().send(&route.request().bearer(token)).expect(401);
    }
}

fn user_tokens_open_no_device_route() {
    let server = shared_server();
    for route in routes(server).iter().filter(|route| !route.is_public() && route.is_of_devices()) {
        server.http().send(&route.request().bearer(&server.admin().token)).expect_session_refused();
    }
}

fn viewer_changes_nothing() {
    let server = shared_server();
    let viewer = viewer(server, "viewer-of-changes@example.com");
    for route in routes(server).iter().filter(|route| !route.is_public() && !route.is_of_devices()) {
        let changes = route.method != "GET" && route.method != "HEAD";
        // Two questions are asked by POST.
        let asks = route.path.ends_with("/search") || route.path.ends_with("/statistics/list");
        if changes
            && !asks
            && !OWN.iter().any(|part| route.path.contains(part))
            && !route.path.contains("/settings")
        {
            eprintln!("{} {}", route.method, route.path);
            server.http().send(&route.request().bearer(&viewer.token)).expect_error(403);
        }
    }
}

fn viewer_reads() {
    let server = shared_server();
    let viewer = viewer(server, "viewer-of-lists@example.com");
    for path in [
        harness::management::DEVAUTH,
        harness::management::INVENTORY,
        harness::management::ARTIFACTS,
        harness::management::DEPLOYMENTS,
        "/api/management/v1/useradm/users/me",
    ] {
        viewer.get(path).expect(200);
    }
}

#[track_caller]
fn viewer(server: &TestServer, email: &str) -> Management {
    server.add_user(email, "viewer", PASSWORD);
    Management::login(server.http(), email, PASSWORD)
}
