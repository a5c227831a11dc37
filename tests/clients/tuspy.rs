//! `tuspy`, a client of tus 1.0.0 that nobody here wrote.

use std::process::{Command, Output, Stdio};
use std::time::Duration;
use std::{fs, thread};

use harness::management::ARTIFACTS;
use harness::process::{run, run_ok};
use harness::tus::UPLOADS;
use harness::{ArtifactFile, ArtifactSpec, CuttingProxy, Peer, TestServer, shared_server, until};
use libtest_mimic::Trial;
use serde_json::json;

pub(crate) fn trials() -> Vec<Trial> {
    harness::peer_trials![&[Peer::Tuspy];
        an_artifact_is_uploaded_in_chunks,
        a_cut_upload_goes_on,
        an_upload_outlives_a_kill_of_the_server,
        a_wrong_artifact_is_refused_with_its_reason,
    ]
}

/// Uploads a file; a line on standard output for each chunk that was acknowledged.
const SCRIPT: &str = r#"
import sys
from tusclient import client, exceptions
url, token, path, chunk, retries, checksum = sys.argv[1:]
tus = client.TusClient(url, headers={"Authorization": "Bearer " + token})
try:
    up = tus.uploader(path, chunk_size=int(chunk), retries=int(retries), retry_delay=1,
                      metadata={"filename": "update.mender", "description": "by tuspy"},
                      upload_checksum=checksum == "yes")
    size = up.get_file_size()
    while up.offset < size:
        up.upload_chunk()
        print("at", up.offset, up.url, flush=True)
    print("artifact", up.request.response_headers["artifact-id"])
except exceptions.TusCommunicationError as error:
    print("refused", error.status_code, error.response_content)
    sys.exit(1)
"#;

struct Plan {
    port: u16,
    chunk: usize,
    retries: u32,
    checksum: bool,
}

fn upload(server: &TestServer, artifact: &ArtifactFile, plan: &Plan) -> Command {
    let mut command = Command::new("python3");
    command
        .args(["-c", SCRIPT, &format!("https://localhost:{}{UPLOADS}", plan.port), &server.admin().token])
        .arg(&artifact.path)
        .args([plan.chunk.to_string(), plan.retries.to_string()])
        .arg(if plan.checksum { "yes" } else { "no" })
        .env("REQUESTS_CA_BUNDLE", server.ca());
    command
}

#[track_caller]
fn expect_artifact(server: &TestServer, artifact: &ArtifactFile, said: &str) {
    let id = said.lines().find_map(|line| line.strip_prefix("artifact ")).unwrap_or_else(|| panic!("{said}"));
    let shown = server.admin().get(&format!("{ARTIFACTS}/{id}")).expect(200).json();
    assert_eq!((&shown["name"], &shown["description"]), (&json!(artifact.name), &json!("by tuspy")));
    let link = server.admin().get(&format!("{ARTIFACTS}/{id}/download")).expect(200).json();
    let target = harness::device::link_target(link["uri"].as_str().expect("a link"));
    assert!(server.http().get(&target).expect(200).body == artifact.bytes(), "the bytes are those uploaded");
}

fn an_artifact_is_uploaded_in_chunks() {
    let server = shared_server();
    for checksum in [false, true] {
        let artifact = ArtifactSpec::new("tus-type").incompressible(1_000_000).write();
        let plan = Plan { port: server.port(), chunk: 200_000, retries: 0, checksum };
        let said = run_ok(&mut upload(server, &artifact, &plan));
        assert!(said.lines().filter(|line| line.starts_with("at ")).count() >= 5, "{said}");
        expect_artifact(server, &artifact, &said);
    }
}

fn a_cut_upload_goes_on() {
    let server = shared_server();
    let artifact = ArtifactSpec::new("tus-type").incompressible(3_000_000).write();
    let proxy = CuttingProxy::start_for_uploads(server.port(), 700_000, 3);
    let plan = Plan { port: proxy.port(), chunk: 2_000_000, retries: 20, checksum: false };
    let said = run_ok(&mut upload(server, &artifact, &plan));
    assert_eq!(proxy.cuts(), 3);
    expect_artifact(server, &artifact, &said);
}

fn an_upload_outlives_a_kill_of_the_server() {
    let server = TestServer::start();
    let artifact = ArtifactSpec::new("tus-type").incompressible(8_000_000).write();
    let plan = Plan { port: server.port(), chunk: 50_000, retries: 60, checksum: false };
    let mut command = upload(&server, &artifact, &plan);
    let log = artifact.dir().join("tuspy.log");
    let file = fs::File::create(&log).expect("writable");
    let mut child = command.stdout(Stdio::from(file)).spawn().expect("started");
    let acknowledged = || {
        let said = fs::read_to_string(&log).unwrap_or_default();
        let last = said.lines().rfind(|line| line.starts_with("at "))?.to_owned();
        let mut words = last.split(' ').skip(1);
        let at: usize = words.next()?.parse().ok()?;
        Some((at, words.next()?.rsplit('/').next()?.to_owned()))
    };
    for goal in [1_000_000, 3_000_000, 5_000_000] {
        until("some more to be acknowledged", Duration::from_mins(2), || {
            acknowledged().is_some_and(|(at, _)| at > goal)
        });
        server.kill();
        let (at, id) = acknowledged().expect("an offset");
        // The client finds nobody for a while.
        thread::sleep(Duration::from_millis(500));
        server.restart();
        let now = server.admin().upload_offset(&format!("{UPLOADS}/{id}"));
        assert!(now >= at, "{at} bytes were acknowledged, {now} are there");
    }
    let status = child.wait().expect("it ends");
    let said = fs::read_to_string(&log).expect("readable");
    assert!(status.success(), "{said}");
    expect_artifact(&server, &artifact, &said);
    run_ok(&mut server.command(&["check"]));
}

fn a_wrong_artifact_is_refused_with_its_reason() {
    let server = shared_server();
    let artifact = ArtifactSpec::new("tus-type").incompressible(500_000).write();
    let mut bytes = artifact.bytes();
    bytes[250_000] ^= 1;
    fs::write(&artifact.path, bytes).expect("writable");
    let plan = Plan { port: server.port(), chunk: 100_000, retries: 0, checksum: false };
    let refused = run(&mut upload(server, &artifact, &plan));
    let said = text(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("refused 400") && said.contains("cannot parse artifact file"), "{said}");
    let query = format!("{ARTIFACTS}?name={}", artifact.name);
    assert_eq!(server.admin().get(&query).expect(200).json(), json!([]));
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
