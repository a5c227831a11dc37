//! One row: an operation at one size of fleet, and what it is compared with.

use std::collections::BTreeMap;

use sealift::clock::{Clock as _, SystemClock};
use serde::{Deserialize, Serialize};

use crate::budget::{Budget, Verdict};
use crate::generator::Run;
use crate::numbers::{median, readable, spread};

/// Above this part of its core the generator may have held the server up, and below it the server had idle time:
/// then processor time is compared, not rates.
const BUSY: f64 = 0.9;

/// A result.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Row {
    /// Its name, as `--only` takes it.
    pub(crate) name: String,
    /// What is done.
    pub(crate) operation: String,
    /// Registered devices.
    pub(crate) devices: Option<u64>,
    /// What the value is.
    pub(crate) measure: String,
    /// The median over the rounds.
    pub(crate) value: Option<f64>,
    /// The least and the greatest of the rounds.
    pub(crate) spread: Option<[f64; 2]>,
    /// What is promised.
    pub(crate) budget: Option<Budget>,
    /// Whether it is kept.
    pub(crate) verdict: Verdict,
    /// The floor and its figures.
    pub(crate) floor: String,
    /// The product's figures.
    pub(crate) product: String,
    /// Figures for programs: medians over the rounds.
    pub(crate) details: BTreeMap<String, f64>,
    /// Requests that were not answered as expected.
    pub(crate) errors: u64,
    /// What a reader has to know.
    pub(crate) remark: String,
    /// When, UTC.
    pub(crate) date: String,
}

impl Row {
    /// A row without a value yet.
    pub(crate) fn new(name: &str, operation: &str, devices: Option<u64>) -> Self {
        Self {
            name: devices.map_or_else(|| name.to_owned(), |devices| format!("{name}.{devices}")),
            operation: operation.to_owned(),
            devices,
            measure: String::new(),
            value: None,
            spread: None,
            budget: None,
            verdict: Verdict::NoBudget,
            floor: String::new(),
            product: String::new(),
            details: BTreeMap::new(),
            errors: 0,
            remark: String::new(),
            date: SystemClock.now().format("%Y-%m-%d %H:%M").to_string(),
        }
    }

    /// Sets the values of the rounds.
    pub(crate) fn values(mut self, measure: &str, values: &[f64]) -> Self {
        measure.clone_into(&mut self.measure);
        self.value = median(values);
        self.spread = spread(values);
        self.judged()
    }

    /// Sets what is promised.
    pub(crate) fn budget(mut self, budget: Option<Budget>) -> Self {
        self.budget = budget;
        self.judged()
    }

    /// Sets the texts about floor and product.
    pub(crate) fn texts(mut self, floor: String, product: String) -> Self {
        self.floor = floor;
        self.product = product;
        self
    }

    /// Adds what a reader has to know.
    pub(crate) fn remark(mut self, text: &str) -> Self {
        if !self.remark.is_empty() {
            self.remark.push(' ');
        }
        self.remark.push_str(text);
        self
    }

    /// Notes a figure for programs.
    pub(crate) fn detail(mut self, name: &str, value: Option<f64>) -> Self {
        self.details.extend(value.map(|value| (name.to_owned(), value)));
        self
    }

    /// Notes the errors of loads; any fails the row.
    pub(crate) fn errors_of<'a>(mut self, runs: impl IntoIterator<Item = &'a Run>) -> Self {
        for run in runs {
            self.errors += run.errors;
            if let Some(error) = run.first_error.as_ref().filter(|_| self.remark.is_empty()) {
                self.remark.clone_from(error);
            }
        }
        self.judged()
    }

    /// The row of what could not be measured.
    pub(crate) fn failed(self, error: &str) -> Self {
        Self { verdict: Verdict::Failed, ..self }.remark(error)
    }

    /// The row of what there is no peer for.
    pub(crate) fn skipped(self, reason: &str) -> Self {
        Self { verdict: Verdict::Skipped, ..self }.remark(reason)
    }

    /// Compares loads on floor and product, round by round: rates if both servers were busy all the time, else
    /// processor time. Both ratios grow with the product's speed; 1 is the floor's.
    pub(crate) fn compare(self, floor_name: &str, floor: &[Run], product: &[Run]) -> Self {
        let pairs = || floor.iter().zip(product);
        let rates: Vec<f64> = pairs().map(|(floor, product)| product.rate() / floor.rate()).collect();
        let costs: Vec<f64> = pairs().map(|(floor, product)| floor.cpu_each() / product.cpu_each()).collect();
        let both = || floor.iter().chain(product);
        let generator: Vec<f64> = both().map(Run::generator_share).collect();
        let server: Vec<f64> = both().map(Run::server_share).collect();
        let is_busy = median(&generator).is_some_and(|share| share < BUSY)
            && median(&server).is_some_and(|share| share > BUSY);
        let (measure, values) =
            if is_busy { ("rate, product ÷ floor", &rates) } else { ("CPU time, floor ÷ product", &costs) };
        self.values(measure, values)
            .texts(format!("{floor_name}: {}", figures(floor)), figures(product))
            .detail("rate_ratio", median(&rates))
            .detail("cpu_ratio", median(&costs))
            .runs("floor", floor)
            .runs("product", product)
            .errors_of(both())
    }

    /// Notes the figures of loads.
    pub(crate) fn runs(self, who: &str, runs: &[Run]) -> Self {
        let of = |figure: &dyn Fn(&Run) -> f64| median(&runs.iter().map(figure).collect::<Vec<_>>());
        self.detail(&format!("{who}_per_second"), of(&Run::rate))
            .detail(&format!("{who}_cpu_us"), of(&Run::cpu_each))
            .detail(&format!("{who}_core_share"), of(&Run::server_share))
            .detail(&format!("{who}_generator_share"), of(&Run::generator_share))
            .detail(&format!("{who}_p50_ms"), of(&|run| run.latency(0.5)))
            .detail(&format!("{who}_p99_ms"), of(&|run| run.latency(0.99)))
            .detail(&format!("{who}_max_ms"), of(&|run| run.latency(1.0)))
    }

    fn judged(mut self) -> Self {
        if matches!(self.verdict, Verdict::Skipped | Verdict::Failed) {
            return self;
        }
        self.verdict = match (self.value, self.budget) {
            _ if self.errors > 0 => Verdict::Failed,
            (Some(value), Some(budget)) => budget.judge(value),
            _ => Verdict::NoBudget,
        };
        self
    }
}

/// The figures of loads, for people.
pub(crate) fn figures(runs: &[Run]) -> String {
    let of = |figure: &dyn Fn(&Run) -> f64| {
        median(&runs.iter().map(figure).collect::<Vec<_>>()).map_or_else(String::new, readable)
    };
    format!(
        "{}/s, {} µs CPU, p50 {} ms, p99 {} ms, core {} %, generator {} %",
        of(&Run::rate),
        of(&Run::cpu_each),
        of(&|run| run.latency(0.5)),
        of(&|run| run.latency(0.99)),
        of(&|run| 100.0 * run.server_share()),
        of(&|run| 100.0 * run.generator_share()),
    )
}
