//! `/api/management/v1/releases/`: whose signatures on artifacts count.

use std::fs;

use harness::artifacts::KeyFiles;
use harness::device::link_target;
use harness::management::{ARTIFACTS, location_id};
use harness::names::unknown_uuid;
use harness::server::PASSWORD;
use harness::{ArtifactFile, ArtifactSpec, Management, Response, ServerSetup, TestServer};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    harness::trials![
        keys_are_added_listed_and_revoked,
        keys_that_cannot_be_are_refused,
        the_policy_decides_about_uploads,
        a_revoked_key_takes_offers_and_links_back,
        the_configuration_sets_the_first_policy,
        only_admins_decide_whom_to_trust,
    ]
}

const KEYS: &str = "/api/management/v1/releases/keys";
const POLICY: &str = "/api/management/v1/releases/policy";

fn key_body(name: &str, key: &KeyFiles) -> Value {
    json!({ "name": name, "public_key": fs::read_to_string(&key.public).expect("a public key") })
}

#[track_caller]
fn add(user: &Management, name: &str, key: &KeyFiles) -> Value {
    user.send_json("POST", KEYS, &key_body(name, key)).expect(201).json()
}

#[track_caller]
fn set_policy(user: &Management, policy: &str) {
    user.send_json("PUT", POLICY, &json!({ "signature": policy })).expect(204);
    assert_eq!(user.get(POLICY).expect(200).json(), json!({ "signature": policy }));
}

#[track_caller]
fn revoke(user: &Management, key: &Value) -> Response {
    user.send("POST", &format!("{KEYS}/{}/revoke", key["id"].as_str().expect("an id")))
}

fn signed(device_type: &str, key: &KeyFiles) -> ArtifactFile {
    let artifact = ArtifactSpec::new(device_type).write();
    artifact.sign(key);
    artifact
}

fn keys_are_added_listed_and_revoked() {
    let server = TestServer::start();
    let admin = server.admin();
    assert_eq!(admin.get(KEYS).expect(200).json(), json!([]));
    let mut ids = Vec::new();
    for (kind, algorithm) in
        [("rsa3072", "rsa-pkcs1v15-sha256"), ("p256", "ecdsa-p256-sha256-raw-rs"), ("ed25519", "ed25519")]
    {
        let files = KeyFiles::generate(kind);
        let response = admin.send_json("POST", KEYS, &key_body(kind, &files)).expect(201);
        let key = response.json();
        assert_eq!(location_id(&response), key["id"].as_str().unwrap_or_default());
        assert_eq!((&key["algorithm"], &key["status"]), (&json!(algorithm), &json!("valid")));
        assert_eq!(key["fingerprint"].as_str().map(str::len), Some(64));
        assert_eq!(key["public_key"], key_body(kind, &files)["public_key"]);
        assert_eq!(admin.get(&format!("{KEYS}/{}", location_id(&response))).expect(200).json(), key);
        ids.insert(0, key["id"].clone());
        // The same key twice would make its revocation mean nothing.
        let again = admin.send_json("POST", KEYS, &key_body("again", &files)).expect_error(409);
        assert!(again.json()["error"].as_str().is_some_and(|text| text.contains(kind)), "{again}");
    }
    let listed = admin.get(KEYS).expect(200);
    assert_eq!(listed.header("X-Total-Count"), Some("3"));
    let list = listed.json();
    let found: Vec<&Value> = list.as_array().expect("a list").iter().map(|key| &key["id"]).collect();
    assert_eq!(found, ids.iter().collect::<Vec<_>>(), "newest first");
    assert_eq!(admin.get(&format!("{KEYS}?per_page=1&page=2")).expect(200).json()[0]["id"], ids[1]);
    let me = admin.get("/api/management/v1/useradm/users/me").expect(200).json();
    let revoked = revoke(admin, &list[0]).expect(200).json();
    assert_eq!((&revoked["status"], &revoked["revoked_by"]), (&json!("revoked"), &me["id"]));
    assert_eq!(revoke(admin, &list[0]).expect(200).json(), revoked, "once is enough");
    assert_eq!(revoked["created_by"], me["id"]);
}

fn keys_that_cannot_be_are_refused() {
    let server = TestServer::start();
    let admin = server.admin();
    let files = KeyFiles::generate("p256");
    let good = key_body("key", &files);
    let private = fs::read_to_string(&files.private).expect("a private key");
    for (field, value) in [
        ("public_key", json!(private)),
        ("public_key", json!("nonsense")),
        ("public_key", json!(5)),
        ("name", json!("")),
        ("name", json!("x".repeat(257))),
        ("name", json!("a\u{0}b")),
        ("not_before", json!("yesterday")),
        ("not_after", json!("2020-01-01")),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let refused = admin.send_json("POST", KEYS, &body).expect_error(400);
        assert!(!refused.text().contains("PRIVATE"), "{refused}");
    }
    let mut backwards = good;
    backwards["not_before"] = json!("2030-01-02T00:00:00Z");
    backwards["not_after"] = json!("2030-01-01T00:00:00Z");
    admin.send_json("POST", KEYS, &backwards).expect_error(400);
    assert_eq!(admin.get(KEYS).expect(200).json(), json!([]));
    let unknown = unknown_uuid();
    admin.get(&format!("{KEYS}/{unknown}")).expect_error(404);
    admin.get(&format!("{KEYS}/x")).expect_error(400);
    admin.send("POST", &format!("{KEYS}/{unknown}/revoke")).expect_error(404);
    for policy in [json!("on"), json!(""), json!(null)] {
        admin.send_json("PUT", POLICY, &json!({ "signature": policy })).expect_error(400);
    }
    assert_eq!(admin.get(POLICY).expect(200).json(), json!({ "signature": "off" }));
}

