//! The program as its users see it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::mock::{Behaviour, MockServer};

async fn client_sim(arguments: Vec<String>) -> Output {
    tokio::task::spawn_blocking(move || {
        Command::new(env!("CARGO_BIN_EXE_client-sim"))
            .args(arguments)
            .env_remove("SEALIFT_TOKEN")
            .output()
            .unwrap()
    })
    .await
    .unwrap()
}

fn arguments(server: &MockServer, dir: &Path, more: &[&str]) -> Vec<String> {
    let ca = dir.join("ca.crt");
    std::fs::write(&ca, &server.ca_pem).unwrap();
    let mut arguments: Vec<String> = ["run", "--devices", "3", "--key-type", "p256", "--poll", "0.05"]
        .into_iter()
        .chain(["--device-type", "beaglebone", "--server", &server.url, "--ca"])
        .map(str::to_owned)
        .collect();
    arguments.push(ca.to_str().unwrap().to_owned());
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    arguments
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_run_ends_with_0_and_its_report() {
    let dir = tempfile::tempdir().unwrap();
    let server = MockServer::start(Behaviour::default()).await;
    let report = dir.path().join("report.json");
    let state = dir.path().join("state");
    let more = ["--report", report.to_str().unwrap(), "--state", state.to_str().unwrap(), "--key-pool", "2"];
    let output = client_sim(arguments(&server, dir.path(), &more)).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("3 success"));
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(report["outcomes"]["success"], 3);
    assert_eq!(report["requests"]["login"]["latency"]["count"], 6);
    assert!(state.join("devices.json").is_file());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_device_is_1() {
    let dir = tempfile::tempdir().unwrap();
    let server = MockServer::start(Behaviour::default()).await;
    let scenario = dir.path().join("scenario.json");
    std::fs::write(&scenario, r#"{"install_failure": 1}"#).unwrap();
    let more = ["--scenario", scenario.to_str().unwrap(), "--json"];
    let output = client_sim(arguments(&server, dir.path(), &more)).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["outcomes"]["failure"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_use_is_2_and_nobody_there_is_3() {
    let dir = tempfile::tempdir().unwrap();
    let server = MockServer::start(Behaviour::default()).await;
    let output = client_sim(vec!["run".to_owned()]).await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let mut wrong_url = arguments(&server, dir.path(), &[]);
    let position = wrong_url.iter().position(|argument| *argument == server.url).unwrap();
    wrong_url[position] = "http://localhost".to_owned();
    assert_eq!(client_sim(wrong_url.clone()).await.status.code(), Some(2));
    // Nothing listens on the discard port.
    wrong_url[position] = "https://localhost:9".to_owned();
    assert_eq!(client_sim(wrong_url).await.status.code(), Some(3));
    let missing = arguments(&server, dir.path(), &["--verify-key", "does-not-exist.pem"]);
    assert_eq!(client_sim(missing).await.status.code(), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duration_that_passes_without_failures_is_0() {
    let dir = tempfile::tempdir().unwrap();
    let server = MockServer::start(Behaviour { artifact: None, ..Behaviour::default() }).await;
    let output = client_sim(arguments(&server, dir.path(), &["--duration", "0.3"])).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("3 unfinished"));
}
