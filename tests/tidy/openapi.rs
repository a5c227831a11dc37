//! Every public route is in the API document, and the document lists no other.

use std::collections::BTreeSet;

use harness::binaries::sealift;
use harness::process::run_ok;
use libtest_mimic::Trial;
use serde_json::Value;

use crate::source::{expect_none, place, rust_files};

pub(crate) fn trials() -> Vec<Trial> {
    harness::trials![every_route_is_documented, every_operation_is_complete, schemas_have_names_of_their_own]
}

fn every_route_is_documented() {
    let document = document();
    let mut documented = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        let methods = operations.as_object().expect("operations").keys();
        documented.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    let table = rust_files()
        .into_iter()
        .find(|file| file.path == "server/src/http/routes.rs")
        .expect("the route table");
    let routed: BTreeSet<String> = table.code().filter_map(|(_, line)| route(line)).collect();
    assert!(!routed.is_empty(), "the route table names no path");
    let missing: Vec<String> = routed.difference(&documented).cloned().collect();
    expect_none("routes that the document does not know", &missing);
    let extra: Vec<String> = documented.difference(&routed).cloned().collect();
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

/// Two types of one name would share the description of one of them.
fn schemas_have_names_of_their_own() {
    let mut names = BTreeSet::new();
    let mut complaints = Vec::new();
    for file in rust_files().iter().filter(|file| file.is_below("server/src/http")) {
        let mut is_schema = false;
        for (at, line) in file.code() {
            is_schema |= line.contains("ToSchema");
            let name = line.split_once("struct ").or(line.split_once("enum ")).map(|(_, rest)| rest);
            let Some(name) = name.filter(|_| is_schema) else { continue };
            is_schema = false;
            let name: String = name.chars().take_while(|letter| letter.is_alphanumeric()).collect();
            if !names.insert(name) {
                complaints.push(place(file, at, line));
            }
        }
    }
    assert!(names.len() > 30, "{names:?}");
    expect_none("a schema has a name of its own", &complaints);
}

fn document() -> Value {
    serde_json::from_str(&run_ok(sealift().arg("openapi"))).expect("the document is JSON")
}

/// Returns method and path of a line of the route table: `GET "/path" => handler;`.
fn route(line: &str) -> Option<String> {
    let (method, rest) = line.trim().split_once(" \"")?;
    let (path, rest) = rest.split_once('"')?;
    let is_row = method.chars().all(|c| c.is_ascii_uppercase()) && rest.trim_start().starts_with("=>");
    is_row.then(|| format!("{method} {path}"))
}
