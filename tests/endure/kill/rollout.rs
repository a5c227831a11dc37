//! A deployment, as those who caused it and live it know it.

use std::collections::BTreeMap;

use harness::Request;
use harness::management::DEPLOYMENTS;
use serde_json::Value;

use super::line::Line;
use super::possible::Possible;

/// What a device can report, and what follows.
const COURSE: [(&str, &[&str]); 4] = [
    ("pending", &["downloading"]),
    ("downloading", &["installing", "installing", "failure"]),
    ("installing", &["rebooting", "success", "failure"]),
    ("rebooting", &["installing", "success", "success"]),
];
/// States that only reports cause: their counters are their rows.
const REPORTED: [&str; 5] = ["downloading", "installing", "rebooting", "success", "failure"];
/// The state of a device that has not asked: there is no row.
pub(super) const UNASKED: &str = "";

/// A deployment.
pub(super) struct Rollout {
    pub(super) name: String,
    pub(super) release: String,
    /// None as long as the answer to its creation is missing.
    pub(super) id: Option<String>,
    pub(super) is_aborted: Possible<bool>,
    /// By device id.
    pub(super) states: BTreeMap<String, Possible<String>>,
}

impl Rollout {
    pub(super) fn new(name: String, release: String, targets: &[String]) -> Self {
        let states = targets.iter().map(|id| (id.clone(), Possible::new(UNASKED.to_owned()))).collect();
        Self { name, release, id: None, is_aborted: Possible::new(false), states }
    }

    /// Whether nothing can follow for any device.
    pub(super) fn is_over(&self) -> bool {
        *self.is_aborted.certain() || self.states.values().all(|state| is_end(state.certain()))
    }

    /// Whether a device has something to do.
    pub(super) fn awaits(&self, device: &str) -> bool {
        !*self.is_aborted.certain() && self.states.get(device).is_some_and(|state| !is_end(state.certain()))
    }

    /// What a device can report next; nothing before it has asked.
    pub(super) fn reports(&self, device: &str) -> &'static [&'static str] {
        let now = self.states.get(device).map_or(UNASKED, |state| state.certain().as_str());
        COURSE.iter().find(|(state, _)| *state == now).map_or(&[], |(_, next)| next)
    }

    /// The abort was acknowledged: every device that was not done is.
    pub(super) fn abort(&mut self) {
        self.is_aborted.set(true);
        for state in self.states.values_mut() {
            // Who never asked has no row, and gets none.
            if !is_end(state.certain()) && state.certain() != UNASKED {
                state.set("aborted".to_owned());
            }
        }
    }

    /// A device has been decommissioned, if that is certain.
    pub(super) fn dismiss(&mut self, device: &str, is_certain: bool) {
        let open = !*self.is_aborted.certain();
        let Some(state) = self.states.get_mut(device) else { return };
        if open && !is_end(state.certain()) {
            state.ask("decommissioned".to_owned());
            if is_certain {
                state.acknowledge();
            }
        }
    }

    /// Compares with what the server shows. False if its creation was never acknowledged and did not happen.
    pub(super) fn verify(&mut self, token: &str, line: &mut Line) -> bool {
        let mut get = |target: String| -> Value {
            line.expect(&Request::get(target).bearer(token), 200).expect("the server is up").json()
        };
        if self.id.is_none() {
            let found = get(format!("/api/management/v2/deployments/deployments?name={}", self.name));
            let found = found.as_array().expect("a list").clone();
            assert!(found.len() <= 1, "{} exists twice", self.name);
            let Some(found) = found.first() else { return false };
            self.id = found["id"].as_str().map(str::to_owned);
        }
        let id = self.id.clone().expect("it has one now");
        let shown = get(format!("{DEPLOYMENTS}/{id}"));
        assert_eq!(shown["name"], self.name.as_str());
        assert_eq!(shown["artifact_name"], self.release.as_str());
        assert_eq!(shown["max_devices"], self.states.len(), "{shown}");
        let counters = get(format!("{DEPLOYMENTS}/{id}/statistics"));
        let counters: BTreeMap<String, u64> = serde_json::from_value(counters).expect("counters");
        let rows = get(format!("{DEPLOYMENTS}/{id}/devices/list?per_page=500"));
        let rows: BTreeMap<String, String> = rows
            .as_array()
            .expect("a list")
            .iter()
            .map(|row| (text(&row["id"]), text(&row["status"])))
            .collect();
        self.settle(&rows, counters["aborted"] > 0);
        let total: u64 = counters.values().sum();
        assert_eq!(total, u64::try_from(self.states.len()).expect("few"), "{id}: {counters:?}");
        for (state, count) in &counters {
            let listed = u64::try_from(rows.values().filter(|row| *row == state).count()).expect("few");
            let agrees = if REPORTED.contains(&state.as_str()) { *count == listed } else { *count >= listed };
            assert!(
                agrees,
                "{id}: {count} devices are counted as {state}, {listed} are: {counters:?}, {rows:?}"
            );
        }
        let status = match shown["status"].as_str() {
            Some("finished") => true,
            Some("pending" | "inprogress") => false,
            other => panic!("{id} is {other:?}"),
        };
        assert_eq!(status, self.is_over(), "{id} is {}: {counters:?}", shown["status"]);
        true
    }

    fn settle(&mut self, rows: &BTreeMap<String, String>, is_aborted: bool) {
        let id = self.id.clone().unwrap_or_default();
        if !self.is_aborted.is_certain() {
            if is_aborted {
                self.abort();
            }
            self.is_aborted.settle(is_aborted, &format!("the abort of {id}"));
        }
        let stranger = rows.keys().find(|device| !self.states.contains_key(*device));
        assert_eq!(stranger, None, "{id} has reached a device for which it is not");
        for (device, state) in &mut self.states {
            let found = rows.get(device).map_or(UNASKED, String::as_str);
            state.settle(found.to_owned(), &format!("device {device} in {id}"));
        }
    }
}

fn is_end(state: &str) -> bool {
    matches!(state, "success" | "failure" | "aborted" | "decommissioned")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}")).to_owned()
}
