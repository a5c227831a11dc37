//! An actor that is a few devices and their operator.

use std::collections::{BTreeMap, VecDeque};

use harness::device::{INVENTORY, NEXT_V2, deployment_path};
use harness::management::{DEPLOYMENTS, DEVAUTH, INVENTORY as SHOWN_INVENTORY, location_id};
use harness::names::{unique, unknown_uuid};
use harness::{Device, DeviceKey, HttpClient, Request};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::line::{Cut, Line};
use super::possible::Possible;
use super::rollout::{Rollout, UNASKED};
use super::sessions::count;
use super::summary::Summary;

/// Devices of one actor.
const DEVICES: usize = 5;
/// Things that ended and are asked for after each start.
const REMEMBERED: usize = 8;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Status {
    Absent,
    Pending,
    Accepted,
    Rejected,
}

/// A device and what is known of it.
struct Unit {
    device: Device,
    status: Possible<Status>,
    /// Device and auth set.
    ids: Option<(String, String)>,
    /// The one attribute of its inventory; 0 before the first.
    inventory: Possible<u64>,
    /// Tokens that must not hold any more.
    void: VecDeque<String>,
    /// Whether its token holds.
    is_open: Possible<bool>,
}

/// A few devices and their operator.
pub(super) struct Fleet {
    token: String,
    http: HttpClient,
    device_type: String,
    releases: Vec<String>,
    rng: StdRng,
    units: Vec<Unit>,
    gone: VecDeque<(String, VecDeque<String>)>,
    rollout: Option<Rollout>,
    past: Vec<Rollout>,
}

impl Fleet {
    /// Devices of one type, for which these releases are.
    pub(super) fn new(
        token: String,
        http: HttpClient,
        device_type: String,
        releases: Vec<String>,
        rng: StdRng,
    ) -> Self {
        let (units, gone, past) = (Vec::new(), VecDeque::new(), Vec::new());
        Self { token, http, device_type, releases, rng, units, gone, rollout: None, past }
    }

    pub(super) fn run(&mut self, line: &mut Line, summary: &mut Summary) {
        while self.step(line, summary).is_ok() {}
    }

    fn step(&mut self, line: &mut Line, summary: &mut Summary) -> Result<(), Cut> {
        if self.units.len() < DEVICES {
            let mut device = Device::new(self.http.clone(), DeviceKey::ed25519());
            device.device_type.clone_from(&self.device_type);
            self.units.push(Unit::new(device));
        }
        let draw = self.rng.random_range(0..100);
        if self.rollout.is_none() && draw < 50 {
            return self.deploy(line, summary);
        }
        if self.rollout.is_some() && draw < 1 {
            return self.abort(line, summary);
        }
        let at = self.rng.random_range(0..self.units.len());
        let chance = self.rng.random_range(0..100);
        match (self.units[at].status.certain(), chance) {
            (Status::Absent, _) => self.units[at].register(line, summary),
            (Status::Pending | Status::Rejected, 0..60) => self.decide(at, Status::Accepted, line, summary),
            (Status::Pending, 60..80) | (Status::Accepted, 96..99) => {
                self.decide(at, Status::Rejected, line, summary)
            }
            (Status::Pending | Status::Rejected, 97..) | (Status::Accepted, 99..) => {
                self.decommission(at, line, summary)
            }
            (Status::Pending | Status::Rejected, _) => self.units[at].ask_in_vain(line),
            (Status::Accepted, _) if !*self.units[at].is_open.certain() => {
                self.units[at].log_in(line, summary)
            }
            (Status::Accepted, 93..96) => self.revoke(at, line, summary),
            (Status::Accepted, 88..93) => self.units[at].log_in(line, summary),
            (Status::Accepted, 60..88) => self.units[at].put_inventory(line, summary),
            (Status::Accepted, _) => self.advance(at, line, summary),
        }
    }

    fn decide(&mut self, at: usize, to: Status, line: &mut Line, summary: &mut Summary) -> Result<(), Cut> {
        let unit = &mut self.units[at];
        let (device, set) = unit.find(&self.token, line)?;
        let (name, what) =
            if to == Status::Accepted { ("accepted", "accept") } else { ("rejected", "reject") };
        let request = Request::new("PUT", format!("{DEVAUTH}/{device}/auth/{set}/status"));
        unit.status.ask(to);
        if to == Status::Rejected && *unit.is_open.certain() {
            unit.is_open.ask(false);
        }
        let answer = line.expect(&request.bearer(&self.token).json(&json!({ "status": name })), 204);
        if answer.is_ok() {
            unit.status.acknowledge();
            unit.is_open.acknowledge();
            unit.drop_closed();
        }
        count(summary, what, answer.map(drop))
    }

