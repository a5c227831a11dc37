//! Many at once: what is acknowledged is stored, once, and counted.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::device::NEXT_V2;
use harness::management::{DEPLOYMENTS, DEVAUTH};
use harness::{ArtifactSpec, Device, Request, Response, TestServer};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    harness::storage_trials![
        one_device_on_64_connections_is_one_device,
        thousand_devices_at_once_are_a_thousand,
        storm_of_reports_is_stored_and_counted,
        abort_amid_a_storm_of_reports_stops_everybody,
    ]
}

const CONNECTIONS: usize = 64;
const CROWD: usize = 1_000;
/// Devices in a storm, and how many connections each of them reports on.
const STORM: usize = 24;
const REPORTERS: usize = 2;
/// What each of them says, one after the other.
const COURSE: [&str; 4] = ["downloading", "installing", "rebooting", "installing"];
/// How often, before it says how it ended.
const ROUNDS: usize = 5;
const END: &str = "success";

/// Sends a request on many connections that are open already, all at the same moment.
fn at_once(server: &TestServer, request: &Request) -> Vec<Response> {
    let start = Barrier::new(CONNECTIONS);
    thread::scope(|scope| {
        let senders: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                scope.spawn(|| {
                    let mut connection = server.http().connect().expect("a connection");
                    start.wait();
                    connection.send(request).expect("an answer")
                })
            })
            .collect();
        senders.into_iter().map(|sender| sender.join().expect("no sender fails")).collect()
    })
}

/// Returns all devices as the management API shows them.
fn all_devices(server: &TestServer) -> Vec<Value> {
    let mut all = Vec::new();
    for page in 1.. {
        let listed = server.admin().get(&format!("{DEVAUTH}?page={page}&per_page=500")).expect(200).json();
        let Some(listed) = listed.as_array().filter(|listed| !listed.is_empty()) else { break };
        all.extend(listed.iter().cloned());
    }
    all
}

fn counted(server: &TestServer, status: &str) -> Value {
    server.admin().get(&format!("{DEVAUTH}/count?status={status}")).expect(200).json()["count"].clone()
}

fn one_device_on_64_connections_is_one_device() {
    let server = TestServer::start();
    let device = server.device();
    let request = device.auth_request(device.auth_body());
    for answer in at_once(&server, &request) {
        answer.expect_error(401);
    }
    let all = all_devices(&server);
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!(all[0]["auth_sets"].as_array().map(Vec::len), Some(1), "{all:?}");
    assert_eq!(counted(&server, "pending"), 1);
    server.admin().accept(&device);
    let tokens = at_once(&server, &request).into_iter().map(|answer| answer.expect(200).text());
    for token in tokens {
        let body = json!({"device_provides": device.provides()});
        server.http().send(&Request::new("POST", NEXT_V2).bearer(&token).json(&body)).expect(204);
    }
    server.restart();
    assert_eq!((all_devices(&server).len(), counted(&server, "accepted")), (1, json!(1)));
}

/// Lets as many threads as there are connections work through a list.
fn share<T: Sync>(all: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(one);
                }
            });
        }
    });
}

fn thousand_devices_at_once_are_a_thousand() {
    let server = TestServer::start();
    let devices: Vec<Device> = (0..CROWD).map(|_| server.device()).collect();
    let ask = |device: &Device| server.http().send(&device.auth_request(device.auth_body()));
    share(&devices, |device| drop(ask(device).expect_error(401)));
    let all = all_devices(&server);
    assert_eq!((all.len(), counted(&server, "pending")), (CROWD, json!(CROWD)));
    let known = |device: &Device| all.iter().any(|one| one["identity_data"] == device.identity_json());
    assert!(devices.iter().all(known), "a device was acknowledged and is not there");
    let admin = server.admin();
    share(&all, |one| {
        let sets = one["auth_sets"].as_array().expect("auth sets");
        assert_eq!(sets.len(), 1, "{one}");
        let (id, set) = (one["id"].as_str().expect("an id"), sets[0]["id"].as_str().expect("an id"));
        let path = format!("{DEVAUTH}/{id}/auth/{set}/status");
        admin.send_json("PUT", &path, &json!({"status": "accepted"})).expect(204);
    });
    share(&devices, |device| drop(ask(device).expect(200)));
    assert_eq!((counted(&server, "pending"), counted(&server, "accepted")), (json!(0), json!(CROWD)));
    server.restart();
    assert_eq!((counted(&server, "pending"), counted(&server, "accepted")), (json!(0), json!(CROWD)));
    share(&devices, |device| drop(ask(device).expect(200)));
}

/// Devices to which one deployment was offered.
struct Storm {
    server: TestServer,
    devices: Vec<Device>,
    ids: Vec<String>,
    deployment: String,
}

