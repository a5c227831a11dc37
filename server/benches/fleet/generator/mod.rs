//! Load: requests that are prepared, sent over raw sockets by one thread.
//!
//! The generator trusts whatever certificate it is shown and parses no more of an answer than its status and
//! length, so that it needs less time than the servers.

mod closed;
mod open;
mod wire;

pub(crate) use closed::{Load, Style, closed};
pub(crate) use open::{Arrival, Schedule, open};
pub(crate) use wire::{Answer, Target};

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::numbers::{float, micros};
use crate::{Failure, Outcome};

/// Makes the bytes of requests.
pub(crate) trait Requests {
    /// Writes the request of this number into an empty buffer.
    fn write(&self, number: u64, request: &mut Vec<u8>);
}

/// What a load did.
pub(crate) struct Run {
    /// Requests answered as expected.
    pub(crate) answered: u64,
    /// Requests that were not.
    pub(crate) errors: u64,
    /// The first of them.
    pub(crate) first_error: Option<String>,
    /// How long it took.
    pub(crate) elapsed: Duration,
    /// Processor time of the server.
    pub(crate) server_cpu: Duration,
    /// Processor time of the generator.
    pub(crate) generator_cpu: Duration,
    /// Time to each answer, in microseconds.
    pub(crate) latencies: Histogram<u64>,
}

impl Run {
    /// Requests a second.
    pub(crate) fn rate(&self) -> f64 {
        float(self.answered) / self.elapsed.as_secs_f64()
    }

    /// Processor time of the server for each request, in microseconds.
    pub(crate) fn cpu_each(&self) -> f64 {
        micros(self.server_cpu) / float(self.answered)
    }

    /// The part of its core that the server used.
    pub(crate) fn server_share(&self) -> f64 {
        self.server_cpu.as_secs_f64() / self.elapsed.as_secs_f64()
    }

    /// The part of its core that the generator used.
    pub(crate) fn generator_share(&self) -> f64 {
        self.generator_cpu.as_secs_f64() / self.elapsed.as_secs_f64()
    }

    /// The latency that this part of the answers did not exceed, in milliseconds.
    pub(crate) fn latency(&self, quantile: f64) -> f64 {
        float(self.latencies.value_at_quantile(quantile)) / 1e3
    }
}

/// Latencies from a microsecond to ten minutes, with three digits.
pub(crate) fn histogram() -> Outcome<Histogram<u64>> {
    Histogram::new_with_bounds(1, 600_000_000, 3).map_err(Failure::from)
}

/// A latency as histograms take it.
fn recordable(latency: Duration) -> u64 {
    u64::try_from(latency.as_micros()).unwrap_or(u64::MAX)
}
