//! `mender-cli` 1.9 (management API §7).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use harness::names::unique;
use harness::process::{run, run_ok};
use harness::server::{ADMIN, PASSWORD};
use harness::{ArtifactSpec, Authenticator, Management, Peer, TestServer, management, shared_server};
use libtest_mimic::Trial;

const PEERS: &[Peer] = &[Peer::MenderCli];

pub(crate) fn trials() -> Vec<Trial> {
    harness::peer_trials![PEERS;
        login_upload_list_delete,
        second_factor_is_asked_for_and_taken,
        wrong_password_is_told,
        refused_upload_is_told,
        devices_are_listed,
        what_needs_a_connected_device_says_so,
        wrong_token_is_told,
        slash_after_the_server_is_harmless,
    ]
}

/// Runs the tool on a server with a trusted CA; its session is below `home`. The option `--token FILE`
/// is understood by its `login` only, whatever its help says.
fn cli(server: &TestServer, home: &Path, url: &str, args: &[&str]) -> Command {
    let mut command = Command::new("mender-cli");
    command
        .args(args)
        .args(["--server", url])
        .env("SSL_CERT_FILE", server.ca())
        .env("HOME", home)
        .env_remove("XDG_CACHE_HOME")
        .current_dir(home);
    command
}

/// Logs in; returns the file with the token.
#[track_caller]
fn log_in(server: &TestServer, home: &Path) -> PathBuf {
    run_ok(&mut cli(server, home, &server.url(), &["login", "--username", ADMIN, "--password", PASSWORD]));
    home.join(".cache/mender/authtoken")
}

fn login_upload_list_delete() {
    let server = shared_server();
    let artifact = ArtifactSpec::new("cli-type").write();
    let (home, url) = (artifact.dir(), server.url());
    let token = log_in(server, home);
    assert_eq!(fs::read_to_string(&token).expect("the token").split('.').count(), 3);
    let file = artifact.path.to_str().expect("UTF-8");
    let upload = ["artifacts", "upload", "--no-progress", "--description", "by the CLI", file];
    run_ok(&mut cli(server, home, &url, &upload));
    for detail in ["0", "1", "2", "3"] {
        let list = run_ok(&mut cli(server, home, &url, &["artifacts", "list", "-d", detail]));
        assert!(list.contains(&artifact.name), "detail {detail}: {list}");
    }
    let query = format!("{}?name={}", management::ARTIFACTS, artifact.name);
    let found = server.admin().get(&query).expect(200).json();
    assert_eq!(found[0]["description"], "by the CLI");
    let id = found[0]["id"].as_str().expect("an id");
    run_ok(&mut cli(server, home, &url, &["artifacts", "delete", id]));
    let list = run_ok(&mut cli(server, home, &url, &["artifacts", "list"]));
    assert!(!list.contains(&artifact.name), "{list}");
    server.admin().get(&format!("{}/{id}", management::ARTIFACTS)).expect(404);
}

fn second_factor_is_asked_for_and_taken() {
    let server = shared_server();
    let email = format!("{}@example.com", unique("cli"));
    server.add_user(&email, "viewer", PASSWORD);
    let mut authenticator = Authenticator::enrol(&Management::login(server.http(), &email, PASSWORD));
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (home, url) = (dir.path(), server.url());
    let args = ["login", "--username", &email, "--password", PASSWORD];
    let output = run(&mut cli(server, home, &url, &args));
    assert!(!output.status.success() && all(&output).contains("401"), "{}", all(&output));
    let wrong = authenticator.wrong_code();
    let output = run(&mut cli(server, home, &url, &[args.as_slice(), &["--2fa-code", &wrong]].concat()));
    assert!(!output.status.success() && all(&output).contains("401"), "{}", all(&output));
    let code = authenticator.next_code();
    run_ok(&mut cli(server, home, &url, &[args.as_slice(), &["--2fa-code", &code]].concat()));
    run_ok(&mut cli(server, home, &url, &["devices", "list"]));
}

fn wrong_password_is_told() {
    let server = shared_server();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let args = ["login", "--username", ADMIN, "--password", "not her password"];
    let output = run(&mut cli(server, dir.path(), &server.url(), &args));
    assert!(!output.status.success());
    assert!(all(&output).contains("401"), "{}", all(&output));
}

fn refused_upload_is_told() {
    let server = shared_server();
    let dir = tempfile::tempdir().expect("a temporary directory");
    log_in(server, dir.path());
    let file = dir.path().join("no.mender");
    fs::write(&file, vec![b'x'; 200_000]).expect("writable");
    let args = ["artifacts", "upload", "--no-progress", file.to_str().expect("UTF-8")];
    let output = run(&mut cli(server, dir.path(), &server.url(), &args));
    assert!(!output.status.success());
    assert!(all(&output).contains("400"), "{}", all(&output));
}

fn devices_are_listed() {
    // A server of its own: the tool shows the first twenty devices only.
    let server = TestServer::start();
    let device = server.accepted_device();
    let dir = tempfile::tempdir().expect("a temporary directory");
    log_in(&server, dir.path());
    let id = server.admin().device_id(&device);
    for args in [
        &["devices", "list"][..],
        &["devices", "list", "-r"],
        &["devices", "list", "-d", "0"],
        &["devices", "list", "-d", "1"],
        &["devices", "list", "-d", "2"],
        &["devices", "list", "-d", "3"],
    ] {
        // The raw form goes to standard error.
        let output = run(&mut cli(&server, dir.path(), &server.url(), args));
        assert!(output.status.success() && all(&output).contains(&id), "{args:?}: {}", all(&output));
    }
}

fn what_needs_a_connected_device_says_so() {
    let server = shared_server();
    let device = server.accepted_device();
    let dir = tempfile::tempdir().expect("a temporary directory");
    log_in(server, dir.path());
    let id = server.admin().device_id(&device);
    let from = format!("{id}:/etc/hostname");
    for args in [&["terminal", &id][..], &["cp", &from, "./copy"], &["port-forward", &id, "8000:8000"]] {
        let output = run(&mut cli(server, dir.path(), &server.url(), args));
        let told = all(&output);
        assert!(!output.status.success() && told.contains("not connected"), "{args:?}: {told}");
    }
    assert!(!dir.path().join("copy").exists());
}

fn wrong_token_is_told() {
    let server = shared_server();
    let artifact = ArtifactSpec::new("cli-type").write();
    let file = artifact.path.to_str().expect("UTF-8");
    let args = ["artifacts", "upload", "--no-progress", "--token-value", "not.a.token", file];
    let output = run(&mut cli(server, artifact.dir(), &server.url(), &args));
    assert!(!output.status.success());
    assert!(all(&output).contains("Unauthorized"), "{}", all(&output));
    let args = ["artifacts", "upload", "--no-progress", "--token-value", &server.admin().token, file];
    run_ok(&mut cli(server, artifact.dir(), &server.url(), &args));
}

fn slash_after_the_server_is_harmless() {
    let server = shared_server();
    let dir = tempfile::tempdir().expect("a temporary directory");
    log_in(server, dir.path());
    run_ok(&mut cli(server, dir.path(), &format!("{}/", server.url()), &["artifacts", "list"]));
}

fn all(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned()
}
