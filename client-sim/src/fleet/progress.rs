//! How far a fleet is, cheap enough to be written on every step and read at any time.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::device::{DeviceState, Outcome};

/// Live counters of a fleet; share it in an [`Arc`](std::sync::Arc).
#[derive(Debug, Default)]
pub struct Progress {
    keys_wanted: AtomicU64,
    keys_ready: AtomicU64,
    devices: AtomicU64,
    states: [AtomicU64; DeviceState::ALL.len()],
    outcomes: [AtomicU64; Outcome::ALL.len()],
    requests: AtomicU64,
    errors: AtomicU64,
    bytes_downloaded: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Snapshot {
    /// Keys that the fleet needs.
    pub keys_wanted: u64,
    /// Keys that are there.
    pub keys_ready: u64,
    /// Devices of the fleet.
    pub devices: u64,
    /// Requests answered, whatever the status.
    pub requests: u64,
    /// Requests not answered, or answered with a status from 400 on.
    pub errors: u64,
    /// Bytes of artifacts.
    pub bytes_downloaded: u64,
    states: [u64; DeviceState::ALL.len()],
    outcomes: [u64; Outcome::ALL.len()],
}

impl Progress {
    /// All zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the counters. They are read one by one, so sums may be off by a few while devices move.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Snapshot {
            keys_wanted: read(&self.keys_wanted),
            keys_ready: read(&self.keys_ready),
            devices: read(&self.devices),
            requests: read(&self.requests),
            errors: read(&self.errors),
            bytes_downloaded: read(&self.bytes_downloaded),
            states: self.states.each_ref().map(read),
            outcomes: self.outcomes.each_ref().map(read),
        }
    }

    pub(super) fn want_keys(&self, count: usize) {
        self.keys_wanted.store(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.keys_ready.store(0, Ordering::Relaxed);
    }

    pub(super) fn key_ready(&self) {
        add(&self.keys_ready, 1);
    }

    /// All devices are switched off.
    pub(super) fn reset_devices(&self, count: u64) {
        self.devices.store(count, Ordering::Relaxed);
        for counter in self.states.iter().chain(&self.outcomes) {
            counter.store(0, Ordering::Relaxed);
        }
        if let Some(waiting) = self.states.get(state_position(DeviceState::Waiting)) {
            waiting.store(count, Ordering::Relaxed);
        }
    }

    pub(super) fn moved(&self, from: DeviceState, to: DeviceState) {
        if let Some(counter) = self.states.get(state_position(to)) {
            add(counter, 1);
        }
        if let Some(counter) = self.states.get(state_position(from)) {
            counter.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(super) fn settled(&self, outcome: Outcome) {
        if let Some(counter) = self.outcomes.get(outcome_position(outcome)) {
            add(counter, 1);
        }
    }

    pub(super) fn request(&self, is_error: bool) {
        add(&self.requests, 1);
        if is_error {
            add(&self.errors, 1);
        }
    }

    pub(super) fn unanswered(&self) {
        add(&self.errors, 1);
    }

    pub(super) fn received(&self, bytes: u64) {
        add(&self.bytes_downloaded, bytes);
    }
}

impl Snapshot {
    /// Devices in a state.
    #[must_use]
    pub fn in_state(&self, state: DeviceState) -> u64 {
        self.states.get(state_position(state)).copied().unwrap_or_default()
    }

    /// Devices whose first update ended so.
    #[must_use]
    pub fn with_outcome(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(outcome_position(outcome)).copied().unwrap_or_default()
    }

    /// Devices whose first update is over.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.outcomes.iter().sum()
    }
}

impl fmt::Display for Snapshot {
    /// What is not zero, on one line: outcomes, states, requests.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcomes = Outcome::ALL.iter().map(|outcome| (outcome.name(), self.with_outcome(*outcome)));
        let states = DeviceState::ALL.iter().map(|state| (state.name(), self.in_state(*state)));
        let parts: Vec<String> = outcomes
            .chain(states)
            .chain([("requests", self.requests), ("errors", self.errors)])
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| format!("{count} {}", name.replace('_', " ")))
            .collect();
        formatter.write_str(&parts.join(" · "))
    }
}

fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}

fn state_position(state: DeviceState) -> usize {
    DeviceState::ALL.iter().position(|other| *other == state).unwrap_or_default()
}

fn outcome_position(outcome: Outcome) -> usize {
    Outcome::ALL.iter().position(|other| *other == outcome).unwrap_or_default()
}
