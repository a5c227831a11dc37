//! The headline: a large fleet as it is when nothing is rolled out, served from one core.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::generator::{Arrival, Requests as _, Run, Schedule, open};
use crate::machine::Machine;
use crate::numbers::{float, readable};
use crate::product::Product;
use crate::report::{HeadlineResults, keep_headline};
use crate::rows::{Bench, poll, write_inventory};
use crate::seed::{Kind, SignedRequests};
use crate::{Outcome, say};

/// How often a device asks for an update, in seconds: the default of clients.
const POLL_SECS: f64 = 1_800.0;

/// How often it reports its inventory: the default of clients.
const INVENTORY_SECS: f64 = 28_800.0;

/// How long a session lasts on average: a week, less half of the last fifth (`session_ttl_secs`).
const SESSION_SECS: f64 = 604_800.0 * 0.9;

/// How often a device is updated, and logs in anew because it was restarted: once in 30 days.
const UPDATE_SECS: f64 = 2_592_000.0;

const KINDS: [&str; 3] = ["polls", "inventory reports", "logins"];

/// A step through the fleet, so that neighbours in time are no neighbours in memory; a prime.
const STRIDE: u64 = 611_953;

/// Arrivals of independent devices.
struct Arrivals {
    random: StdRng,
    rates: [f64; KINDS.len()],
    next: f64,
    end: f64,
    numbers: [u64; KINDS.len()],
}

impl Schedule for Arrivals {
    fn next(&mut self) -> Option<(Duration, u64)> {
        let total: f64 = self.rates.iter().sum();
        let chance: f64 = self.random.random();
        self.next -= (1.0 - chance).ln() / total;
        if self.next >= self.end {
            return None;
        }
        let mut drawn = self.random.random::<f64>() * total;
        let mut kind = 0;
        for (at, rate) in self.rates.iter().enumerate() {
            kind = at;
            drawn -= rate;
            if drawn < 0.0 {
                break;
            }
        }
        let number = self.numbers.get_mut(kind)?;
        *number += 1;
        let kinds = crate::numbers::wide(KINDS.len());
        Some((Duration::from_secs_f64(self.next), *number * kinds + crate::numbers::wide(kind)))
    }
}

/// Runs it and keeps the figures; tells whether there was no error.
pub(crate) async fn run(bench: &Bench, minutes: u64, mut machine: Machine, out: &Path) -> Outcome<bool> {
    let fleet = &bench.large;
    let devices = float(fleet.devices);
    let rates =
        [devices / POLL_SECS, devices / INVENTORY_SECS, devices / SESSION_SECS + devices / UPDATE_SECS];
    let logins = SignedRequests::prepare(Kind::Known { of: fleet.devices }, bench.scale.logins, &bench.keys)?;
    let data = bench.scratch.path().join("large");
    fleet.copy_to(&data)?;
    let product = Product::start(&data)?;
    let ready = product.server.ready_after;
    let memory_before = product.server.memory()?;
    let end = f64::from(u32::try_from(minutes)?) * 60.0;
    let arrivals =
        Arrivals { random: StdRng::seed_from_u64(1), rates, next: 0.0, end, numbers: [0; KINDS.len()] };
    say(&format!("{} requests a second for {minutes} min", readable(rates.iter().sum())));
    let prepare = |number: u64| {
        let kinds = crate::numbers::wide(KINDS.len());
        let (kind, number) = (crate::numbers::narrow(number % kinds), number / kinds);
        let device = number.wrapping_mul(STRIDE) % fleet.devices;
        let mut request = Vec::with_capacity(4096);
        let expect = match kind {
            0 => {
                request = poll(fleet, device);
                204
            }
            1 => {
                write_inventory(fleet, device, number, &mut request);
                200
            }
            _ => {
                logins.write(number, &mut request);
                200
            }
        };
        Arrival { kind, request, expect }
    };
    let begin = Instant::now();
    let (run, kinds) = open(product.target()?, arrivals, prepare, KINDS.len(), &product.server).await?;
    machine.finish();
    let mut figures = vec![
        ("registered devices".to_owned(), readable(devices)),
        ("duration".to_owned(), format!("{} s", readable(begin.elapsed().as_secs_f64()))),
        (
            "asked for".to_owned(),
            format!(
                "{} polls, {} inventory reports (each differs from the one before), {} logins (RSA-3072) a second; \
                 a TLS 1.3 connection each; Poisson arrivals",
                readable(rates[0]),
                readable(rates[1]),
                readable(rates[2])
            ),
        ),
        ("answered".to_owned(), format!("{} ({}/s)", readable(float(run.answered)), readable(run.rate()))),
        ("errors".to_owned(), run.errors.to_string()),
        ("server, share of its one core".to_owned(), format!("{} %", readable(100.0 * run.server_share()))),
        ("server, CPU for each request".to_owned(), format!("{} µs", readable(run.cpu_each()))),
        (
            "generator, share of the other core".to_owned(),
            format!("{} %", readable(100.0 * run.generator_share())),
        ),
        ("latency of all, from the moment it was due".to_owned(), latencies(&run.latencies)),
    ];
    for (kind, histogram) in KINDS.iter().zip(&kinds) {
        figures.push((
            format!("latency of {kind} ({})", readable(float(histogram.len()))),
            latencies(histogram),
        ));
    }
    let mib = |bytes: u64| readable(float(bytes) / 1_048_576.0);
    figures.push((
        "memory of the server".to_owned(),
        format!(
            "{} MiB after its start, {} MiB at the end, {} MiB at most",
            mib(memory_before),
            mib(product.server.memory()?),
            mib(product.server.peak_memory()?)
        ),
    ));
    figures.push(("start of the server".to_owned(), format!("{} s", readable(ready.as_secs_f64()))));
    figures.push((
        "what is hard about it".to_owned(),
        "the server has just started: the signature of every token is verified, every question is parsed once; \
         last-seen times are written meanwhile"
            .to_owned(),
    ));
    let log = fs::read_to_string(data.with_extension("log")).unwrap_or_default();
    let complaints = log.lines().filter(|line| line.contains("ERROR") || line.contains("WARN")).count();
    figures.push(("warnings and errors in the server's log".to_owned(), complaints.to_string()));
    product.server.stop()?;
    for (what, figure) in &figures {
        say(&format!("{what}: {figure}"));
    }
    let is_clean = run.errors == 0;
    let Run { errors, first_error, .. } = run;
    keep_headline(out, &HeadlineResults { machine, figures, errors, first_error })?;
    Ok(is_clean)
}

fn latencies(histogram: &Histogram<u64>) -> String {
    let at = |quantile| readable(float(histogram.value_at_quantile(quantile)) / 1e3);
    format!(
        "p50 {} ms, p90 {} ms, p99 {} ms, p99.9 {} ms, max {} ms",
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999),
        readable(float(histogram.max()) / 1e3)
    )
}
