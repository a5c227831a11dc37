//! Our own tool against a server: log-in, upload, deployment, and what it says of refusals.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use harness::binaries::artifact_tool;
use harness::process::{run, run_ok};
use harness::server::{ADMIN, PASSWORD, with_password};
use harness::tus::{UPLOADS, offset};
use harness::{ArtifactSpec, CuttingProxy, TestServer, management, shared_server};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    harness::trials![
        login_upload_deploy,
        refusals_are_told,
        a_token_is_for_its_server_only,
        a_narrowed_token_uploads_and_does_no_more,
        a_deployment_is_waited_for,
        an_upload_goes_on_after_breaks,
        a_later_upload_goes_on_with_an_earlier_one,
    ]
}

/// A command whose configuration is below `home`.
fn tool(home: &Path, args: &[&str]) -> Command {
    let mut command = artifact_tool();
    command.args(args).env("HOME", home).env_remove("XDG_CONFIG_HOME").current_dir(home);
    command
}

#[track_caller]
fn log_in(server: &TestServer, home: &Path) {
    let ca = server.ca();
    let ca = ca.to_str().expect("UTF-8");
    let args = ["login", "--server", &server.url(), "--ca", ca, "--password-stdin", ADMIN];
    let (status, said) = with_password(tool(home, &args), PASSWORD);
    assert!(status.success(), "{said}");
}

fn login_upload_deploy() {
    let server = shared_server();
    let artifact = ArtifactSpec::new("tool-type").incompressible(3_000_000).write();
    let (home, file) = (artifact.dir(), artifact.path.to_str().expect("UTF-8"));
    log_in(server, home);
    let session = home.join(".config/sealift/artifact-tool.json");
    let mode = std::os::unix::fs::PermissionsExt::mode(&session.metadata().expect("a session").permissions());
    assert_eq!(mode & 0o777, 0o600);

    let said = run_ok(&mut tool(home, &["upload", "--json", "--description", "by the tool", file]));
    let said: Value = serde_json::from_str(&said).expect("JSON");
    let id = said["id"].as_str().expect("an id");
    let found = server.admin().get(&format!("{}/{id}", management::ARTIFACTS)).expect(200).json();
    assert_eq!(found["name"], artifact.name.as_str());
    assert_eq!(found["description"], "by the tool");

    let device = server.accepted_device();
    let device = server.admin().device_id(&device);
    let said = run_ok(&mut tool(home, &["deploy", "--json", "--device", &device, &artifact.name]));
    let said: Value = serde_json::from_str(&said).expect("JSON");
    let path = format!("/api/management/v1/deployments/deployments/{}", said["id"].as_str().expect("an id"));
    let deployment = server.admin().get(&path).expect(200).json();
    assert_eq!(deployment["artifact_name"], artifact.name.as_str());
    // The same again is a conflict, in the server's words.
    let again = run(&mut tool(home, &["deploy", "--device", &device, &artifact.name]));
    assert_eq!(again.status.code(), Some(1), "{}", all(&again));
    assert!(all(&again).contains("HTTP 409"), "{}", all(&again));
    server.admin().abort(said["id"].as_str().expect("an id")).expect(204);
}