    fn revoke(&mut self, at: usize, line: &mut Line, summary: &mut Summary) -> Result<(), Cut> {
        let unit = &mut self.units[at];
        let (_, set) = unit.find(&self.token, line)?;
        let request = Request::new("DELETE", format!("/api/management/v2/devauth/tokens/{set}"));
        unit.is_open.ask(false);
        let answer = line.expect(&request.bearer(&self.token), 204);
        if answer.is_ok() {
            unit.is_open.acknowledge();
            unit.drop_closed();
        }
        count(summary, "revoke", answer.map(drop))
    }

    fn decommission(&mut self, at: usize, line: &mut Line, summary: &mut Summary) -> Result<(), Cut> {
        let (device, _) = self.units[at].find(&self.token, line)?;
        let request = Request::new("DELETE", format!("{DEVAUTH}/{device}")).bearer(&self.token);
        self.units[at].status.ask(Status::Absent);
        let answer = line.expect(&request, 204);
        if let Some(rollout) = &mut self.rollout {
            rollout.dismiss(&device, answer.is_ok());
        }
        if answer.is_ok() {
            self.bury(at);
            if self.rollout.as_ref().is_some_and(Rollout::is_over) {
                self.past.extend(self.rollout.take());
            }
        }
        count(summary, "decommission", answer.map(drop))
    }

    /// Moves a device that is gone to those that must stay gone.
    fn bury(&mut self, at: usize) {
        let mut unit = self.units.swap_remove(at);
        unit.is_open.set(false);
        unit.drop_closed();
        if let Some((device, _)) = unit.ids {
            self.gone.push_back((device, unit.void));
        }
        if self.gone.len() > REMEMBERED {
            self.gone.pop_front();
        }
    }

    fn deploy(&mut self, line: &mut Line, summary: &mut Summary) -> Result<(), Cut> {
        let is_ready = |unit: &&Unit| *unit.status.certain() == Status::Accepted;
        let targets: Vec<String> =
            self.units.iter().filter(is_ready).filter_map(|unit| Some(unit.ids.clone()?.0)).collect();
        if targets.is_empty() {
            return Ok(());
        }
        let release = self.releases[self.rng.random_range(0..self.releases.len())].clone();
        let name = unique("rollout");
        let body = json!({"name": name, "artifact_name": release, "devices": targets});
        let rollout = self.rollout.insert(Rollout::new(name, release, &targets));
        let answer = line.expect(&Request::new("POST", DEPLOYMENTS).bearer(&self.token).json(&body), 201);
        if let Ok(answer) = &answer {
            rollout.id = Some(location_id(answer));
        }
        count(summary, "deploy", answer.map(drop))
    }

    fn abort(&mut self, line: &mut Line, summary: &mut Summary) -> Result<(), Cut> {
        let Some(rollout) = &mut self.rollout else { return Ok(()) };
        let id = rollout.id.as_deref().expect("what is under way has an id");
        let request = Request::new("PUT", format!("{DEPLOYMENTS}/{id}/status")).bearer(&self.token);
        rollout.is_aborted.ask(true);
        let answer = line.expect(&request.json(&json!({"status": "aborted"})), 204);
        if answer.is_ok() {
            rollout.abort();
            self.past.extend(self.rollout.take());
        }
        count(summary, "abort", answer.map(drop))
    }