fn the_policy_decides_about_uploads() {
    let server = TestServer::start();
    let admin = server.admin();
    let (ours, theirs) = (KeyFiles::generate("p256"), KeyFiles::generate("p256"));
    let status = |id: &str| admin.get(&format!("{ARTIFACTS}/{id}")).expect(200).json()["signature"].clone();
    let unsigned = ArtifactSpec::new("type-a").write();
    set_policy(admin, "warn");
    let id = admin.upload(&unsigned);
    assert_eq!(status(&id), json!({ "status": "unsigned", "keys": [] }));
    let foreign = signed("type-a", &theirs);
    assert_eq!(status(&admin.upload(&foreign))["status"], "untrusted");
    set_policy(admin, "require");
    let key = add(admin, "release key", &ours);
    let refused = |artifact: &ArtifactFile, code: &str| -> String {
        let refused = admin.try_upload(&artifact.bytes()).expect_error(422).json();
        assert_eq!(refused["code"], code);
        refused["error"].as_str().unwrap_or_default().to_owned()
    };
    refused(&ArtifactSpec::new("type-a").write(), "signature_required");
    let text = refused(&signed("type-a", &theirs), "signature_untrusted");
    assert!(text.contains("\"release key\""), "{text}");
    let good = signed("type-a", &ours);
    let id = admin.upload(&good);
    let signer = json!({ "id": key["id"], "name": "release key" });
    assert_eq!(status(&id), json!({ "status": "trusted", "keys": [signer] }));
    // Only what is looked at through the releases as well.
    let release = format!("/api/management/v2/deployments/deployments/releases/{}", good.name);
    let shown = admin.get(&release).expect(200).json();
    assert_eq!(shown["artifacts"][0]["signature"]["status"], "trusted");
    revoke(admin, &key).expect(200);
    assert_eq!(status(&id)["status"], "revoked");
    let text = refused(&signed("type-a", &ours), "key_revoked");
    assert!(text.contains("\"release key\""), "{text}");
    let old = KeyFiles::generate("ed25519");
    let mut body = key_body("old key", &old);
    body["not_after"] = json!("2020-01-01T00:00:00Z");
    assert_eq!(admin.send_json("POST", KEYS, &body).expect(201).json()["status"], "expired");
    refused(&signed("type-a", &old), "key_not_valid");
    assert_eq!(admin.get(ARTIFACTS).expect(200).json().as_array().map(Vec::len), Some(3));
}

fn a_revoked_key_takes_offers_and_links_back() {
    let server = TestServer::start();
    let admin = server.admin();
    let device = server.accepted_device();
    let key = KeyFiles::generate("p256");
    let trusted = add(admin, "first", &key);
    set_policy(admin, "require");
    let artifact = signed(&device.device_type, &key);
    admin.upload(&artifact);
    admin.deploy(&artifact.name, &[admin.device_id(&device)]);
    let offer = device.next_offer();
    let link = link_target(offer["artifact"]["source"]["uri"].as_str().expect("a link"));
    assert_eq!(server.http().get(&link).expect(200).body, artifact.bytes());
    revoke(admin, &trusted).expect(200);
    device.next_nothing();
    server.http().get(&link).expect_error(403);
    // As it was before, so after a start.
    server.restart();
    device.next_nothing();
    server.http().get(&link).expect_error(403);
    let refused = admin.send_json(
        "POST",
        harness::management::DEPLOYMENTS,
        &json!({ "name": "again", "artifact_name": artifact.name, "devices": [admin.device_id(&device)] }),
    );
    assert_eq!(refused.expect_error(422).json()["code"], "signature_untrusted");
    add(admin, "second", &key);
    assert_eq!(device.next_offer()["id"], offer["id"]);
    assert_eq!(server.http().get(&link).expect(200).body, artifact.bytes());
}

fn the_configuration_sets_the_first_policy() {
    let server = ServerSetup::default().env("SEALIFT_RELEASES__SIGNATURE_POLICY", "require").start();
    assert_eq!(server.admin().get(POLICY).expect(200).json(), json!({ "signature": "require" }));
    set_policy(server.admin(), "off");
    server.restart();
    assert_eq!(server.admin().get(POLICY).expect(200).json(), json!({ "signature": "off" }));
}

fn only_admins_decide_whom_to_trust() {
    let server = TestServer::start();
    let key = key_body("key", &KeyFiles::generate("ed25519"));
    for role in ["release-manager", "operator", "ci", "viewer", "enroller"] {
        let email = format!("{role}@example.com");
        server.add_user(&email, role, PASSWORD);
        let user = Management::login(server.http(), &email, PASSWORD);
        user.send_json("POST", KEYS, &key).expect_error(403);
        user.send_json("PUT", POLICY, &json!({ "signature": "off" })).expect_error(403);
        let sees = if role == "enroller" { 403 } else { 200 };
        user.get(KEYS).expect(sees);
        user.get(POLICY).expect(sees);
    }
}
