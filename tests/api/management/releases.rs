//! Releases: all artifacts of one name (management API §4.2).

use harness::names::unique;
use harness::{ArtifactSpec, Management, TestServer, shared_server};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        release_lists_its_artifacts,
        releases_are_listed_and_counted,
        notes_are_kept,
        tags_are_kept_in_small_letters,
        tags_narrow_and_sort_lists,
        different_tags_are_limited,
        types_and_narrowing_by_what_artifacts_say,
        software_is_the_list_of_releases,
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
    let admin = shared_server().admin();
    let path = format!("{RELEASES}/{}", unique("release"));
    admin.get(&path).expect_error(404);
    admin.send_json("PATCH", &path, &json!({"notes": "n"})).expect_error(404);
    admin.send_json("PUT", &format!("{path}/tags"), &json!(["a"])).expect_error(404);
}

/// Uploads an artifact for one device type; returns the path of its release.
#[track_caller]
fn release(admin: &Management, name: &str, device_type: &str) -> String {
    admin.upload(&ArtifactSpec::new(device_type).name(name).write());
    format!("{RELEASES}/{name}")
}

/// The names in a list, in its order.
#[track_caller]
fn names(admin: &Management, target: &str) -> Vec<String> {
    let list = admin.get(target).expect(200);
    let names: Vec<String> = list
        .json()
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["name"].as_str().or(one["Name"].as_str()).expect("a name").to_owned())
        .collect();
    if let Some(total) = list.header("X-Total-Count") {
        assert_eq!(total, names.len().to_string(), "{target}");
    }
    names
}

fn notes_are_kept() {
    let admin = shared_server().admin();
    let name = unique("release");
    let path = release(admin, &name, "type-a");
    let before = admin.get(&path).expect(200).json();
    admin.send_json("PATCH", &path, &json!({"notes": "line 1\nline 2 \u{e4}"})).expect(204);
    let after = admin.get(&path).expect(200).json();
    assert_eq!(after["notes"], "line 1\nline 2 \u{e4}");
    assert!(after["modified"].as_str() > before["modified"].as_str(), "{before} {after}");
    let old = admin.get(&format!("/api/management/v1/deployments/deployments/releases?name={name}"));
    assert_eq!(old.expect(200).json()[0]["notes"], "line 1\nline 2 \u{e4}");
    // What is not named stays, also when another artifact joins the release.
    admin.send_json("PATCH", &path, &json!({})).expect_error(400);
    release(admin, &name, "type-b");
    assert_eq!(admin.get(&path).expect(200).json()["notes"], "line 1\nline 2 \u{e4}");
    for wrong in
        [json!({"notes": "x".repeat(1025)}), json!({"notes": "\u{7}"}), json!({"notes": 1}), json!([])]
    {
        admin.send_json("PATCH", &path, &wrong).expect_error(400);
    }
    admin.send_json("PATCH", &path, &json!({"notes": ""})).expect(204);
    assert_eq!(admin.get(&path).expect(200).json()["notes"], "");
}

fn tags_are_kept_in_small_letters() {
    let admin = shared_server().admin();
    let name = unique("release");
    let path = release(admin, &name, "type-a");
    let tags = format!("{path}/tags");
    admin.send_json("PUT", &tags, &json!(["Stable", "edge_1", "stable", "v1.0-x"])).expect(204);
    let expected = json!(["edge_1", "stable", "v1.0-x"]);
    assert_eq!(admin.get(&path).expect(200).json()["tags"], expected);
    for old in ["", "/list"] {
        let path = format!("/api/management/v1/deployments/deployments/releases{old}?name={name}");
        assert_eq!(admin.get(&path).expect(200).json()[0]["tags"], expected);
    }
    let many: Vec<String> = (0..21).map(|at| format!("t{at}")).collect();
    for wrong in
        [json!(["a b"]), json!([""]), json!(["\u{e4}"]), json!([1]), json!("a"), json!({}), json!(many)]
    {
        admin.send_json("PUT", &tags, &wrong).expect_error(400);
    }
    assert_eq!(admin.get(&path).expect(200).json()["tags"], expected, "a refusal changes nothing");
    admin.send_json("PUT", &tags, &json!(["edge_1"])).expect(204);
    assert_eq!(admin.get(&path).expect(200).json()["tags"], json!(["edge_1"]));
    // They go with the release.
    admin.send("DELETE", &format!("{RELEASES}?name={name}")).expect(204);
    release(admin, &name, "type-a");
    assert_eq!(admin.get(&path).expect(200).json()["tags"], json!([]));
}

