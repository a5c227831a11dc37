//! Overload: who gives way, and who does not.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use harness::management::{DEPLOYMENTS, DEVAUTH, login_request};
use harness::server::{ADMIN, PASSWORD};
use harness::{ArtifactSpec, Device, DeviceKey, Request, Response, ServerSetup, TestServer, until};
use libtest_mimic::Trial;
use serde_json::json;

const LIMIT: Duration = Duration::from_mins(2);
/// A server without load is calm after ten seconds; machines that test are busy.
const CALM_LIMIT: Duration = Duration::from_mins(1);

pub(crate) fn trials() -> Vec<Trial> {
    harness::trials![
        classes_give_way_in_order,
        first_calls_after_a_login_are_served,
        overloaded_server_sheds_polls_and_takes_reports,
    ]
}

/// Two devices, one of them in the middle of an update.
struct Fleet {
    idle: Device,
    updating: Device,
    deployment: String,
}

impl Fleet {
    fn build(server: &TestServer) -> Self {
        let (idle, updating) = (server.accepted_device(), server.accepted_device());
        idle.next_nothing();
        let admin = server.admin();
        let artifact = ArtifactSpec::new(&updating.device_type).write();
        admin.upload(&artifact);
        let deployment = admin.deploy(&artifact.name, &[admin.device_id(&updating)]);
        updating.next_offer();
        updating.report(&deployment, "downloading").expect(204);
        Self { idle, updating, deployment }
    }
}

#[track_caller]
fn expect_shed(response: Response, status: u16, code: &str, waits: std::ops::RangeInclusive<u32>) {
    let response = response.expect_error(status);
    assert_eq!(response.json()["code"], code);
    let wait = response.header("Retry-After").and_then(|value| value.parse::<u32>().ok());
    assert!(wait.is_some_and(|secs| waits.contains(&secs)), "not in {waits:?}: {response}");
}

fn classes_give_way_in_order() {
    let mut server = ServerSetup::default().env("SEALIFT_LIMITS__NEW_SESSION_SECS", "0").start();
    let Fleet { mut idle, updating, deployment } = Fleet::build(&server);
    let token = server.admin().token.clone();
    let user = |server: &TestServer, method: &str, target: &str| {
        server.http().send(&Request::new(method, target).bearer(&token))
    };
    let log = br#"{"messages":[]}"#;

    server.restart_with(&[("SEALIFT_LIMITS__LOAD_LEVEL_MIN", "1")]);
    let waits: Vec<String> = (0..20)
        .map(|_| {
            let answer = idle.next();
            expect_shed(answer.clone(), 429, "rate_limited", 60..=120);
            answer.header("Retry-After").unwrap_or_default().to_owned()
        })
        .collect();
    assert!(waits.iter().any(|wait| *wait != waits[0]), "the fleet would come back in phase: {waits:?}");
    expect_shed(idle.put_inventory(&json!([])), 429, "rate_limited", 60..=120);
    updating.next().expect(200);
    updating.report(&deployment, "downloading").expect(204);
    updating.send_log(&deployment, log).expect(204);
    server.device_with(DeviceKey::ed25519()).authenticate().expect_error(401);
    user(&server, "GET", DEVAUTH).expect(200);
    idle.authenticate().expect(200);

    server.restart_with(&[("SEALIFT_LIMITS__LOAD_LEVEL_MIN", "2")]);
    expect_shed(idle.next(), 429, "rate_limited", 60..=120);
    let stranger = server.device_with(DeviceKey::ed25519()).authenticate();
    expect_shed(stranger, 429, "rate_limited", 30..=60);
    expect_shed(user(&server, "GET", DEVAUTH), 503, "unavailable", 5..=10);
    expect_shed(server.http().send(&login_request(ADMIN, PASSWORD)), 503, "unavailable", 5..=10);
    updating.next().expect(200);
    updating.report(&deployment, "downloading").expect(204);
    updating.send_log(&deployment, log).expect(204);
    idle.authenticate().expect(200);

    server.restart_with(&[("SEALIFT_LIMITS__LOAD_LEVEL_MIN", "3")]);
    expect_shed(idle.authenticate(), 429, "rate_limited", 30..=60);
    expect_shed(updating.send_log(&deployment, log), 429, "rate_limited", 30..=60);
    updating.next().expect(200);
    updating.report(&deployment, "installing").expect(204);
    server.http().get("/health/live").expect_success();
    // Who stops a deployment makes less work.
    let abort = Request::new("PUT", format!("{DEPLOYMENTS}/{deployment}/status")).bearer(&token);
    server.http().send(&abort.json(&json!({"status": "aborted"}))).expect(204);
    updating.report(&deployment, "rebooting").expect(409);
}