    /// A device asks for its update, or says how far it is.
    fn advance(&mut self, at: usize, line: &mut Line, summary: &mut Summary) -> Result<(), Cut> {
        let unit = &self.units[at];
        let device = unit.ids.clone().expect("an accepted device has been looked up").0;
        let under_way = self.rollout.as_mut().filter(|rollout| rollout.awaits(&device));
        let Some(rollout) = under_way else { return unit.poll(204, line, summary).map(drop) };
        let id = rollout.id.clone().expect("what is under way has an id");
        let reports = rollout.reports(&device);
        let state = rollout.states.get_mut(&device).expect("it is a target");
        if reports.is_empty() {
            assert_eq!(state.certain(), UNASKED);
            state.ask("pending".to_owned());
            let offer = unit.poll(200, line, summary)?;
            assert_eq!(offer["id"], id.as_str(), "another deployment is offered");
        } else {
            let next = reports[self.rng.random_range(0..reports.len())];
            state.ask(next.to_owned());
            let request = unit.device.request("PUT", &deployment_path(&id, "status"));
            let answer = line.expect(&request.json(&json!({ "status": next })), 204);
            count(summary, "report", answer)?;
        }
        state.acknowledge();
        if rollout.is_over() {
            self.past.extend(self.rollout.take());
        }
        Ok(())
    }

    /// Compares with what the server shows; `listed` are all its devices by identity data.
    pub(super) fn verify(&mut self, listed: &BTreeMap<String, Value>, line: &mut Line) {
        for at in (0..self.units.len()).rev() {
            let unit = &mut self.units[at];
            let was_there = unit.ids.is_some();
            unit.verify(listed.get(&unit.device.serial), &self.token, line);
            if *unit.status.certain() == Status::Absent && was_there {
                self.bury(at);
            }
        }
        for (device, tokens) in &self.gone {
            let shown = Request::get(format!("{DEVAUTH}/{device}")).bearer(&self.token);
            line.expect(&shown, 404).expect("the server is up");
            for token in tokens {
                assert!(!holds(token, line), "a token of the decommissioned device {device} holds");
            }
        }
        let open = self.rollout.take();
        let last = self.past.len().saturating_sub(1);
        let older = if last > 0 { self.rng.random_range(0..last) } else { 0 };
        for (at, rollout) in self.past.iter_mut().enumerate() {
            if at == older || at == last {
                assert!(rollout.verify(&self.token, line), "{} is gone", rollout.name);
            }
        }
        if let Some(mut rollout) = open {
            let was_there = rollout.id.is_some();
            let is_there = rollout.verify(&self.token, line);
            assert!(is_there || !was_there, "{} is gone", rollout.name);
            if is_there && rollout.is_over() {
                self.past.push(rollout);
            } else if is_there {
                self.rollout = Some(rollout);
            }
        }
    }

    /// Compares everything that ever ended.
    pub(super) fn verify_past(&mut self, line: &mut Line) {
        for rollout in &mut self.past {
            assert!(rollout.verify(&self.token, line), "{} is gone", rollout.name);
        }
    }
}

impl Unit {
    fn new(device: Device) -> Self {
        Self {
            device,
            status: Possible::new(Status::Absent),
            ids: None,
            inventory: Possible::new(0),
            void: VecDeque::new(),
            is_open: Possible::new(false),
        }
    }

    fn register(&mut self, line: &mut Line, summary: &mut Summary) -> Result<(), Cut> {
        self.status.ask(Status::Pending);
        let request = self.device.auth_request(self.device.auth_body());
        let answer = line.expect(&request, 401);
        if answer.is_ok() {
            self.status.acknowledge();
        }
        count(summary, "register", answer.map(drop))
    }

    fn ask_in_vain(&self, line: &mut Line) -> Result<(), Cut> {
        line.expect(&self.device.auth_request(self.device.auth_body()), 401).map(drop)
    }

    fn log_in(&mut self, line: &mut Line, summary: &mut Summary) -> Result<(), Cut> {
        let request = self.device.auth_request(self.device.auth_body());
        let answer = line.expect(&request, 200);
        if let Ok(answer) = &answer {
            self.device.token = Some(answer.text());
            self.is_open.set(true);
        }
        count(summary, "device login", answer.map(drop))
    }

    fn put_inventory(&mut self, line: &mut Line, summary: &mut Summary) -> Result<(), Cut> {
        let next = self.inventory.certain() + 1;
        self.inventory.ask(next);
        let body = json!([{"name": "counter", "value": next.to_string()}]);
        let answer = line.expect(&self.device.request("PUT", INVENTORY).json(&body), 200);
        if answer.is_ok() {
            self.inventory.acknowledge();
        }
        count(summary, "inventory", answer.map(drop))
    }

    fn poll(&self, status: u16, line: &mut Line, summary: &mut Summary) -> Result<Value, Cut> {
        let body = json!({"device_provides": self.device.provides()});
        let answer = line.expect(&self.device.request("POST", NEXT_V2).json(&body), status);
        let what = if status == 200 { "offer" } else { "idle poll" };
        let answer = count(summary, what, answer)?;
        Ok(if status == 200 { answer.json() } else { Value::Null })
    }

