//! What came of a run, in numbers; JSON for programs, [`Display`](std::fmt::Display) for people.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::device::{DeviceState, Outcome};
use crate::fleet::{KindStats, Latency, Snapshot, Stats};
use crate::protocol::Origin;
use crate::protocol::call::RequestKind;

/// The report of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The server.
    pub server: String,
    /// Devices of the fleet.
    pub devices: u64,
    /// How long it took, in seconds.
    pub duration_secs: f64,
    /// How the first updates ended: devices by outcome, `unfinished` included.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Where devices stood at the end: devices by state.
    pub states: BTreeMap<&'static str, u64>,
    /// Why updates did not succeed: devices by reason, at most 32 reasons.
    pub failures: BTreeMap<String, u64>,
    /// By kind of request.
    pub requests: BTreeMap<&'static str, RequestReport>,
    /// New connections, TCP and TLS: how long they took.
    pub connects: LatencyReport,
    /// What went wrong, over all kinds of requests.
    pub errors: ErrorReport,
    /// Bytes of artifacts.
    pub bytes_downloaded: u64,
}

/// One kind of request.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RequestReport {
    /// Answered requests by status code.
    pub codes: BTreeMap<u16, u64>,
    /// Requests without an answer by kind of error.
    pub errors: BTreeMap<String, u64>,
    /// From the first byte sent to the last byte received.
    pub latency: LatencyReport,
}

/// Percentiles of durations, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LatencyReport {
    /// How many were measured.
    pub count: u64,
    /// Half of them were as fast.
    pub p50_ms: f64,
    /// Nine of ten were as fast.
    pub p90_ms: f64,
    /// All but one of a hundred were as fast.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

/// All errors together.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ErrorReport {
    /// By status code, from 400 on; a pending device's 401 is among them.
    pub by_code: BTreeMap<u16, u64>,
    /// Without an answer: `connect`, `tls`, `timeout`, `broken`, ….
    pub by_kind: BTreeMap<String, u64>,
}

/// The name of the outcome of devices whose first update is not over.
pub const UNFINISHED: &str = "unfinished";

impl Report {
    /// Draws up the report of a run.
    #[must_use]
    pub(crate) fn new(server: &Origin, duration: Duration, at_end: &Snapshot, stats: &Stats) -> Self {
        let mut outcomes: BTreeMap<&'static str, u64> =
            Outcome::ALL.iter().map(|outcome| (outcome.name(), at_end.with_outcome(*outcome))).collect();
        outcomes.insert(UNFINISHED, at_end.devices.saturating_sub(at_end.settled()));
        let requests: BTreeMap<&'static str, RequestReport> =
            stats.kinds.iter().map(|(kind, stats)| (kind_name(*kind), RequestReport::new(stats))).collect();
        Self {
            server: server.to_string(),
            devices: at_end.devices,
            duration_secs: duration.as_secs_f64(),
            outcomes,
            states: DeviceState::ALL.iter().map(|state| (state.name(), at_end.in_state(*state))).collect(),
            failures: stats.reasons.clone(),
            errors: ErrorReport::new(requests.values()),
            requests,
            connects: LatencyReport::new(&stats.connects),
            bytes_downloaded: at_end.bytes_downloaded,
        }
    }

    /// Devices whose first update ended so.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(outcome.name()).copied().unwrap_or_default()
    }

    /// Devices whose first update ended, and not well.
    #[must_use]
    pub fn failed(&self) -> u64 {
        Outcome::ALL.iter().filter(|outcome| !outcome.is_good()).map(|outcome| self.count(*outcome)).sum()
    }
}

impl RequestReport {
    fn new(stats: &KindStats) -> Self {
        Self {
            codes: stats.codes.clone(),
            errors: stats.errors.iter().map(|(kind, count)| (kind.to_string(), *count)).collect(),
            latency: LatencyReport::new(&stats.latency),
        }
    }
}

impl LatencyReport {
    fn new(latency: &Latency) -> Self {
        let Some(histogram) = &latency.0 else { return Self::default() };
        let millis = |micros: u64| Duration::from_micros(micros).as_secs_f64() * 1000.0;
        Self {
            count: histogram.len(),
            p50_ms: millis(histogram.value_at_quantile(0.5)),
            p90_ms: millis(histogram.value_at_quantile(0.9)),
            p99_ms: millis(histogram.value_at_quantile(0.99)),
            max_ms: millis(histogram.max()),
        }
    }
}

impl ErrorReport {
    fn new<'a>(requests: impl Iterator<Item = &'a RequestReport>) -> Self {
        let mut report = Self::default();
        for request in requests {
            for (code, count) in request.codes.range(400..) {
                *report.by_code.entry(*code).or_default() += count;
            }
            for (kind, count) in &request.errors {
                *report.by_kind.entry(kind.clone()).or_default() += count;
            }
        }
        report
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcomes: Vec<String> = self
            .outcomes
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(outcome, count)| format!("{count} {}", outcome.replace('_', " ")))
            .collect();
        writeln!(
            formatter,
            "{} devices on {} in {:.1} s: {}",
            self.devices,
            self.server,
            self.duration_secs,
            outcomes.join(", ")
        )?;
        for (reason, count) in &self.failures {
            writeln!(formatter, "  {count} × {reason}")?;
        }
        writeln!(formatter)?;
        writeln!(
            formatter,
            "{:<10} {:>9} {:>10} {:>10} {:>10} {:>10}",
            "request", "answered", "p50 ms", "p90 ms", "p99 ms", "max ms"
        )?;
        write_latency(formatter, "connect", &self.connects)?;
        for (kind, request) in &self.requests {
            write_latency(formatter, kind, &request.latency)?;
        }
        for (code, count) in &self.errors.by_code {
            writeln!(formatter, "  {count} × status {code}")?;
        }
        for (kind, count) in &self.errors.by_kind {
            writeln!(formatter, "  {count} × no answer: {kind}")?;
        }
        Ok(())
    }
}

fn write_latency(formatter: &mut fmt::Formatter<'_>, name: &str, latency: &LatencyReport) -> fmt::Result {
    writeln!(
        formatter,
        "{name:<10} {:>9} {:>10.1} {:>10.1} {:>10.1} {:>10.1}",
        latency.count, latency.p50_ms, latency.p90_ms, latency.p99_ms, latency.max_ms
    )
}

fn kind_name(kind: RequestKind) -> &'static str {
    match kind {
        RequestKind::Login => "login",
        RequestKind::Inventory => "inventory",
        RequestKind::Next => "next",
        RequestKind::Status => "status",
        RequestKind::Log => "log",
        RequestKind::Download => "download",
    }
}
