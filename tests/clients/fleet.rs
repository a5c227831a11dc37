//! A fleet of simulated devices.

use std::fs;
use std::process::Command;
use std::time::Duration;

use harness::names::unique;
use harness::process::Process;
use harness::{ArtifactSpec, TestServer, binaries, management, until};
use libtest_mimic::Trial;
use serde_json::{Value, json};

/// How many devices take part.
const DEVICES: u64 = 200;
/// With the generation of so many RSA keys in an unoptimised build, the first time.
const LIMIT: Duration = Duration::from_mins(10);

pub(crate) fn trials() -> Vec<Trial> {
    harness::trials![two_hundred_devices_are_updated]
}

fn two_hundred_devices_are_updated() {
    let server = TestServer::start();
    let device_type = unique("fleet");
    let report = server.scratch().join("report.json");
    let state = binaries::cache_dir().join("fleet-state");
    // What the devices have installed belongs to the run; the keys are kept.
    fs::create_dir_all(&state).expect("the cache is writable");
    let mut command = Command::new(binaries::client_sim());
    command
        .args(["run", "--server", &server.url(), "--ca"])
        .arg(server.ca())
        .args(["--devices", &DEVICES.to_string(), "--key-type", "rsa3072", "--poll", "2"])
        .args(["--device-type", &device_type, "--state"])
        .arg(&state)
        .args(["--duration", "500", "--report"])
        .arg(&report)
        .env("SEALIFT_TOKEN", &server.admin().token)
        .args(["--accept-with", &server.admin().token]);
    let fleet = Process::start(&mut command, &server.scratch().join("fleet.log"));
    let admin = server.admin();
    until("all devices to be accepted", LIMIT, || {
        assert!(fleet.try_exit().is_none(), "the fleet ended early");
        let path = "/api/management/v2/devauth/devices/count?status=accepted";
        admin.get(path).expect(200).json()["count"].as_u64() == Some(DEVICES)
    });
    let artifact = ArtifactSpec::new(&device_type).incompressible(50_000).write();
    admin.upload(&artifact);
    let body = json!({"name": "everyone", "artifact_name": artifact.name, "all_devices": true});
    let deployment =
        management::location_id(&admin.send_json("POST", management::DEPLOYMENTS, &body).expect(201));
    until("success everywhere", LIMIT, || admin.count(&deployment, "success") == DEVICES);
    assert_eq!(admin.deployment(&deployment)["status"], "finished");
    // Each of them, by name.
    let list = format!("{}/{deployment}/devices/list?per_page=500", management::DEPLOYMENTS);
    let list = admin.get(&list).expect(200).json();
    let list = list.as_array().expect("a list");
    assert_eq!(list.len(), 200);
    assert!(list.iter().all(|row| row["status"] == "success"));
    assert_eq!(fleet.wait_exit(LIMIT).code(), Some(0), "the fleet reports failures");
    let report: Value = serde_json::from_slice(&fs::read(&report).expect("a report")).expect("JSON");
    eprintln!("{report}");
}
