//! Certificates and handshakes.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::process::{run, run_ok};
use harness::{HttpClient, Peer, Request, ServerSetup, TestServer, shared_server, until};
use libtest_mimic::Trial;
use rustls::{NamedGroup, ProtocolVersion, version};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = harness::trials![both_tls_versions_work, fresh_request_waits_for_nobody];
    trials.extend(harness::peer_trials![&[Peer::OpenSsl];
        own_certificate_is_valid_and_p256,
        names_of_the_public_url_are_in_the_certificate,
        given_certificate_is_served_and_reloaded,
        broken_certificate_is_not_taken_over,
        older_tls_is_refused,
    ]);
    trials
}

fn both_tls_versions_work() {
    let server = shared_server();
    for (wanted, expected) in
        [(&version::TLS12, ProtocolVersion::TLSv1_2), (&version::TLS13, ProtocolVersion::TLSv1_3)]
    {
        let client = HttpClient::with_versions(server.port(), &server.ca(), &[wanted]);
        let mut connection = client.connect().expect("a connection");
        connection.send(&Request::get("/health/live")).expect("an answer");
        assert_eq!(connection.tls().protocol_version(), Some(expected));
        let group =
            connection.tls().negotiated_key_exchange_group().map(rustls::crypto::SupportedKxGroup::name);
        assert_ne!(group, Some(NamedGroup::secp521r1));
    }
}

fn fresh_request_waits_for_nobody() {
    // Without TCP_NODELAY, or with session tickets, every fresh connection waits about 40 ms for a
    // delayed acknowledgement. The quickest of many tries shows that wait even on a busy machine.
    let http = shared_server().http();
    let quickest = (0..30)
        .map(|_| {
            let start = Instant::now();
            http.get("/health/live");
            start.elapsed()
        })
        .min()
        .expect("thirty tries");
    assert!(quickest < Duration::from_millis(30), "the quickest of 30 fresh requests took {quickest:?}");
}

fn own_certificate_is_valid_and_p256() {
    let server = shared_server();
    let (ca, leaf) = (server.ca(), server.data_dir().join("tls/server.crt"));
    run_ok(
        Command::new("openssl")
            .args(["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile"])
            .arg(&ca)
            .arg(&leaf),
    );
    let text = describe(&leaf);
    for name in ["DNS:localhost", "IP Address:127.0.0.1", "IP Address:0:0:0:0:0:0:0:1"] {
        assert!(text.contains(name), "no {name} in {text}");
    }
    assert!(text.contains("prime256v1"), "{text}");
    assert!(text.contains("CA:FALSE") || !text.contains("CA:TRUE"), "{text}");
    // Backdated, so that a device whose clock is behind can connect; and it renews itself in time.
    run_ok(Command::new("openssl").args(["x509", "-noout", "-checkend", "8640000", "-in"]).arg(&leaf));
    let ca_text = describe(&ca);
    assert!(ca_text.contains("CA:TRUE"), "{ca_text}");
    run_ok(Command::new("openssl").args(["x509", "-noout", "-checkend", "631152000", "-in"]).arg(&ca));
}

fn names_of_the_public_url_are_in_the_certificate() {
    let server = ServerSetup::default().public_url("https://updates.example.com").start_without_user();
    let text = describe(&server.data_dir().join("tls/server.crt"));
    assert!(text.contains("DNS:updates.example.com") && text.contains("DNS:localhost"), "{text}");
}

fn given_certificate_is_served_and_reloaded() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (certificate, key) = (dir.path().join("given.crt"), dir.path().join("given.key"));
    self_signed(&certificate, &key);
    let server = with_files(&certificate, &key);
    let first = served(&server, &certificate);
    assert!(first, "the given certificate is served");
    self_signed(&certificate, &key);
    until("the new certificate", Duration::from_secs(30), || served(&server, &certificate));
}

fn broken_certificate_is_not_taken_over() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (certificate, key) = (dir.path().join("given.crt"), dir.path().join("given.key"));
    self_signed(&certificate, &key);
    let server = with_files(&certificate, &key);
    let kept = dir.path().join("kept.crt");
    fs::copy(&certificate, &kept).expect("a copy");
    let other = dir.path().join("other.key");
    self_signed(&certificate, &other);
    // The pair does not fit now: the old one stays, and the log says so.
    until("a word in the log", Duration::from_secs(30), || {
        server.log().contains("WARN") || server.log().contains("ERROR")
    });
    assert!(served(&server, &kept));
    // The fitting key arrives.
    fs::copy(&other, &key).expect("a copy");
    until("the new certificate", Duration::from_secs(30), || served(&server, &certificate));
}

fn older_tls_is_refused() {
    let server = shared_server();
    let output = run(Command::new("openssl")
        .args(["s_client", "-connect", &format!("127.0.0.1:{}", server.port()), "-tls1_1"])
        .args(["-cipher", "DEFAULT:@SECLEVEL=0", "-CAfile"])
        .arg(server.ca()));
    assert!(!output.status.success());
}

fn with_files(certificate: &Path, key: &Path) -> TestServer {
    let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    ServerSetup::default()
        .args(&["--tls-cert", &text(certificate), "--tls-key", &text(key)])
        .start_without_user()
}

/// Whether a handshake succeeds with nothing but this certificate trusted.
fn served(server: &TestServer, certificate: &Path) -> bool {
    HttpClient::new(server.port(), certificate).try_send(&Request::get("/health/live")).is_ok()
}

#[track_caller]
fn self_signed(certificate: &Path, key: &Path) {
    run_ok(
        Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "30",
            ])
            .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
            .arg(key)
            .arg("-out")
            .arg(certificate),
    );
}

#[track_caller]
fn describe(certificate: &Path) -> String {
    run_ok(Command::new("openssl").args(["x509", "-noout", "-text", "-in"]).arg(certificate))
}
