//! A fleet of simulated devices.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use harness::names::unique;
use harness::process::Process;
use harness::{ArtifactSpec, TestServer, binaries, management, until};
use libtest_mimic::Trial;
use serde_json::{Value, json};

/// How many devices take part.
const DEVICES: usize = 200;
/// With the generation of so many RSA keys, the first time.
const LIMIT: Duration = Duration::from_mins(10);
/// Where the simulator keeps its keys, in its own folder and in the cache.
const KEYS: &str = "keys-rsa3072.pem";

pub(crate) fn trials() -> Vec<Trial> {
    harness::trials![two_hundred_devices_are_updated]
}

fn two_hundred_devices_are_updated() {
    let server = TestServer::start();
    let admin = server.admin();
    let device_type = unique("fleet");
    let (state, report) = (server.scratch().join("fleet"), server.scratch().join("report.json"));
    fs::create_dir(&state).expect("writable");
    // The devices are new ones; the keys are those of an earlier run, if there was one.
    copy_if_there(&binaries::cache_dir().join(KEYS), &state.join(KEYS));
    let mut command = binaries::client_sim();
    command
        .args(["run", "--server", &server.url(), "--ca"])
        .arg(server.ca())
        .args(["--devices", &DEVICES.to_string(), "--key-type", "rsa3072", "--poll", "2"])
        .args(["--device-type", &device_type, "--state"])
        .arg(&state)
        .arg("--report")
        .arg(&report)
        .env("SEALIFT_TOKEN", &admin.token);
    let fleet = Process::start(&mut command, &server.scratch().join("fleet.log"));
    until("all devices to be accepted", LIMIT, || {
        assert!(fleet.try_exit().is_none(), "the fleet ended early");
        let path = format!("{}/count?status=accepted", management::DEVAUTH);
        admin.get(&path).expect(200).json()["count"] == DEVICES
    });
    copy_if_there(&state.join(KEYS), &binaries::cache_dir().join(KEYS));
    let list = admin.get(&format!("{}?per_page=500", management::DEVAUTH)).expect(200).json();
    let keys: BTreeSet<&str> = list
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|device| device["auth_sets"][0]["pubkey"].as_str())
        // An RSA key of 3072 bits takes nine lines.
        .filter(|pem| pem.trim().lines().count() == 11)
        .collect();
    assert_eq!(keys.len(), DEVICES, "each device has an RSA-3072 key of its own");

    let artifact = ArtifactSpec::new(&device_type).incompressible(50_000).write();
    admin.upload(&artifact);
    let body = json!({"name": "everyone", "artifact_name": artifact.name, "all_devices": true});
    let deployment =
        management::location_id(&admin.send_json("POST", management::DEPLOYMENTS, &body).expect(201));
    until("success everywhere", LIMIT, || {
        assert_eq!(admin.count(&deployment, "failure"), 0);
        usize::try_from(admin.count(&deployment, "success")) == Ok(DEVICES)
    });
    assert_eq!(admin.deployment(&deployment)["status"], "finished");
    // Each of them, by name.
    let list = format!("{}/{deployment}/devices/list?per_page=500", management::DEPLOYMENTS);
    let list = admin.get(&list).expect(200).json();
    let list = list.as_array().expect("a list");
    let ids: BTreeSet<&str> = list.iter().filter_map(|row| row["id"].as_str()).collect();
    assert_eq!(ids.len(), DEVICES);
    assert!(list.iter().all(|row| row["status"] == "success"));
    assert_eq!(fleet.wait_exit(LIMIT).code(), Some(0), "the fleet reports failures: {}", fleet.log());
    let report: Value = serde_json::from_slice(&fs::read(&report).expect("a report")).expect("JSON");
    assert_eq!(report["outcomes"]["success"], DEVICES, "{report}");
    assert_eq!(report["errors"]["by_kind"], json!({}), "{report}");
}

/// Copies a file in one step, so that nobody sees half of it.
fn copy_if_there(from: &Path, to: &Path) {
    if from.is_file() {
        let part = to.with_extension(format!("{}.part", std::process::id()));
        fs::copy(from, &part).expect("writable");
        fs::rename(&part, to).expect("writable");
    }
}