fn refusals_are_told() {
    let server = shared_server();
    let artifact = ArtifactSpec::new("tool-type").write();
    let (home, file) = (artifact.dir(), artifact.path.to_str().expect("UTF-8"));
    let no_session = run(&mut tool(home, &["upload", file]));
    assert_eq!(no_session.status.code(), Some(2), "{}", all(&no_session));
    let ca = server.ca();
    let ca = ca.to_str().expect("UTF-8");
    let args = ["login", "--server", &server.url(), "--ca", ca, "--password-stdin", ADMIN];
    let (status, said) = with_password(tool(home, &args), "not her password");
    assert_eq!(status.code(), Some(1), "{said}");
    log_in(server, home);

    run_ok(&mut tool(home, &["upload", file]));
    let twice = run(&mut tool(home, &["upload", file]));
    assert_eq!(twice.status.code(), Some(1), "{}", all(&twice));
    assert!(all(&twice).contains("it conflicts with the artifact"), "{}", all(&twice));

    fs::write(home.join("bad.mender"), "nonsense").expect("writable");
    let bad = run(&mut tool(home, &["upload", "bad.mender"]));
    assert_eq!(bad.status.code(), Some(1), "{}", all(&bad));
    let unknown = run(&mut tool(home, &["deploy", "--all", "no-such-release"]));
    assert_eq!(unknown.status.code(), Some(1), "{}", all(&unknown));
    assert!(all(&unknown).contains("the server refused"), "{}", all(&unknown));

    let forged = run(tool(home, &["upload", file]).env("SEALIFT_TOKEN", "not.a.token"));
    assert_eq!(forged.status.code(), Some(1), "{}", all(&forged));
    assert!(all(&forged).contains("HTTP 401"), "{}", all(&forged));
    // Without its certificate the server is not trusted.
    let untrusted = home.join("other.pem");
    fs::copy(server.ca(), &untrusted).expect("readable");
    let stranger = TestServer::start();
    let stranger = [
        "upload",
        "--server",
        &stranger.url(),
        "--ca",
        untrusted.to_str().expect("UTF-8"),
        "--retries",
        "0",
        file,
    ];
    let refused = run(tool(home, &stranger).env("SEALIFT_TOKEN", "x"));
    assert_eq!(refused.status.code(), Some(3), "{}", all(&refused));
}

fn a_token_is_for_its_server_only() {
    let server = shared_server();
    let artifact = ArtifactSpec::new("tool-type").write();
    let (home, file) = (artifact.dir(), artifact.path.to_str().expect("UTF-8"));
    log_in(server, home);
    let elsewhere = run(&mut tool(home, &["upload", "--server", "https://localhost:9", file]));
    assert_eq!(elsewhere.status.code(), Some(2), "{}", all(&elsewhere));
    assert!(all(&elsewhere).contains("no session at https://localhost:9"), "{}", all(&elsewhere));
    let plain = run(&mut tool(home, &["upload", "--server", "http://localhost:9", file]));
    assert_eq!(plain.status.code(), Some(2), "{}", all(&plain));
}

fn a_narrowed_token_uploads_and_does_no_more() {
    let server = shared_server();
    let artifact = ArtifactSpec::new("tool-type").write();
    let (home, file) = (artifact.dir(), artifact.path.to_str().expect("UTF-8"));
    let ca = server.ca();
    let place = ["--server", &server.url(), "--ca", ca.to_str().expect("UTF-8")];
    let wish = json!({"name": "a tool", "scopes": ["artifacts:upload", "artifacts:read"]});
    let made =
        server.admin().send_json("POST", "/api/management/v1/useradm/tokens", &wish).expect(201).json();
    let token = made["token"].as_str().expect("a token");
    let with_token = |args: &[&str]| {
        let mut command = tool(home, args);
        command.args(place).env("SEALIFT_TOKEN", token);
        command
    };
    let said = run_ok(&mut with_token(&["upload", "--json", file]));
    let said: Value = serde_json::from_str(&said).expect("JSON");
    let path = format!("{}/{}", management::ARTIFACTS, said["id"].as_str().expect("an id"));
    server.admin().get(&path).expect(200);
    let refused = run(&mut with_token(&["deploy", "--all", &artifact.name]));
    assert_eq!(refused.status.code(), Some(1), "{}", all(&refused));
    assert!(all(&refused).contains("lacks the permission"), "{}", all(&refused));
    assert!(!all(&refused).contains(token), "the token is shown");
}

