//! The rows of the table, and the order in which they are measured.

mod contest;
mod deployments;
mod downloads;
mod logins;
mod memory;
mod polls;
mod registrations;
mod reports;
mod stage;
mod start;
mod updates;

use std::fs;

use crate::args::Args;
use crate::budget::{Budget, Verdict};
use crate::machine::Machine;
use crate::report::{Row, keep_rows};
use crate::scale::Scale;
use crate::seed::{Fleet, KeyPool};
use crate::{Outcome, files, headline, process, say};

pub(crate) use polls::{poll, write_inventory};

/// What every row is measured with.
pub(crate) struct Bench {
    /// How much.
    pub(crate) scale: Scale,
    /// A folder of this run.
    pub(crate) scratch: tempfile::TempDir,
    /// Keys of devices.
    pub(crate) keys: KeyPool,
    /// The small fleet.
    pub(crate) small: Fleet,
    /// The large one.
    pub(crate) large: Fleet,
    only: Vec<String>,
}

impl Bench {
    /// A promise about a large fleet: not judged by a small one.
    pub(crate) fn for_large(&self, budget: Budget) -> Option<Budget> {
        (self.large.devices >= Scale::FULL.large).then_some(budget)
    }

    /// Whether rows of this name are asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        let is_meant = |only: &String| name.starts_with(only.as_str()) || only.starts_with(name);
        self.only.is_empty() || self.only.iter().any(is_meant)
    }
}

/// Measures what was asked for; tells whether all of it could be measured.
pub(crate) fn run(args: &Args) -> Outcome<bool> {
    let scale = if args.quick { Scale::QUICK } else { Scale::FULL };
    let own = if args.quick { files::cache().join("quick") } else { files::repository() };
    let out = args.out.clone().unwrap_or(own);
    fs::create_dir_all(&out)?;
    let scratch = files::scratch()?;
    let mut machine = Machine::describe(scratch.path());
    if !process::can_pin() {
        say("no two cores, or no taskset: server and generator share what there is");
    }
    let keys = KeyPool::open(scale.keys)?;
    let small = Fleet::open(scale.small, &keys)?;
    let large = Fleet::open(scale.large, &keys)?;
    let bench = Bench { scale, scratch, keys, small, large, only: args.only.clone() };
    process::pin_generator()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if args.headline {
        return runtime.block_on(headline::run(&bench, args.minutes, machine, &out));
    }
    let rows = runtime.block_on(measure(&bench))?;
    machine.finish();
    let is_whole = rows.iter().all(|row| row.verdict != Verdict::Failed);
    keep_rows(&out, &machine, rows)?;
    Ok(is_whole)
}

async fn measure(bench: &Bench) -> Outcome<Vec<Row>> {
    let mut rows = Rows::default();
    let stage = stage::Stage::prepare(bench)?;
    if bench.wants("start") {
        rows.take("start", start::measure(bench, &stage));
    }
    let stage = stage.start(bench)?;
    if bench.wants("memory") {
        rows.take("memory.connection", memory::connections(bench, &stage).await);
    }
    if bench.wants("memory") || bench.wants("poll") {
        rows.take("memory.device", memory::devices(bench, &stage).await);
    }
    if bench.wants("poll") {
        rows.take("poll", polls::measure(bench, &stage).await);
    }
    if bench.wants("login") {
        rows.take("login", logins::measure(bench, &stage).await);
    }
    if bench.wants("registration") {
        rows.take("registration", registrations::measure(bench, &stage).await);
    }
    if bench.wants("deployment") || bench.wants("report") || bench.wants("download") {
        let updates = updates::Updates::prepare(bench, &stage).await?;
        if bench.wants("deployment") {
            rows.take("deployment", deployments::measure(bench, &updates).await);
        }
        if bench.wants("report") {
            rows.take("report", reports::measure(bench, &stage, &updates).await);
        }
        if bench.wants("download") {
            rows.take("download", downloads::measure(bench, &stage, &updates).await);
        }
    }
    stage.stop()?;
    Ok(rows.rows)
}

#[derive(Default)]
struct Rows {
    rows: Vec<Row>,
}

impl Rows {
    /// Takes rows; of what could not be measured one row says so.
    fn take(&mut self, name: &str, measured: Outcome<Vec<Row>>) {
        let rows = match measured {
            Ok(rows) => rows,
            Err(err) => vec![Row::new(name, name, None).failed(&err.to_string())],
        };
        for row in &rows {
            let value = row.value.map_or_else(|| "–".to_owned(), crate::numbers::readable);
            let budget = row.budget.map_or_else(String::new, |budget| format!(", budget {budget}"));
            say(&format!("{}: {value} {}{budget}: {}", row.name, row.measure, row.verdict));
            for line in [&row.floor, &row.product, &row.remark].into_iter().filter(|line| !line.is_empty()) {
                say(&format!("    {line}"));
            }
        }
        self.rows.extend(rows);
    }
}