    /// Returns the ids of the device and of its auth set.
    fn find(&mut self, token: &str, line: &mut Line) -> Result<(String, String), Cut> {
        if self.ids.is_none() {
            let listed = devices(token, line)?;
            let shown = listed.get(&self.device.serial);
            self.learn(shown.unwrap_or_else(|| panic!("no device {}", self.device.serial)));
        }
        Ok(self.ids.clone().expect("just learnt"))
    }

    fn learn(&mut self, shown: &Value) {
        let sets = shown["auth_sets"].as_array().expect("auth sets");
        assert_eq!(sets.len(), 1, "one auth set expected: {shown}");
        let text = |value: &Value| value.as_str().expect("an id").to_owned();
        let ids = (text(&shown["id"]), text(&sets[0]["id"]));
        assert!(
            self.ids.is_none() || self.ids.as_ref() == Some(&ids),
            "{} has other ids",
            self.device.serial
        );
        self.ids = Some(ids);
    }

    /// Remembers a token that must not hold any more.
    fn drop_closed(&mut self) {
        if !*self.is_open.certain()
            && let Some(token) = self.device.token.take()
        {
            self.void.push_back(token);
            if self.void.len() > REMEMBERED {
                self.void.pop_front();
            }
        }
    }

    fn verify(&mut self, shown: Option<&Value>, token: &str, line: &mut Line) {
        let serial = self.device.serial.clone();
        let found = match shown.map(|shown| shown["status"].as_str()) {
            None => Status::Absent,
            Some(Some("pending")) => Status::Pending,
            Some(Some("accepted")) => Status::Accepted,
            Some(Some("rejected")) => Status::Rejected,
            Some(other) => panic!("{serial} is {other:?}"),
        };
        self.status.settle(found, &format!("device {serial}"));
        let Some(shown) = shown else { return };
        self.learn(shown);
        assert_eq!(shown["auth_sets"][0]["status"], shown["status"], "{shown}");
        if let Some(current) = &self.device.token {
            self.is_open.settle(holds(current, line), &format!("the session of {serial}"));
            assert!(
                !*self.is_open.certain() || found == Status::Accepted,
                "a session of {found:?} {serial} holds"
            );
        }
        self.drop_closed();
        for token in &self.void {
            assert!(!holds(token, line), "a session of {serial} was revoked and holds again");
        }
        let (device, _) = self.ids.as_ref().expect("just learnt");
        let request = Request::get(format!("{SHOWN_INVENTORY}/{device}")).bearer(token);
        let inventory = line.expect(&request, 200).expect("the server is up").json();
        let attributes = inventory["attributes"].as_array().expect("attributes");
        let counter = attributes.iter().find(|one| one["name"] == "counter").map(|one| &one["value"]);
        let counter =
            counter.map_or(0, |value| value.as_str().and_then(|text| text.parse().ok()).expect("a number"));
        self.inventory.settle(counter, &format!("the inventory of {serial}"));
    }
}

/// Returns whether a session holds: what it asks for does not exist, and changes nothing.
fn holds(token: &str, line: &mut Line) -> bool {
    let path = deployment_path(&unknown_uuid(), "status");
    let request = Request::new("PUT", path).bearer(token).json(&json!({"status": "success"}));
    let answer = line.ask(&request).expect("the server is up");
    assert!(matches!(answer.status, 401 | 404), "{answer}");
    answer.status == 404
}

/// Returns all devices by the serial number in their identity data.
pub(super) fn devices(token: &str, line: &mut Line) -> Result<BTreeMap<String, Value>, Cut> {
    let mut all = BTreeMap::new();
    for page in 1.. {
        let request = Request::get(format!("{DEVAUTH}?page={page}&per_page=500")).bearer(token);
        let listed = line.expect(&request, 200)?.json();
        let listed = listed.as_array().expect("a list");
        for device in listed {
            let serial = device["identity_data"]["serial"].as_str().expect("a serial number").to_owned();
            assert!(all.insert(serial, device.clone()).is_none(), "a device is listed twice: {device}");
        }
        if listed.len() < 500 {
            break;
        }
    }
    Ok(all)
}