fn first_calls_after_a_login_are_served() {
    let mut server = ServerSetup::default().start();
    let mut device = server.accepted_device();
    server.restart_with(&[("SEALIFT_LIMITS__LOAD_LEVEL_MIN", "2")]);
    // With a token from before the restart, and with one from after it.
    device.next_nothing();
    device.log_in();
    for _ in 0..3 {
        device.next_nothing();
        device.put_inventory(&json!([{"name": "a", "value": "b"}])).expect(200);
    }
    device.token = Some("not.a.token".to_owned());
    device.next().expect_session_refused();
}

/// A flood of polls on a server that takes itself for overloaded early: the load is real, the threshold is low.
fn overloaded_server_sheds_polls_and_takes_reports() {
    const FLOODERS: usize = 200;
    let mut server = ServerSetup::default().env("SEALIFT_LIMITS__NEW_SESSION_SECS", "0").start();
    let Fleet { idle, updating, deployment } = Fleet::build(&server);
    // So low that a small flood is enough, and more than other users of the machine cost for seconds on end.
    server.restart_with(&[("SEALIFT_LIMITS__OVERLOAD_DELAY_MS", "20")]);
    let (is_over, shed, taken) = (AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0));
    let body = json!({"device_provides": idle.provides()});
    let poll = idle.request("POST", "/api/devices/v2/deployments/device/deployments/next").json(&body);
    thread::scope(|scope| {
        for _ in 0..FLOODERS {
            scope.spawn(|| {
                let mut connection = None;
                while !is_over.load(Ordering::Relaxed) {
                    let mut open = match connection.take() {
                        Some(open) => open,
                        None => match server.http().connect() {
                            Ok(open) => open,
                            Err(_) => continue,
                        },
                    };
                    let Ok(answer) = open.send(&poll) else { continue };
                    match answer.status {
                        204 => taken.fetch_add(1, Ordering::Relaxed),
                        429 => shed.fetch_add(1, Ordering::Relaxed),
                        other => panic!("a poll was answered {other}"),
                    };
                    connection = Some(open);
                }
            });
        }
        let reports = thread::Builder::new().spawn_scoped(scope, || {
            let mut reported = 0;
            while shed.load(Ordering::Relaxed) < 500 && !is_over.load(Ordering::Relaxed) {
                updating.report(&deployment, "downloading").expect(204);
                reported += 1;
            }
            for _ in 0..10 {
                updating.report(&deployment, "downloading").expect(204);
                updating.next().expect(200);
            }
            reported
        });
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            until("shed polls", LIMIT, || shed.load(Ordering::Relaxed) >= 500);
        }));
        let reported = reports.expect("a thread").join();
        is_over.store(true, Ordering::Relaxed);
        assert!(outcome.is_ok(), "{taken:?} polls served, none of the rest shed");
        eprintln!(
            "{taken:?} polls served, {shed:?} shed, {:?} reports before",
            reported.expect("all reports are taken")
        );
    });
    assert!(server.log().contains("the load has changed"), "nobody was told");
    until("polls again", CALM_LIMIT, || idle.next().status == 204);
    until("calm", CALM_LIMIT, || {
        let log = server.log();
        log.lines()
            .rfind(|line| line.contains("the load has changed"))
            .is_some_and(|line| line.contains("level=\"calm\""))
    });
    idle.next_nothing();
}
