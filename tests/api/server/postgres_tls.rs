//! PostgreSQL over TLS: the server believes only the certificate that its operator named.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use harness::binaries::{sealift, through};
use harness::postgres::{PASSWORD, url_over_tls};
use harness::process::{run, run_ok};
use harness::{Cluster, Peer, ServerSetup, Syncing};
use libtest_mimic::Trial;
use tempfile::TempDir;

pub(crate) fn trials() -> Vec<Trial> {
    harness::peer_trials![&[Peer::Postgres, Peer::OpenSsl];
        certificate_of_the_database_is_verified_in_full,
    ]
}

/// Makes a CA; returns its certificate and its key.
fn authority(dir: &Path, name: &str) -> (PathBuf, PathBuf) {
    let (certificate, key) = (dir.join(format!("{name}.crt")), dir.join(format!("{name}.key")));
    run_ok(&mut new_certificate(&certificate, &key, name));
    (certificate, key)
}

fn new_certificate(certificate: &Path, key: &Path, name: &str) -> Command {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    openssl.args(["-days", "2", "-subj", &format!("/CN={name}"), "-out"]).arg(certificate);
    openssl.arg("-keyout").arg(key);
    openssl
}

/// A cluster with a certificate for the first of its addresses, and the folder with its CA and another one.
fn on_tls() -> (Arc<Cluster>, TempDir) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (ca, ca_key) = authority(dir.path(), "ca");
    authority(dir.path(), "other");
    let [address, _] = Cluster::own_addresses();
    let (certificate, key) = (dir.path().join("leaf.crt"), dir.path().join("leaf.key"));
    let mut openssl = new_certificate(&certificate, &key, "database");
    openssl.arg("-CA").arg(&ca).arg("-CAkey").arg(&ca_key);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    run_ok(openssl.args(["-addext", &format!("subjectAltName=IP:{address}")]));
    let cluster = Arc::new(Cluster::start(Syncing::Off));
    cluster.restart_with_tls(&certificate, &key);
    (cluster, dir)
}

/// Starts a server that must not get at the database; returns what it says.
#[track_caller]
fn refusal(url: &str) -> String {
    let dir = tempfile::tempdir().expect("a temporary directory");
    // One that gets at it would serve for ever.
    let mut server = through(&["timeout", "60"].map(str::to_owned), &sealift());
    server.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(dir.path());
    let output = run(server.env("SEALIFT_DATABASE_URL", url).env("SEALIFT_LOG_FILTER", "trace"));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(!said.contains(PASSWORD) && !said.contains("panicked"), "{said}");
    assert!(said.contains("the database cannot be reached"), "{said}");
    said
}

fn certificate_of_the_database_is_verified_in_full() {
    let (cluster, dir) = on_tls();
    let [named, unnamed] = Cluster::own_addresses();
    let database = cluster.create_database();
    let url = |address: Ipv4Addr, mode: &str, ca: &str| {
        let ca = dir.path().join(format!("{ca}.crt"));
        url_over_tls(&database, address, &format!("sslmode={mode}&sslrootcert={}", ca.display()))
    };
    let said = refusal(&url(named, "verify-full", "other"));
    assert!(said.contains("invalid peer certificate"), "{said}");
    let said = refusal(&url(unnamed, "verify-full", "ca"));
    assert!(said.contains("not valid for name"), "{said}");
    let said = refusal(&url(named, "verify-full", "missing"));
    assert!(said.contains("missing.crt\" (sslrootcert): No such file"), "{said}");
    // None of them got as far as to change anything.
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(cluster.query(&database, tables).trim(), "0");

    let server = ServerSetup::default().database(&url(named, "verify-full", "ca")).start();
    let device = server.accepted_device();
    device.next_nothing();
    assert_eq!(cluster.query(&database, "SELECT count(*) FROM devices").trim(), "1");
    let plain = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
        WHERE datname = current_database() AND client_addr IS NOT NULL AND NOT ssl";
    assert_eq!(cluster.query(&database, plain).trim(), "0");
    assert_ne!(cluster.query(&database, &plain.replace("NOT ssl", "ssl")).trim(), "0");
    server.kill();
    server.restart();
    device.next_nothing();
    assert!(!server.log().contains(PASSWORD));
}