fn tags_narrow_and_sort_lists() {
    let admin = shared_server().admin();
    let stem = unique("tagged");
    let (one, two) = (unique("a"), unique("b"));
    let name = |letter: &str| format!("{stem}-{letter}");
    for (letter, tags) in [("p", vec![&two]), ("q", vec![&one, &two]), ("r", vec![&one]), ("s", vec![])] {
        let path = release(admin, &name(letter), "type-a");
        admin.send_json("PUT", &format!("{path}/tags"), &json!(tags)).expect(204);
    }
    let list = |query: &str| names(admin, &format!("{RELEASES}?name={stem}&{query}"));
    assert_eq!(list(&format!("tag={one}")), [name("q"), name("r")]);
    assert_eq!(list(&format!("tag={}", two.to_uppercase())), [name("p"), name("q")]);
    assert_eq!(list(&format!("tag={one}&tag={two}")), [name("p"), name("q"), name("r")], "any of them");
    assert!(list("tag=nobody-has-this").is_empty());
    assert_eq!(list("sort=tags:asc"), [name("s"), name("q"), name("r"), name("p")]);
    assert_eq!(list("sort=tags:desc"), [name("p"), name("q"), name("r"), name("s")]);
    let old = format!("/api/management/v1/deployments/deployments/releases/list?name={stem}&tag={one}");
    assert_eq!(names(admin, &old), [name("q"), name("r")]);
    let all = admin.get("/api/management/v2/deployments/releases/all/tags").expect(200).json();
    let all = all.as_array().expect("a list").clone();
    for tag in [&one, &two] {
        assert_eq!(all.iter().filter(|known| *known == tag).count(), 1, "{tag} once in {all:?}");
    }
}

fn different_tags_are_limited() {
    let server = TestServer::start();
    let admin = server.admin();
    let tags = |from: usize, count: usize| {
        json!((from..from + count).map(|at| format!("t{at}")).collect::<Vec<_>>())
    };
    for (letter, from) in [("a", 0), ("b", 20), ("c", 40), ("d", 60), ("e", 80)] {
        let path = release(admin, letter, "type-a");
        admin.send_json("PUT", &format!("{path}/tags"), &tags(from, 20)).expect(204);
    }
    let path = release(admin, "f", "type-a");
    admin.send_json("PUT", &format!("{path}/tags"), &tags(100, 1)).expect_error(409);
    assert_eq!(admin.get(&path).expect(200).json()["tags"], json!([]));
    // Those that others have already cost nothing, and what is given back is free again.
    admin.send_json("PUT", &format!("{path}/tags"), &tags(70, 20)).expect(204);
    admin.send_json("PUT", &format!("{RELEASES}/a/tags"), &tags(0, 19)).expect(204);
    admin.send_json("PUT", &format!("{path}/tags"), &tags(100, 1)).expect(204);
    let all = admin.get("/api/management/v2/deployments/releases/all/tags").expect(200).json();
    assert_eq!(all.as_array().map(Vec::len), Some(100));
}

fn types_and_narrowing_by_what_artifacts_say() {
    let server = TestServer::start();
    let admin = server.admin();
    let types = "/api/management/v2/deployments/releases/all/types";
    assert_eq!(admin.get(types).expect(200).json(), json!([]));
    release(admin, "both", "board-a");
    release(admin, "both", "board-b");
    release(admin, "one", "board-b");
    let found = admin.get(types).expect(200).json();
    let shown = admin.get(&format!("{RELEASES}/one")).expect(200).json();
    let kind = shown["artifacts"][0]["updates"][0]["type_info"]["type"].clone();
    assert_eq!(found, json!([kind]));
    let list = |query: &str| names(admin, &format!("{RELEASES}?{query}"));
    assert_eq!(list(&format!("update_type={}", kind.as_str().expect("a type"))), ["both", "one"]);
    assert!(list("update_type=other").is_empty());
    assert_eq!(list("device_type=ARD-A"), ["both"]);
    assert_eq!(list("device_type=board-b"), ["both", "one"]);
    assert!(list("device_type=board-a&update_type=other").is_empty());
    assert!(list("device_type=%25").is_empty());
    let id = shown["artifacts"][0]["id"].as_str().expect("an id");
    let path = format!("{}/{id}", harness::management::ARTIFACTS);
    admin.send_json("PUT", &path, &json!({"description": "For the lab"})).expect(204);
    assert_eq!(list("description=LAB"), ["one"]);
}

fn software_is_the_list_of_releases() {
    let admin = shared_server().admin();
    let (stem, tag) = (unique("soft"), unique("tag"));
    let name = |letter: &str| format!("{stem}-{letter}");
    release(admin, &name("a"), "type-b");
    release(admin, &name("a"), "type-a");
    let tagged = release(admin, &name("b"), "type-a");
    admin.send_json("PUT", &format!("{tagged}/tags"), &json!([tag])).expect(204);
    let software = "/api/management/v1alpha1/deployments/software";
    let list: Value = admin.get(&format!("{software}?name_prefix={stem}")).expect(200).json();
    assert_eq!(list[0]["name"], name("a"));
    assert_eq!(list[0]["kind"], "release");
    assert_eq!(list[0]["compatible_types"], json!(["type-a", "type-b"]));
    assert_eq!(list[1]["tags"], json!([tag]));
    assert_eq!(
        names(admin, &format!("{software}?name={}&name={}", name("a"), name("b"))),
        [name("a"), name("b")]
    );
    assert_eq!(names(admin, &format!("{software}?tag={tag}&kind=release")), [name("b")]);
    assert!(names(admin, &format!("{software}?name_prefix={stem}&kind=manifest")).is_empty());
    for wrong in ["name=a&name_prefix=b", "kind=thing", "page=0", "per_page=501"] {
        admin.get(&format!("{software}?{wrong}")).expect_error(400);
    }
    let tags = admin.get(&format!("{software}/tags")).expect(200).json();
    assert!(tags.as_array().expect("a list").contains(&json!(tag)));
}
