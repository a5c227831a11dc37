//! Releases: all artifacts of one name (management API §4.2).

use harness::names::unique;
use harness::{ArtifactSpec, shared_server};
use libtest_mimic::Trial;
use serde_json::json;

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        release_lists_its_artifacts,
        releases_are_listed_and_counted,
        unknown_release_is_404
    ]
}

const RELEASES: &str = "/api/management/v2/deployments/deployments/releases";

fn release_lists_its_artifacts() {
    let server = shared_server();
    let artifact = ArtifactSpec::new("type-a").write();
    let id = server.admin().upload(&artifact);
    let release = server.admin().get(&format!("{RELEASES}/{}", artifact.name)).expect(200).json();
    assert_eq!(release["name"], artifact.name);
    assert_eq!(release["artifacts_count"], 1);
    assert_eq!(release["artifacts"][0]["id"], id);
    assert_eq!(release["tags"], json!([]));
    assert_eq!(release["notes"], "");
    assert!(release["modified"].is_string());
}

fn releases_are_listed_and_counted() {
    let server = shared_server();
    let stem = unique("stem");
    for letter in ["a", "b", "c"] {
        server.admin().upload(&ArtifactSpec::new("type-a").name(&format!("{stem}-{letter}")).write());
    }
    let list = server.admin().get(&format!("{RELEASES}?name={stem}&per_page=2&sort=name:desc")).expect(200);
    assert_eq!(list.header("X-Total-Count"), Some("3"));
    assert!(list.header_values("Link").iter().any(|link| link.contains("rel=\"next\"")));
    let list = list.json();
    assert_eq!(list.as_array().map(Vec::len), Some(2));
    assert_eq!(list[0]["name"], format!("{stem}-c"));
}

fn unknown_release_is_404() {
    shared_server().admin().get(&format!("{RELEASES}/{}", unique("release"))).expect_error(404);
}
