//! `/api/management/v1/deployments/artifacts/generate` (management API §4.1).

use std::fs;
use std::path::Path;

use harness::device::link_target;
use harness::management::ARTIFACTS;
use harness::names::unique;
use harness::process::{run, run_ok};
use harness::{Multipart, Peer, Response, ServerSetup, TestServer, shared_server};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = harness::storage_trials![
        a_file_becomes_an_artifact,
        what_cannot_become_one_is_refused_and_leaves_nothing,
        large_files_are_limited,
    ];
    trials.extend(harness::peer_trials![&[Peer::MenderArtifact]; the_original_tool_reads_it]);
    trials
}

const GENERATE: &str = "/api/management/v1/deployments/artifacts/generate";

/// The form as consoles send it, the file last.
fn form(fields: &[(&str, &str)], file: Option<&[u8]>) -> Multipart {
    let form = fields.iter().fold(Multipart::new(), |form, (name, value)| form.field(name, value));
    file.into_iter().fold(form, |form, content| form.file("file", content))
}

fn fields<'a>(name: &'a str, args: &'a str) -> [(&'a str, &'a str); 6] {
    [
        ("name", name),
        ("description", "made here"),
        ("size", "1"),
        ("device_types_compatible", "board, gateway"),
        ("type", "single_file"),
        ("args", args),
    ]
}

fn send(server: &TestServer, form: Multipart) -> Response {
    server.http().send(&form.into_request(server.admin().request("POST", GENERATE)))
}

fn args() -> String {
    json!({ "filename": "app.conf", "dest_dir": "/etc/app", "software_filesystem": "data" }).to_string()
}

/// Makes an artifact; returns its path.
fn generate(server: &TestServer, name: &str, content: &[u8]) -> String {
    let made = send(server, form(&fields(name, &args()), Some(content))).expect(201);
    assert!(made.body.is_empty());
    let location = made.header("Location").expect("a location").to_owned();
    assert!(location.starts_with(&format!("{GENERATE}/")), "{location}");
    // What consoles do with it.
    location.replace("/generate", "")
}

fn a_file_becomes_an_artifact() {
    let server = shared_server();
    let name = unique("generated");
    let content = vec![b'x'; 300_000];
    let path = generate(server, &name, &content);
    let shown = server.admin().get(&path).expect(200).json();
    assert_eq!(
        (&shown["name"], &shown["description"], &shown["signed"]),
        (&json!(name), &json!("made here"), &json!(false))
    );
    assert_eq!(shown["device_types_compatible"], json!(["board", "gateway"]));
    assert_eq!(shown["updates"][0]["type_info"]["type"], "single-file");
    let files = shown["updates"][0]["files"].as_array().expect("files");
    let sizes: Vec<(&Value, &Value)> = files.iter().map(|file| (&file["name"], &file["size"])).collect();
    assert!(sizes.contains(&(&json!("app.conf"), &json!(300_000))), "{sizes:?}");
    for helper in ["dest_dir", "filename", "permissions"] {
        assert!(sizes.iter().any(|(name, _)| **name == json!(helper)), "{helper}");
    }
    assert_eq!(shown["artifact_provides"]["data.single-file.version"], json!(name));
    // It is a release like any other, and the same once more is a conflict.
    send(server, form(&fields(&name, &args()), Some(&content))).expect_error(409);
    let mut device = server.accepted_device();
    "gateway".clone_into(&mut device.device_type);
    server.admin().deploy(&name, &[server.admin().device_id(&device)]);
    assert_eq!(device.next_offer()["artifact"]["artifact_name"], json!(name));
}

fn what_cannot_become_one_is_refused_and_leaves_nothing() {
    let server = TestServer::start();
    let name = unique("refused");
    let good = args();
    let with = |key: &str, value: &str| {
        let mut all = fields(&name, &good).map(|(key, value)| (key.to_owned(), value.to_owned()));
        for field in &mut all {
            if field.0 == key {
                value.clone_into(&mut field.1);
            }
        }
        let all: Vec<(&str, &str)> = all.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        send(&server, form(&all, Some(b"content")))
    };
    for (key, value) in [
        ("name", ""),
        ("device_types_compatible", " , "),
        ("type", "rootfs"),
        ("args", "no JSON"),
        ("args", "{}"),
        ("args", r#"{"filename": "../shadow", "dest_dir": "/etc"}"#),
        ("args", r#"{"filename": "dest_dir", "dest_dir": "/etc"}"#),
        ("args", r#"{"filename": "a", "dest_dir": "etc"}"#),
    ] {
        with(key, value).expect_error(400);
    }
    send(&server, form(&fields(&name, &good), None)).expect_error(400);
    server.admin().send_json("POST", GENERATE, &json!({})).expect_error(415);
    assert_eq!(server.admin().get(ARTIFACTS).expect(200).json(), json!([]));
    let left: Vec<_> = fs::read_dir(server.data_dir().join("blobs/tmp")).expect("a folder").collect();
    assert!(left.is_empty(), "{left:?}");
    // Who asks for signatures gets no artifact that has none.
    let policy = json!({ "signature": "require" });
    server.admin().send_json("PUT", "/api/management/v1/releases/policy", &policy).expect_success();
    let refused = send(&server, form(&fields(&name, &good), Some(b"content"))).expect_error(422);
    assert_eq!(refused.json()["code"], "signature_required");
}

fn large_files_are_limited() {
    let server = ServerSetup::default().env("SEALIFT_LIMITS__MAX_ARTIFACT_BYTES", "1048576").start();
    let large = vec![b'x'; 2_000_000];
    let (name, args) = (unique("large"), args());
    send(&server, form(&fields(&name, &args), Some(&large))).expect_error(413);
    generate(&server, &name, &large[..500_000]);
}

fn the_original_tool_reads_it() {
    let server = shared_server();
    let name = unique("generated");
    let path = generate(server, &name, b"port = 80\n");
    let link = server.admin().get(&format!("{path}/download")).expect(200).json();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("made.mender");
    let target = link_target(link["uri"].as_str().expect("a link"));
    fs::write(&file, server.http().get(&target).expect(200).body).expect("writable");
    let read = run_ok(&mut mender_artifact(&["read"], &file));
    for part in [name.as_str(), "single-file", "app.conf", "board", "gateway"] {
        assert!(read.contains(part), "{part} in {read}");
    }
    assert!(run(&mut mender_artifact(&["validate"], &file)).status.success());
}

fn mender_artifact(args: &[&str], file: &Path) -> std::process::Command {
    let mut command = std::process::Command::new("mender-artifact");
    command.args(args).arg(file);
    command
}