fn a_deployment_is_waited_for() {
    let server = TestServer::start();
    let artifact = ArtifactSpec::new("tool-type").write();
    let home = artifact.dir();
    log_in(&server, home);
    run_ok(&mut tool(home, &["upload", artifact.path.to_str().expect("UTF-8")]));
    // A device that takes no part in it, so that it ends by being aborted.
    let device = server.accepted_device();
    let device = server.admin().device_id(&device);
    let mut waiting = tool(home, &["deploy", "--wait", "--json", "--device", &device, &artifact.name])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("started");
    let path = "/api/management/v1/deployments/deployments";
    let id = harness::wait::eventually("the deployment", std::time::Duration::from_mins(1), || {
        let list = server.admin().get(path).expect(200).json();
        list[0]["id"].as_str().map(str::to_owned)
    });
    assert!(waiting.try_wait().expect("running").is_none(), "it waits");
    server.admin().abort(&id).expect(204);
    let output = waiting.wait_with_output().expect("it ends");
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(said["id"], id.as_str());
    assert!(output.status.code().is_some_and(|status| status <= 1), "{said}");
}

/// An upload through a bad line.
fn upload_through(proxy: &CuttingProxy, server: &TestServer, home: &Path, args: &[&str]) -> Command {
    let (url, ca) = (format!("https://localhost:{}", proxy.port()), server.ca());
    let ca = ca.to_str().expect("UTF-8");
    let mut command = tool(home, &["upload", "--json", "--server", &url, "--ca", ca]);
    command.args(args).env("SEALIFT_TOKEN", &server.admin().token);
    command
}

#[track_caller]
fn expect_bytes(server: &TestServer, said: &str, bytes: &[u8]) {
    let said: Value = serde_json::from_str(said).expect("JSON");
    let path = format!("{}/{}/download", management::ARTIFACTS, said["id"].as_str().expect("an id"));
    let link = server.admin().get(&path).expect(200).json();
    let target = harness::device::link_target(link["uri"].as_str().expect("a link"));
    assert!(server.http().get(&target).expect(200).body == bytes, "the bytes are those uploaded");
}

fn an_upload_goes_on_after_breaks() {
    let server = shared_server();
    let artifact = ArtifactSpec::new("tool-type").incompressible(6_000_000).write();
    let proxy = CuttingProxy::start_for_uploads(server.port(), 1_500_000, 3);
    let file = artifact.path.to_str().expect("UTF-8");
    let said = run_ok(&mut upload_through(&proxy, server, artifact.dir(), &[file]));
    assert_eq!(proxy.cuts(), 3);
    expect_bytes(server, &said, &artifact.bytes());
}

fn a_later_upload_goes_on_with_an_earlier_one() {
    let server = TestServer::start();
    let artifact = ArtifactSpec::new("tool-type").incompressible(6_000_000).write();
    let proxy = CuttingProxy::start_for_uploads(server.port(), 3_000_000, 1);
    let file = artifact.path.to_str().expect("UTF-8");
    let broken = run(&mut upload_through(&proxy, &server, artifact.dir(), &["--retries", "0", file]));
    assert_eq!((broken.status.code(), proxy.cuts()), (Some(3), 1), "{}", all(&broken));
    assert!(all(&broken).contains("--resume"), "{}", all(&broken));
    // What came counts, after a moment and also after an end of the server.
    let begun = server.admin().get(UPLOADS).expect(200).json();
    let path = format!("{UPLOADS}/{}", begun[0]["id"].as_str().expect("an upload"));
    harness::until("what came to count", std::time::Duration::from_mins(1), || {
        offset(&server.admin().ask_upload(&path)) > 1_000_000
    });
    server.kill();
    server.restart();
    let said = run_ok(&mut upload_through(&proxy, &server, artifact.dir(), &["--resume", file]));
    expect_bytes(&server, &said, &artifact.bytes());
    // It was this upload that went on.
    assert!(server.admin().ask_upload(&path).expect(200).header("Artifact-ID").is_some());
    // Nothing is left to go on with: another begins, and is refused for what it is.
    let again = run(&mut upload_through(&proxy, &server, artifact.dir(), &["--resume", file]));
    assert_eq!(again.status.code(), Some(1), "{}", all(&again));
    assert!(all(&again).contains("it conflicts with the artifact"), "{}", all(&again));
}

fn all(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
