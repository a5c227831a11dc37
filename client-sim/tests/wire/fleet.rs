//! Fleets against a small server, over real TLS.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use artifact::VerifyingKey;
use client_sim::device::{DeviceState, Faults, KeyType, Outcome, Profile, Timing};
use client_sim::fleet::{Fleet, FleetConfig, RunError};
use client_sim::protocol::{Generation, Origin, Trust};
use client_sim::report::{ErrorReport, Report, UNFINISHED};

use crate::mock::{Behaviour, MockServer, TOKEN};

const OURS: &str = include_str!("../fixtures/p256.public.pem");
const OTHER: &str = include_str!("../fixtures/p256-other.public.pem");

fn profile(generation: Generation) -> Profile {
    let timing = Timing {
        resume: Duration::from_millis(10),
        reboot: Duration::from_millis(10),
        ..Timing::for_poll(Duration::from_millis(50))
    };
    Profile::new("beaglebone", generation, timing)
}

fn config(server: &MockServer, devices: u32, profile: Profile) -> FleetConfig {
    let origin = Origin::parse(&server.url).unwrap();
    let trust = Trust::from_pem(server.ca_pem.as_bytes()).unwrap();
    FleetConfig { key_type: KeyType::Ed25519, ..FleetConfig::new(origin, trust, devices, profile, 42) }
}

async fn run(config: FleetConfig) -> Report {
    let mut fleet = Fleet::prepare(config, Arc::default()).await.unwrap();
    fleet.run(pending()).await.unwrap()
}

#[tokio::test]
async fn every_key_type_updates_as_client_3_does() {
    for key_type in [KeyType::Rsa3072, KeyType::P256, KeyType::Ed25519] {
        let server = MockServer::start(Behaviour::default()).await;
        let config = FleetConfig {
            key_type,
            key_pool: Some(2),
            tenant_token: "enrol-me".to_owned(),
            verify_keys: vec![VerifyingKey::from_pem(OTHER).unwrap(), VerifyingKey::from_pem(OURS).unwrap()],
            ..config(&server, 4, profile(Generation::V3))
        };
        let report = run(config).await;
        assert_eq!(report.count(Outcome::Success), 4, "{report}");
        assert_eq!(report.errors, ErrorReport::default());
        assert_eq!(report.bytes_downloaded, 4 * 11_776);
        let state = server.state();
        for course in state.courses() {
            let expected = "login inventory next downloading get downloading downloading installing login \
                            installing success inventory";
            assert_eq!(course, expected);
        }
        // One API connection and one download each.
        assert_eq!(state.connections, 8);
        assert!(state.devices.values().all(|device| device.tenant_token == "enrol-me"));
    }
}

#[tokio::test]
async fn client_5_has_a_connection_for_each_request() {
    let server = MockServer::start(Behaviour::default()).await;
    let report = run(config(&server, 3, profile(Generation::V5))).await;
    assert_eq!(report.count(Outcome::Success), 3, "{report}");
    let state = server.state();
    let expected = "login inventory next downloading get installing login installing success inventory";
    assert!(state.courses().iter().all(|course| course == expected), "{:?}", state.courses());
    assert_eq!(state.connections, 3 * 10);
}

#[tokio::test]
async fn pending_devices_are_accepted_with_a_management_token() {
    let behaviour = Behaviour { accepts_everybody: false, ..Behaviour::default() };
    let server = MockServer::start(behaviour).await;
    let accept_with = Some(TOKEN.to_owned());
    let report = run(FleetConfig { accept_with, ..config(&server, 10, profile(Generation::V3)) }).await;
    assert_eq!(report.count(Outcome::Success), 10, "{report}");
    assert!(report.errors.by_code[&401] >= 10);
}

#[tokio::test]
async fn a_token_that_may_not_accept_ends_the_run() {
    let behaviour = Behaviour { accepts_everybody: false, ..Behaviour::default() };
    let server = MockServer::start(behaviour).await;
    let accept_with = Some("wrong".to_owned());
    let config = FleetConfig { accept_with, ..config(&server, 1, profile(Generation::V3)) };
    let mut fleet = Fleet::prepare(config, Arc::default()).await.unwrap();
    assert!(matches!(fleet.run(pending()).await, Err(RunError::AcceptRefused(_))));
}

