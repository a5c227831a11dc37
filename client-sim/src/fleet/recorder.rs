//! Writes down what agents tell.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::sync::Notify;

use super::progress::Progress;
use crate::agent::Observer;
use crate::device::{DeviceState, Outcome};
use crate::protocol::call::RequestKind;
use crate::protocol::http::{ErrorKind, Timing};

/// Distinct failure reasons that are kept.
const MAX_REASONS: usize = 32;

/// The observer of a fleet.
pub(super) struct Recorder {
    progress: Arc<Progress>,
    devices: u64,
    /// Told once the first update of every device is over.
    pub(super) all_settled: Notify,
    stats: Mutex<Stats>,
}

/// Everything that a report needs and that does not fit into atomics.
#[derive(Clone, Default)]
pub(crate) struct Stats {
    pub(crate) kinds: BTreeMap<RequestKind, KindStats>,
    pub(crate) connects: Latency,
    pub(crate) reasons: BTreeMap<String, u64>,
}

/// Statistics of one kind of request.
#[derive(Clone, Default)]
pub(crate) struct KindStats {
    pub(crate) latency: Latency,
    pub(crate) codes: BTreeMap<u16, u64>,
    pub(crate) errors: BTreeMap<ErrorKind, u64>,
}

/// Durations in microseconds, with three significant digits.
#[derive(Clone)]
pub(crate) struct Latency(pub(crate) Option<Histogram<u64>>);

impl Default for Latency {
    fn default() -> Self {
        // Three digits is a precision that every histogram can have.
        Self(Histogram::new(3).ok())
    }
}

impl Latency {
    fn record(&mut self, duration: Duration) {
        if let Some(histogram) = &mut self.0 {
            // A histogram that resizes itself takes any value.
            let _ = histogram.record(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
        }
    }
}

impl Recorder {
    pub(super) fn new(progress: Arc<Progress>, devices: u64) -> Self {
        Self { progress, devices, all_settled: Notify::new(), stats: Mutex::default() }
    }

    pub(super) fn stats(&self) -> Stats {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Stats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Recorder {
    fn moved(&self, from: DeviceState, to: DeviceState) {
        self.progress.moved(from, to);
    }

    fn answered(&self, kind: RequestKind, code: u16, timing: Timing) {
        // A device that waits to be accepted is told 401 each time: that is no fault.
        let waits = kind == RequestKind::Login && code == 401;
        self.progress.request(code >= 400 && !waits);
        let mut stats = self.lock();
        if let Some(connect) = timing.connect {
            stats.connects.record(connect);
        }
        let kind = stats.kinds.entry(kind).or_default();
        kind.latency.record(timing.exchange);
        *kind.codes.entry(code).or_default() += 1;
    }

    fn failed(&self, kind: RequestKind, error: ErrorKind) {
        self.progress.unanswered();
        *self.lock().kinds.entry(kind).or_default().errors.entry(error).or_default() += 1;
    }

    fn received(&self, bytes: u64) {
        self.progress.received(bytes);
    }

    fn settled(&self, outcome: Outcome, failure: Option<&str>) {
        self.progress.settled(outcome);
        if let Some(reason) = failure {
            let reasons = &mut self.lock().reasons;
            if reasons.len() < MAX_REASONS || reasons.contains_key(reason) {
                *reasons.entry(reason.to_owned()).or_default() += 1;
            }
        }
        if self.progress.snapshot().settled() >= self.devices {
            self.all_settled.notify_one();
        }
    }
}
