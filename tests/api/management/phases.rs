//! Phases and retries of deployments (management API §4.4).

use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use harness::management::{DEPLOYMENTS, location_id};
use harness::{ArtifactSpec, Device, Peer, ServerSetup, Skew, TestServer, until};
use libtest_mimic::Trial;
use serde_json::{Value, json};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = harness::storage_trials![
        a_phase_lets_in_so_many_devices_and_no_more,
        a_deployment_waits_for_its_first_phase,
        phases_that_cannot_be_are_refused,
        a_device_that_may_fail_again_is_offered_the_same_again,
        what_was_counted_survives_a_restart,
        who_forgets_its_history_begins_again,
    ];
    trials.extend(harness::peer_trials![&[Peer::Faketime]; phases_begin_by_the_clock]);
    trials
}

const V2: &str = "/api/management/v2/deployments/deployments";

struct Rollout {
    devices: Vec<Device>,
    release: String,
}

impl Rollout {
    fn prepare(server: &TestServer, count: usize) -> Self {
        let mut devices: Vec<Device> = (0..count).map(|_| server.accepted_device()).collect();
        let device_type = devices[0].device_type.clone();
        for device in &mut devices {
            device.device_type.clone_from(&device_type);
        }
        let artifact = ArtifactSpec::new(&device_type).write();
        server.admin().upload(&artifact);
        Self { devices, release: artifact.name.clone() }
    }

    fn body(&self, more: &Value) -> Value {
        let mut body = json!({ "name": "in parts", "artifact_name": self.release, "all_devices": true });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    }

    fn deploy(&self, server: &TestServer, more: &Value) -> String {
        location_id(&server.admin().send_json("POST", DEPLOYMENTS, &self.body(more)).expect(201))
    }

    /// The devices that are offered something when they ask, by their place.
    fn offered(&self) -> Vec<usize> {
        let ask = |(at, device): (usize, &Device)| (device.next().status == 200).then_some(at);
        self.devices.iter().enumerate().filter_map(ask).collect()
    }
}

fn shown(server: &TestServer, id: &str) -> Value {
    server.admin().get(&format!("{DEPLOYMENTS}/{id}")).expect(200).json()
}

fn begun(deployment: &Value) -> Vec<u64> {
    let phases = deployment["phases"].as_array().unwrap_or_else(|| panic!("no phases: {deployment}"));
    phases.iter().map(|phase| phase["device_count"].as_u64().expect("a count")).collect()
}