#[tokio::test]
async fn a_broken_download_is_resumed_at_the_byte() {
    for generation in [Generation::V3, Generation::V5] {
        let server = MockServer::start(Behaviour { break_at: Some(5000), ..Behaviour::default() }).await;
        let report = run(config(&server, 2, profile(generation))).await;
        assert_eq!(report.count(Outcome::Success), 2, "{report}");
        assert!(
            server.state().courses().iter().all(|course| course.contains("get resume@5000 ")
                || course.contains("get downloading resume@5000 "))
        );
    }
}

#[tokio::test]
async fn faults_cut_the_download_and_reboot() {
    let server = MockServer::start(Behaviour::default()).await;
    let faults = Faults { cut_download: 1.0, reboot: 1.0, install_failure: 0.0 };
    let profile = Profile { faults, ..profile(Generation::V3) };
    let report = run(config(&server, 2, profile)).await;
    assert_eq!(report.count(Outcome::Success), 2, "{report}");
    let state = server.state();
    for course in state.courses() {
        assert!(course.contains("resume@5888"), "{course}");
        assert!(course.contains("installing rebooting login installing success"), "{course}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_artifact_fails_and_is_counted() {
    let check = async |verify_key: &str, device_type: &str, name: &str, reason: &str| {
        let behaviour = Behaviour { artifact_name: name.to_owned(), ..Behaviour::default() };
        let server = MockServer::start(behaviour).await;
        let profile = Profile { device_type: device_type.to_owned(), ..profile(Generation::V3) };
        let verify_keys = vec![VerifyingKey::from_pem(verify_key).unwrap()];
        let report = run(FleetConfig { verify_keys, ..config(&server, 2, profile) }).await;
        assert_eq!(report.failed(), 2, "{report}");
        let reasons: Vec<&String> = report.failures.keys().collect();
        assert!(reasons.len() == 1 && reasons[0].contains(reason), "{reasons:?}");
        let course = "login inventory next downloading get downloading failure log inventory";
        assert_eq!(server.state().courses(), [course, course]);
    };
    check(OTHER, "beaglebone", "signed-p256", "signature").await;
    check(OURS, "toaster", "signed-p256", "device_type is `toaster`").await;
    check(OURS, "beaglebone", "other", "the artifact is named `signed-p256`").await;
}

#[tokio::test]
async fn an_abort_leaves_the_old_software() {
    let behaviour = Behaviour { answers: BTreeMap::from([("installing", 409)]), ..Behaviour::default() };
    let server = MockServer::start(behaviour).await;
    let mut fleet =
        Fleet::prepare(config(&server, 1, profile(Generation::V3)), Arc::default()).await.unwrap();
    let report = fleet.run(pending()).await.unwrap();
    assert_eq!(report.count(Outcome::Aborted), 1, "{report}");
    assert_eq!(fleet.members()[0].memory().software.artifact_name(), "release-0");
}

#[tokio::test]
async fn the_next_run_goes_on_with_the_same_devices_and_software() {
    let dir = tempfile::tempdir().unwrap();
    let server = MockServer::start(Behaviour::default()).await;
    let with_state = || FleetConfig {
        state_dir: Some(dir.path().to_owned()),
        duration: Some(Duration::from_millis(300)),
        seed: rand::random(),
        ..config(&server, 2, profile(Generation::V3))
    };
    assert_eq!(run(with_state()).await.count(Outcome::Success), 2);
    let report = run(with_state()).await;
    assert_eq!(report.outcomes[UNFINISHED], 2);
    assert_eq!(report.states[DeviceState::Idle.name()], 2);
    let state = server.state();
    assert_eq!(state.devices.len(), 2);
    for device in state.devices.values() {
        assert_eq!(device.provides["artifact_name"], "signed-p256");
        assert_eq!(device.provides["device_type"], "beaglebone");
    }
}

#[tokio::test]
async fn stopping_ends_the_run_at_once() {
    let behaviour = Behaviour { accepts_everybody: false, ..Behaviour::default() };
    let server = MockServer::start(behaviour).await;
    let mut fleet =
        Fleet::prepare(config(&server, 3, profile(Generation::V3)), Arc::default()).await.unwrap();
    let progress = fleet.progress();
    let all_pending = async {
        while progress.snapshot().in_state(DeviceState::Pending) < 3 {
            tokio::task::yield_now().await;
        }
    };
    let report = fleet.run(all_pending).await.unwrap();
    assert_eq!(report.outcomes[UNFINISHED], 3);
    assert_eq!(report.failed(), 0);
}
