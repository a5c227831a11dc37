//! `mender-cli` 1.9 (management API §7).

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use harness::process::{run, run_ok};
use harness::server::{ADMIN, PASSWORD};
use harness::{ArtifactSpec, Peer, TestServer, management, shared_server};
use libtest_mimic::Trial;

const PEERS: &[Peer] = &[Peer::MenderCli];

pub(crate) fn trials() -> Vec<Trial> {
    harness::peer_trials![PEERS;
        login_upload_list_delete,
        wrong_password_is_told,
        refused_upload_is_told,
        devices_are_listed,
        missing_token_is_told,
        slash_after_the_server_is_harmless,
    ]
}

/// Runs the tool with a server, a token file and a trusted CA.
fn cli(server: &TestServer, token: &Path, url: &str, args: &[&str]) -> Command {
    let mut command = Command::new("mender-cli");
    command
        .args(args)
        .args(["--server", url, "--token"])
        .arg(token)
        .env("SSL_CERT_FILE", server.ca())
        .env("HOME", token.parent().expect("a folder"))
        .current_dir(token.parent().expect("a folder"));
    command
}

#[track_caller]
fn logged_in(server: &TestServer, dir: &Path) -> std::path::PathBuf {
    let token = dir.join("token");
    run_ok(&mut cli(server, &token, &server.url(), &["login", "--username", ADMIN, "--password", PASSWORD]));
    token
}

fn login_upload_list_delete() {
    let server = shared_server();
    let artifact = ArtifactSpec::new("cli-type").write();
    let token = logged_in(server, artifact.dir());
    assert_eq!(fs::read_to_string(&token).expect("the token").split('.').count(), 3);
    let url = server.url();
    let file = artifact.path.to_str().expect("UTF-8");
    let upload = ["artifacts", "upload", "--no-progress", "--description", "by the CLI", file];
    run_ok(&mut cli(server, &token, &url, &upload));
    for detail in ["0", "1", "2", "3"] {
        let list = run_ok(&mut cli(server, &token, &url, &["artifacts", "list", "-d", detail]));
        assert!(list.contains(&artifact.name), "detail {detail}: {list}");
    }
    let query = format!("{}?name={}", management::ARTIFACTS, artifact.name);
    let found = server.admin().get(&query).expect(200).json();
    assert_eq!(found[0]["description"], "by the CLI");
    let id = found[0]["id"].as_str().expect("an id");
    run_ok(&mut cli(server, &token, &url, &["artifacts", "delete", id]));
    let list = run_ok(&mut cli(server, &token, &url, &["artifacts", "list"]));
    assert!(!list.contains(&artifact.name), "{list}");
    server.admin().get(&format!("{}/{id}", management::ARTIFACTS)).expect(404);
}

fn wrong_password_is_told() {
    let server = shared_server();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let args = ["login", "--username", ADMIN, "--password", "not her password"];
    let output = run(&mut cli(server, &dir.path().join("token"), &server.url(), &args));
    assert!(!output.status.success());
    assert!(all(&output).contains("401"), "{}", all(&output));
}

fn refused_upload_is_told() {
    let server = shared_server();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let token = logged_in(server, dir.path());
    let file = dir.path().join("no.mender");
    fs::write(&file, vec![b'x'; 200_000]).expect("writable");
    let args = ["artifacts", "upload", "--no-progress", file.to_str().expect("UTF-8")];
    let output = run(&mut cli(server, &token, &server.url(), &args));
    assert!(!output.status.success());
    assert!(all(&output).contains("400"), "{}", all(&output));
}

fn devices_are_listed() {
    // A server of its own: the tool shows the first twenty devices only.
    let server = TestServer::start();
    let device = server.accepted_device();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let token = logged_in(&server, dir.path());
    let id = server.admin().device_id(&device);
    for args in [&["devices", "list"][..], &["devices", "list", "-r"], &["devices", "list", "-d", "3"]] {
        let list = run_ok(&mut cli(&server, &token, &server.url(), args));
        assert!(list.contains(&id), "{args:?}: {list}");
    }
}

fn missing_token_is_told() {
    let server = shared_server();
    let artifact = ArtifactSpec::new("cli-type").write();
    let token = artifact.dir().join("token");
    fs::write(&token, "not.a.token").expect("writable");
    let file = artifact.path.to_str().expect("UTF-8");
    let args = ["artifacts", "upload", "--no-progress", file];
    let output = run(&mut cli(server, &token, &server.url(), &args));
    assert!(!output.status.success());
    assert!(all(&output).contains("Unauthorized"), "{}", all(&output));
}

fn slash_after_the_server_is_harmless() {
    let server = shared_server();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let token = logged_in(server, dir.path());
    run_ok(&mut cli(server, &token, &format!("{}/", server.url()), &["artifacts", "list"]));
}

fn all(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned()
}
