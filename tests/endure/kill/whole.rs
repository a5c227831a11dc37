//! What must hold of the server as a whole after each start.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use harness::management::{ARTIFACTS, DEVAUTH};
use harness::process::run;
use harness::{Request, TestServer};
use serde_json::Value;

use super::line::Line;

/// Looks at a stopped data directory with `sealift check`, which also has SQLite check the whole file.
#[track_caller]
pub(super) fn check(server: &TestServer) {
    let output = run(&mut server.command(&["check", "--audit"]));
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "`sealift check` is not content: {text}");
}

/// Returns the ids of all artifacts by name.
pub(super) fn artifacts(token: &str, line: &mut Line) -> BTreeMap<String, String> {
    let request = Request::get(format!("{ARTIFACTS}/list?per_page=500")).bearer(token);
    let listed = line.expect(&request, 200).expect("the server is up").json();
    let listed = listed.as_array().expect("a list");
    assert!(listed.len() < 500, "more artifacts than one part of the list holds");
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let by_name: BTreeMap<_, _> = listed.iter().map(|one| (text(&one["name"]), text(&one["id"]))).collect();
    assert_eq!(by_name.len(), listed.len(), "an artifact is listed twice");
    by_name
}

/// Compares the counters of devices with their rows.
pub(super) fn counters(listed: &BTreeMap<String, Value>, token: &str, line: &mut Line) {
    for status in ["pending", "accepted", "rejected"] {
        let request = Request::get(format!("{DEVAUTH}/count?status={status}")).bearer(token);
        let counted = line.expect(&request, 200).expect("the server is up").json();
        let rows = listed.values().filter(|device| device["status"] == status).count();
        assert_eq!(counted["count"], rows, "{status} devices");
    }
}

/// Compares the files of the blob store with the digests that must be there, again and again until they agree or
/// patience is over.
pub(super) fn blobs(server: &TestServer, mut expected: Vec<String>, patience: Duration) {
    expected.sort();
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline && stored(server) != expected {
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(stored(server), expected, "files of the blob store, and artifacts");
}

fn stored(server: &TestServer) -> Vec<String> {
    let digest = |file: &PathBuf| file.display().to_string().replacen('/', "", 1);
    let mut found: Vec<String> = server.blob_files().iter().map(digest).collect();
    found.sort();
    found
}
