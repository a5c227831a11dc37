//! Health and the API document.

use harness::shared_server;
use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![health_is_open_to_all, openapi_is_served, metrics_are_off]
}

fn health_is_open_to_all() {
    let http = shared_server().http();
    for path in ["/health/live", "/health/ready"] {
        http.get(path).expect_success();
    }
}

fn openapi_is_served() {
    let document = shared_server().http().get("/openapi.json").expect(200);
    assert!(document.header("Content-Type").is_some_and(|kind| kind.starts_with("application/json")));
    let document = document.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")));
    assert!(document["paths"].as_object().is_some_and(|paths| paths.len() > 20));
}

fn metrics_are_off() {
    shared_server().http().get("/metrics").expect(404);
}