#[expect(clippy::disallowed_methods, reason = "phases begin by the clock that the server goes by")]
fn in_hours(hours: i64) -> String {
    let now: DateTime<Utc> = SystemTime::now().into();
    (now + TimeDelta::hours(hours)).to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn a_phase_lets_in_so_many_devices_and_no_more() {
    let server = TestServer::start();
    let rollout = Rollout::prepare(&server, 8);
    let phases = json!([{ "batch_size": 25 }, { "batch_size": 25, "start_ts": in_hours(1) }, { "start_ts": in_hours(2) }]);
    let id = rollout.deploy(&server, &json!({ "phases": phases }));
    // All ask in the same moment.
    let first: usize = std::thread::scope(|scope| {
        let ask = |device| scope.spawn(move || usize::from(Device::next(device).status == 200));
        let asking: Vec<_> = rollout.devices.iter().map(ask).collect();
        asking.into_iter().map(|one| one.join().expect("an answer")).sum()
    });
    assert_eq!(first, 2);
    let offered = rollout.offered();
    assert_eq!(offered.len(), 2, "the same two, again");
    let deployment = shown(&server, &id);
    assert_eq!(begun(&deployment), [2, 0, 0]);
    assert_eq!(
        (&deployment["device_count"], &deployment["max_devices"], &deployment["status"]),
        (&json!(2), &json!(8), &json!("inprogress"))
    );
    let sizes: Vec<&Value> =
        deployment["phases"].as_array().expect("phases").iter().map(|phase| &phase["batch_size"]).collect();
    assert_eq!(sizes, [&json!(25), &json!(25), &Value::Null]);
    // Who has ended it gives its place to nobody.
    let device = &rollout.devices[offered[0]];
    device.report(&id, "downloading").expect(204);
    device.report(&id, "failure").expect(204);
    assert_eq!(rollout.offered(), [offered[1]]);
    assert_eq!(shown(&server, &id)["statistics"]["status"]["pending"], json!(7));
    // A later deployment does not overtake the one that they wait for.
    let body = json!({ "name": "later", "artifact_name": rollout.release, "all_devices": true });
    let later = location_id(&server.admin().send_json("POST", DEPLOYMENTS, &body).expect(201));
    assert_eq!(rollout.offered().len(), 2, "the other one, and who has ended the first");
    let abort = json!({ "status": "aborted" });
    server.admin().send_json("PUT", &format!("{DEPLOYMENTS}/{id}/status"), &abort).expect(204);
    assert_eq!(rollout.offered().len(), 8);
    assert!(shown(&server, &later)["phases"].is_null(), "none were asked for");
}

fn a_deployment_waits_for_its_first_phase() {
    let server = TestServer::start();
    let rollout = Rollout::prepare(&server, 1);
    let start = in_hours(24);
    let id = rollout.deploy(&server, &json!({ "phases": [{ "batch_size": 100, "start_ts": start }] }));
    assert!(rollout.offered().is_empty());
    let deployment = shown(&server, &id);
    assert_eq!(deployment["status"], "scheduled");
    let told = deployment["phases"][0]["start_ts"].as_str().expect("a moment").to_owned();
    assert_eq!(told.trim_end_matches('Z').trim_end_matches(".000"), start.trim_end_matches('Z'));
    let listed = |status: &str| {
        let list = server.admin().get(&format!("{V2}?status={status}")).expect(200);
        list.header("X-Total-Count").expect("a total").to_owned()
    };
    assert_eq!(["scheduled", "pending", "inprogress", "finished"].map(listed), ["1", "0", "0", "0"]);
    let abort = json!({ "status": "aborted" });
    server.admin().send_json("PUT", &format!("{DEPLOYMENTS}/{id}/status"), &abort).expect(204);
    assert_eq!(["scheduled", "finished"].map(listed), ["0", "1"]);
}

fn phases_that_cannot_be_are_refused() {
    let server = TestServer::start();
    let rollout = Rollout::prepare(&server, 2);
    for phases in [
        json!([{ "batch_size": 10 }, { "start_ts": in_hours(1) }]),
        json!([{ "batch_size": 50 }, { "batch_size": 40, "start_ts": in_hours(1) }]),
        json!([{ "batch_size": 50 }, {}]),
        json!([{ "batch_size": 50, "start_ts": in_hours(2) }, { "start_ts": in_hours(1) }]),
        json!([{ "batch_size": 50, "batch_size_devices": 1 }, { "start_ts": in_hours(1) }]),
        json!([{ "batch_size_devices": 3 }]),
        json!([{ "batch_size": -1 }]),
        json!([{ "start_ts": "tomorrow" }]),
        json!("all"),
    ] {
        let body = rollout.body(&json!({ "phases": phases }));
        let refused = server.admin().send_json("POST", DEPLOYMENTS, &body).expect_error(400);
        assert!(
            refused.json()["error"]
                .as_str()
                .is_some_and(|text| text.contains("phases") || text.contains("request body")),
            "{refused}"
        );
    }
    for retries in [json!(-1), json!(101), json!("two")] {
        let body = rollout.body(&json!({ "retries": retries }));
        server.admin().send_json("POST", DEPLOYMENTS, &body).expect_error(400);
    }
    // Nothing, and everything at once, are no phases.
    rollout.deploy(&server, &json!({ "phases": [], "retries": 0 }));
    assert_eq!(rollout.offered().len(), 2);
}

fn a_device_that_may_fail_again_is_offered_the_same_again() {
    let server = TestServer::start();
    let rollout = Rollout::prepare(&server, 1);
    let device = &rollout.devices[0];
    let id = rollout.deploy(&server, &json!({ "retries": 2 }));
    assert_eq!(shown(&server, &id)["retries"], json!(2));
    let mut artifacts = Vec::new();
    for attempt in 0..3 {
        let offer = device.next_offer();
        assert_eq!(offer["id"], json!(id), "attempt {attempt}");
        artifacts.push(offer["artifact"]["artifact_name"].clone());
        device.report(&id, "downloading").expect(204);
        device.report(&id, "installing").expect(204);
        device.report(&id, "failure").expect(204);
        let statistics = shown(&server, &id)["statistics"]["status"].clone();
        let expected = if attempt < 2 { (json!(1), json!(0)) } else { (json!(0), json!(1)) };
        assert_eq!(
            (statistics["pending"].clone(), statistics["failure"].clone()),
            expected,
            "attempt {attempt}"
        );
    }
    assert!(artifacts.iter().all(|artifact| *artifact == json!(rollout.release)), "{artifacts:?}");
    device.next_nothing();
    assert_eq!(shown(&server, &id)["status"], "finished");
    // A success at the second attempt is one.
    let again = rollout.deploy(&server, &json!({ "name": "again", "retries": 1 }));
    device.next_offer();
    device.report(&again, "installing").expect(204);
    device.report(&again, "failure").expect(204);
    device.next_offer();
    device.report(&again, "installing").expect(204);
    device.report(&again, "success").expect(204);
    let deployment = shown(&server, &again);
    assert_eq!((&deployment["status"], &deployment["device_count"]), (&json!("finished"), &json!(1)));
    assert_eq!(deployment["statistics"]["status"]["success"], json!(1));
}

fn what_was_counted_survives_a_restart() {
    let server = TestServer::start();
    let rollout = Rollout::prepare(&server, 3);
    let phases = json!([{ "batch_size_devices": 2 }, { "start_ts": in_hours(1) }]);
    let id = rollout.deploy(&server, &json!({ "phases": phases, "retries": 1 }));
    let offered = rollout.offered();
    assert_eq!(offered.len(), 2);
    rollout.devices[offered[0]].report(&id, "installing").expect(204);
    rollout.devices[offered[0]].report(&id, "failure").expect(204);
    rollout.devices[offered[1]].report(&id, "success").expect(204);
    server.restart();
    assert_eq!(rollout.offered(), [offered[0]], "one tries again, one is done, one waits");
    assert_eq!(begun(&shown(&server, &id)), [2, 0]);
}

fn who_forgets_its_history_begins_again() {
    let server = TestServer::start();
    let rollout = Rollout::prepare(&server, 2);
    let (first, second) = (&rollout.devices[0], &rollout.devices[1]);
    let id_of = |device: &Device| server.admin().device_id(device);
    let over = {
        let alone = json!({ "name": "alone", "artifact_name": rollout.release, "devices": [id_of(first)] });
        location_id(&server.admin().send_json("POST", DEPLOYMENTS, &alone).expect(201))
    };
    first.next_offer();
    first.report(&over, "success").expect(204);
    let id = rollout.deploy(&server, &json!({}));
    first.next_offer();
    first.report(&id, "downloading").expect(204);
    first.report(&id, "failure").expect(204);
    first.next_nothing();
    let path = format!("{DEPLOYMENTS}/devices/{}", id_of(first));
    let history = || {
        let list = server.admin().get(&path).expect(200).json();
        let entries = list.as_array().expect("a list").clone();
        entries
            .iter()
            .map(|entry| entry["device"]["status"].as_str().expect("a status").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(history(), ["failure", "success"]);

    server.admin().send("DELETE", &format!("{path}/history")).expect(204);
    assert_eq!(history(), ["pending"], "what is over is gone, and what goes on begins again");
    let counters = |id: &str| shown(&server, id)["statistics"]["status"].clone();
    assert_eq!((&counters(&id)["failure"], &counters(&id)["pending"]), (&json!(0), &json!(2)));
    assert_eq!(counters(&over)["success"], json!(1), "the deployment still tells");
    let told = server.admin().get(&format!("{DEPLOYMENTS}/{over}/devices/list")).expect(200).json();
    assert!(told[0]["deleted"].is_string() && told[0]["status"] == "success", "{told}");
    server.restart();
    assert_eq!(first.next_offer()["id"], json!(id));
    first.report(&id, "installing").expect(204);
    first.report(&id, "success").expect(204);
    second.next_offer();
    second.report(&id, "success").expect(204);
    let deployment = shown(&server, &id);
    assert_eq!((&deployment["status"], &deployment["device_count"]), (&json!("finished"), &json!(2)));
    for nobody in ["0191d3c0-0000-7000-8000-000000000000", "nonsense"] {
        server.admin().send("DELETE", &format!("{DEPLOYMENTS}/devices/{nobody}/history")).expect(204);
    }
}

fn phases_begin_by_the_clock() {
    let skew = Skew::new("+0");
    let server = skew.of(ServerSetup::default()).start();
    let rollout = Rollout::prepare(&server, 4);
    let phases = json!([{ "batch_size": 25 }, { "batch_size": 50, "start_ts": in_hours(1) }, { "start_ts": in_hours(2) }]);
    let id = rollout.deploy(&server, &json!({ "phases": phases }));
    assert_eq!(rollout.offered().len(), 1);
    for (later, devices) in [("+61m", 3), ("+121m", 4)] {
        skew.set(later);
        until("the next phase", Duration::from_mins(1), || rollout.offered().len() == devices);
    }
    assert_eq!(begun(&shown(&server, &id)), [1, 2, 1]);
}
