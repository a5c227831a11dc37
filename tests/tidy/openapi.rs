//! Every public route is in the API document, and the document lists no other.

use std::collections::BTreeSet;
use std::process::Command;

use harness::binaries::sealift;
use harness::process::run_ok;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::source::{expect_none, rust_files};

pub(crate) fn trials() -> Vec<Trial> {
    harness::trials![every_route_is_documented, every_operation_is_complete]
}

fn every_route_is_documented() {
    let document = document();
    let documented: BTreeSet<String> =
        document["paths"].as_object().expect("paths").keys().map(|path| plain(path)).collect();
    let mut routed = BTreeSet::new();
    for file in rust_files().iter().filter(|file| file.is_below("server/src/http")) {
        let is_table = file.path.ends_with("/routes.rs") || file.path.contains("/routes/");
        for (_, line) in file.code().filter(|_| is_table) {
            routed.extend(
                line.split('"').skip(1).step_by(2).filter(|text| text.starts_with("/api/")).map(plain),
            );
        }
    }
    assert!(!routed.is_empty(), "the route table names no path");
    let missing: Vec<String> = routed.difference(&documented).cloned().collect();
    expect_none("routes that the document does not know", &missing);
    let extra: Vec<String> = documented
        .iter()
        .filter(|path| path.starts_with("/api/") && !routed.contains(*path))
        .cloned()
        .collect();
    expect_none("documented routes that do not exist", &extra);
}

fn every_operation_is_complete() {
    let document = document();
    let mut complaints = Vec::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let summary =
                operation["summary"].as_str().or(operation["description"].as_str()).unwrap_or_default();
            if summary.is_empty() {
                complaints.push(format!("{method} {path} has no summary"));
            }
            if operation["responses"].as_object().is_none_or(serde_json::Map::is_empty) {
                complaints.push(format!("{method} {path} has no responses"));
            }
        }
    }
    expect_none("an operation says what it does and what it answers", &complaints);
}

fn document() -> Value {
    serde_json::from_str(&run_ok(Command::new(sealift()).arg("openapi"))).expect("the document is JSON")
}

/// Returns a path with its parameters unnamed.
fn plain(path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "{}".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}
