//! Metrics for a Prometheus server, in the `OpenMetrics` text format.

use actix_web::HttpResponse;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::error::ApiError;
use super::extract::Anonymous;
use crate::throttle::{Cause, Class, Throttle};

/// What Prometheus expects as the type of the answer.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Front doors, by the beginning of their paths; what is none of them is counted as `other`.
const DOORS: [(&str, &str); 3] =
    [("/api/devices/", "device"), ("/api/management/", "management"), ("", "other")];

/// Requests answered, by front door and class of status; counting one is one atomic addition.
#[derive(Debug)]
pub struct RequestCounts {
    family: Family<Labels, Counter>,
    counters: [[Counter; 5]; DOORS.len()],
}

/// What there is at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Numbers<'a> {
    /// Requests answered.
    pub requests: &'a RequestCounts,
    /// Devices known.
    pub devices: u64,
    /// Keys that wait for an operator.
    pub auth_sets_pending: u64,
    /// Deployments in progress.
    pub deployments_unfinished: u64,
    /// Commands in the queue of the group-commit writer.
    pub writes_waiting: u64,
    /// What is limited, and what was refused.
    pub throttle: &'a Throttle,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Labels {
    door: &'static str,
    status: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct RefusedLabels {
    cause: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ShedLabels {
    class: &'static str,
}

impl Default for RequestCounts {
    fn default() -> Self {
        let family: Family<Labels, Counter> = Family::default();
        let counter = |door, class: usize| {
            family.get_or_create(&Labels { door, status: format!("{}xx", class + 1) }).clone()
        };
        let counters = DOORS.map(|(_, door)| std::array::from_fn(|class| counter(door, class)));
        Self { family, counters }
    }
}

impl RequestCounts {
    /// Counts one answered request.
    pub(super) fn count(&self, path: &str, status: u16) {
        let door = DOORS.iter().position(|(prefix, _)| path.starts_with(prefix));
        let class = usize::from(status / 100).checked_sub(1);
        let counter = door.zip(class).and_then(|(door, class)| self.counters.get(door)?.get(class));
        if let Some(counter) = counter {
            counter.inc();
        }
    }
}

/// The numbers of this moment. Only reachable on the listener of its own.
pub async fn metrics(caller: Anonymous) -> Result<HttpResponse, ApiError> {
    let body = render(caller.numbers()).map_err(ApiError::internal)?;
    Ok(HttpResponse::Ok().content_type(OPEN_METRICS).body(body))
}

fn render(numbers: Numbers<'_>) -> Result<String, std::fmt::Error> {
    let mut registry = Registry::with_prefix("sealift");
    registry.register("http_requests", "Requests answered", numbers.requests.family.clone());
    let gauge = |value: u64| {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        gauge
    };
    registry.register("devices", "Devices known", gauge(numbers.devices));
    registry.register(
        "auth_sets_pending",
        "Keys that wait for an operator",
        gauge(numbers.auth_sets_pending),
    );
    registry.register(
        "deployments_unfinished",
        "Deployments in progress",
        gauge(numbers.deployments_unfinished),
    );
    registry.register(
        "writes_waiting",
        "Commands in the queue of the group-commit writer",
        gauge(numbers.writes_waiting),
    );
    register_throttle(&mut registry, numbers.throttle);
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

fn register_throttle(registry: &mut Registry, throttle: &Throttle) {
    let gauges = [
        ("connections_open", "Connections that are open", throttle.gate.open()),
        ("handshakes_unfinished", "TLS handshakes that are not finished", throttle.gate.handshakes()),
        ("buffered_bytes", "Memory that bodies of requests have", throttle.memory.taken()),
        ("download_chunk_bytes", "Memory that chunks of downloads have", throttle.downloads.taken()),
        ("load_level", "0 calm, 1 busy, 2 overloaded, 3 critical", throttle.load.level().number().into()),
    ];
    for (name, help, value) in gauges {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(name, help, gauge);
    }
    let refused: Family<RefusedLabels, Counter> = Family::default();
    for cause in Cause::ALL {
        let labels = RefusedLabels { cause: cause.as_str() };
        refused.get_or_create(&labels).inc_by(throttle.counts.refusals(cause));
    }
    registry.register("refused", "Connections and requests refused or ended by a limit", refused);
    let shed: Family<ShedLabels, Counter> = Family::default();
    for class in Class::ALL {
        let labels = ShedLabels { class: class.as_str() };
        shed.get_or_create(&labels).inc_by(throttle.counts.sheddings(class));
    }
    registry.register("shed", "Requests not served because of the load", shed);
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;

    use super::RequestCounts;

    #[test]
    fn requests_are_counted_by_door_and_class() {
        let counts = RequestCounts::default();
        counts.count("/api/devices/v1/x", 204);
        counts.count("/api/devices/v1/x", 401);
        counts.count("/api/management/v1/x", 200);
        counts.count("/health/live", 204);
        counts.count("/health/live", 700);
        let seen = counts.counters.each_ref().map(|door| door.each_ref().map(Counter::get));
        assert_eq!(seen, [[0, 1, 0, 1, 0], [0, 1, 0, 0, 0], [0, 1, 0, 0, 0]]);
    }
}