impl Storm {
    fn gather() -> Self {
        let server = TestServer::start();
        let device_type = harness::names::unique("type");
        let devices: Vec<Device> = (0..STORM)
            .map(|_| {
                let mut device = server.accepted_device();
                device.device_type.clone_from(&device_type);
                device
            })
            .collect();
        let admin = server.admin();
        let artifact = ArtifactSpec::new(&device_type).write();
        admin.upload(&artifact);
        let ids: Vec<String> = devices.iter().map(|device| admin.device_id(device)).collect();
        let deployment = admin.deploy(&artifact.name, &ids);
        for device in &devices {
            device.next_offer();
        }
        Self { server, devices, ids, deployment }
    }

    /// Lets all devices report on all their connections at once, while something else is done; returns for each device
    /// whether its success was acknowledged and whether it was told to stop.
    fn rage(&self, meanwhile: impl FnOnce(&AtomicUsize)) -> Vec<(bool, bool)> {
        let (start, acknowledged) = (Barrier::new(STORM * REPORTERS), AtomicUsize::new(0));
        let report = |device| {
            start.wait();
            self.follow_course(device, &acknowledged)
        };
        let report = &report;
        thread::scope(|scope| {
            let reporters: Vec<_> = self
                .devices
                .iter()
                .map(|device| [(); REPORTERS].map(|()| scope.spawn(move || report(device))))
                .collect();
            meanwhile(&acknowledged);
            let outcome = |(done, stopped), reporter: thread::ScopedJoinHandle<'_, (bool, bool)>| {
                let (also_done, also_stopped) = reporter.join().expect("no reporter fails");
                (done || also_done, stopped || also_stopped)
            };
            reporters.into_iter().map(|of_one| of_one.into_iter().fold((false, false), outcome)).collect()
        })
    }

    fn follow_course(&self, device: &Device, acknowledged: &AtomicUsize) -> (bool, bool) {
        for status in COURSE.repeat(ROUNDS).into_iter().chain([END]) {
            let answer = device.report(&self.deployment, status);
            if answer.status == 409 {
                return (false, true);
            }
            answer.expect(204);
            acknowledged.fetch_add(1, Ordering::SeqCst);
        }
        (true, false)
    }

    /// Compares rows and counters with how each device must have ended.
    #[track_caller]
    fn expect(&self, ends: &[&str]) {
        let admin = self.server.admin();
        for (id, end) in self.ids.iter().zip(ends) {
            assert_eq!(admin.device_state(&self.deployment, id).as_deref(), Some(*end), "device {id}");
        }
        for status in ["pending", "downloading", "installing", "rebooting", "success", "failure", "aborted"] {
            let rows = ends.iter().filter(|end| **end == status).count();
            assert_eq!(json!(admin.count(&self.deployment, status)), json!(rows), "counter of {status}");
        }
        assert_eq!(admin.deployment(&self.deployment)["status"], "finished");
    }
}

fn storm_of_reports_is_stored_and_counted() {
    let storm = Storm::gather();
    let told = storm.rage(|_| {});
    assert!(told.iter().all(|told| *told == (true, false)), "{told:?}");
    let ends = [END; STORM];
    storm.expect(&ends);
    storm.server.restart();
    storm.expect(&ends);
}

fn abort_amid_a_storm_of_reports_stops_everybody() {
    let storm = Storm::gather();
    let told = storm.rage(|acknowledged| {
        // A connection that is open already: the storm is short.
        let mut connection = storm.server.http().connect().expect("a connection");
        let deadline = Instant::now() + Duration::from_mins(1);
        while acknowledged.load(Ordering::SeqCst) <= STORM && Instant::now() < deadline {
            thread::yield_now();
        }
        let path = format!("{DEPLOYMENTS}/{}/status", storm.deployment);
        let abort = storm.server.admin().request("PUT", &path).json(&json!({"status": "aborted"}));
        connection.send(&abort).expect("an answer").expect(204);
    });
    let ends: Vec<&str> = told.iter().map(|(done, _)| if *done { END } else { "aborted" }).collect();
    assert!(ends.contains(&"aborted"), "the abort came too late: {told:?}");
    for (done, stopped) in &told {
        assert!(done != stopped, "acknowledged and told to stop, or neither: {told:?}");
    }
    storm.expect(&ends);
    let repeat = || {
        for (device, end) in storm.devices.iter().zip(&ends) {
            let status = if *end == END { 204 } else { 409 };
            device.report(&storm.deployment, "installing").expect(status);
        }
    };
    repeat();
    storm.server.restart();
    storm.expect(&ends);
    repeat();
    storm.expect(&ends);
}
