//! Start, stop, and what is on disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use harness::device::link_target;
use harness::management::DEVAUTH;
use harness::{ArtifactSpec, Engine, Request, ServerSetup, TestServer};
use libtest_mimic::Trial;

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        sigterm_drains_and_exits_0,
        request_in_flight_is_answered_before_the_end,
        restart_keeps_sessions_and_devices,
        data_directory_is_as_documented,
        first_start_tells_how_to_make_a_user,
        public_url_is_in_links_and_in_the_ready_line,
        second_server_on_the_same_port_fails,
    ]
}

fn sigterm_drains_and_exits_0() {
    let server = TestServer::start();
    server.http().get("/health/live").expect_success();
    assert_eq!(server.stop().code(), Some(0), "{}", server.log());
}

fn request_in_flight_is_answered_before_the_end() {
    let server = TestServer::start();
    let token = server.admin().token.clone();
    let mut connection = server.http().connect().expect("a connection");
    let head = format!("GET {DEVAUTH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n");
    // Half a request, then the signal, then the rest.
    connection.send_bytes(head.as_bytes()).expect("sent");
    server.signal("TERM");
    connection.send_bytes(b"\r\n").expect("sent");
    let answer = connection.receive(false);
    let status = server.stop();
    assert_eq!(status.code(), Some(0));
    // Whether half a head counts as a request is the server's choice; half an answer is not.
    if let Ok(response) = answer {
        assert!(matches!(response.status, 200 | 503), "{response}");
    }
}

fn restart_keeps_sessions_and_devices() {
    let server = TestServer::start();
    let device = server.accepted_device();
    let ca = fs::read(server.ca()).expect("a CA");
    server.admin().get(DEVAUTH).expect(200);
    assert!(server.stop().success());
    server.restart();
    assert_eq!(fs::read(server.ca()).expect("a CA"), ca, "the CA is made once");
    // Both tokens still work: nobody has to log in because of a restart.
    server.admin().get(DEVAUTH).expect(200);
    device.next_nothing();
    assert_eq!(server.admin().show_device(&device)["status"], "accepted");
}

fn data_directory_is_as_documented() {
    let server = TestServer::start();
    let dir = server.data_dir();
    for name in ["tls/ca.crt", "tls/server.crt", "tls/server.key"] {
        assert!(dir.join(name).is_file(), "no {name}");
    }
    assert_eq!(dir.join("sealift.db").is_file(), Engine::of_trial() == Engine::Sqlite);
    for name in ["blobs", "keys"] {
        assert!(dir.join(name).is_dir(), "no {name}/");
    }
    let private = |path: &std::path::Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o077;
    assert_eq!(private(&dir.join("tls/server.key")), 0);
    for entry in fs::read_dir(dir.join("keys")).expect("readable").map_while(Result::ok) {
        assert_eq!(private(&entry.path()), 0, "{} is for its owner only", entry.path().display());
    }
}

fn first_start_tells_how_to_make_a_user() {
    let server = ServerSetup::default().start_without_user();
    assert!(server.log().contains("sealift user add"), "{}", server.log());
    let request = harness::management::login_request("admin@example.com", "admin");
    let response = server.http().send(&request);
    assert!(matches!(response.status, 401 | 503), "there is no default password: {response}");
}

fn public_url_is_in_links_and_in_the_ready_line() {
    let server = ServerSetup::default().public_url("https://updates.example.com:9443").start();
    assert_eq!(server.ready_url(), format!("https://updates.example.com:{}", server.port()));
    let device = server.accepted_device();
    let artifact = ArtifactSpec::new(&device.device_type).write();
    server.admin().upload(&artifact);
    server.admin().deploy(&artifact.name, &[server.admin().device_id(&device)]);
    let offer = device.next_offer();
    let uri = offer["artifact"]["source"]["uri"].as_str().expect("a link");
    assert!(uri.starts_with("https://updates.example.com:9443/"), "{uri}");
    assert!(server.http().get(&link_target(uri)).expect(200).body == artifact.bytes());
}

fn second_server_on_the_same_port_fails() {
    let first = TestServer::start();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let output = harness::process::run(
        harness::binaries::sealift()
            .args(["serve", "--listen", &format!("127.0.0.1:{}", first.port()), "--data-dir"])
            .arg(dir.path()),
    );
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    first.http().send(&Request::get("/health/live")).expect_success();
}
