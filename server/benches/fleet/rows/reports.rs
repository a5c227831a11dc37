//! Devices report how far they are, each report durable before its answer.

use super::Bench;
use super::contest::{Contender, Turn};
use super::stage::Stage;
use super::updates::Updates;
use crate::Outcome;
use crate::budget::Budget;
use crate::floor::inserts::Table;
use crate::floor::{self, RowsDone};
use crate::generator::{Run, Style};
use crate::numbers::{median, readable};
use crate::report::{Row, figures};

/// Reports in flight.
const CONNECTIONS: usize = 64;

pub(super) async fn measure(bench: &Bench, stage: &Stage, updates: &Updates<'_>) -> Outcome<Vec<Row>> {
    let mut small = Contender::new(&stage.small.server, &stage.small_target, &updates.small, 204);
    let mut large = Contender::new(&stage.large.server, &stage.large_target, &updates.large, 204);
    let turn = Turn {
        connections: CONNECTIONS,
        style: Style::KeepAlive,
        span: bench.scale.turn,
        requests: u64::MAX,
    };
    let (mut floor, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..bench.scale.rounds {
        floor.push(insert_rows(bench, Table::Reports)?);
        bare.push(insert_rows(bench, Table::Bare)?);
        small.turn(turn).await?;
        large.turn(turn).await?;
    }
    let row = |devices, product: &Contender<'_>| {
        let row = Row::new("report", "status report, durable, 64 in flight", Some(devices));
        rates(row, &floor, &product.runs)
            .texts(floor_text(&floor, &bare), figures(&product.runs))
            .budget(Some(Budget::AtLeast(0.5)))
            .detail("bare_floor_per_second", median(&bare.iter().map(RowsDone::rate).collect::<Vec<_>>()))
            .remark("Every report changes its device's state. The floor inserts into the table that reports are stored in.")
    };
    Ok(vec![row(bench.scale.small, &small), row(bench.scale.large, &large)])
}

/// Inserts rows for one turn, on the servers' core and the same disk.
pub(super) fn insert_rows(bench: &Bench, table: Table) -> Outcome<RowsDone> {
    let directory = bench.scratch.path().join("inserts");
    std::fs::create_dir_all(&directory)?;
    let millis = bench.scale.turn.as_millis().to_string();
    let table = if table == Table::Reports { "reports" } else { "bare" };
    let role = "floor-inserts";
    let done = floor::run(&[role.as_ref(), directory.as_os_str(), millis.as_ref(), table.as_ref()])?;
    std::fs::remove_dir_all(&directory)?;
    Ok(done)
}

/// Compares rates with those of inserted rows, round by round.
pub(super) fn rates(row: Row, floor: &[RowsDone], product: &[Run]) -> Row {
    let pairs = || floor.iter().zip(product);
    let rates: Vec<f64> = pairs().map(|(floor, product)| product.rate() / floor.rate()).collect();
    let costs: Vec<f64> = pairs().map(|(floor, product)| floor.cpu_each() / product.cpu_each()).collect();
    row.values("rate, product ÷ floor", &rates)
        .detail("rate_ratio", median(&rates))
        .detail("cpu_ratio", median(&costs))
        .detail("floor_per_second", median(&floor.iter().map(RowsDone::rate).collect::<Vec<_>>()))
        .detail("floor_cpu_us", median(&floor.iter().map(RowsDone::cpu_each).collect::<Vec<_>>()))
        .runs("product", product)
        .errors_of(product)
}

/// The floor's figures, for people.
pub(super) fn floor_text(floor: &[RowsDone], bare: &[RowsDone]) -> String {
    let of = |floor: &[RowsDone], figure: fn(&RowsDone) -> f64| {
        median(&floor.iter().map(figure).collect::<Vec<_>>()).map_or_else(String::new, readable)
    };
    format!(
        "100-row inserts through sea-orm, `synchronous=FULL`, 700 bytes a row, into the product's table of reports \
         (14 columns, 4 indexes): {} rows/s, {} µs CPU; into a table of 5 columns without index: {} rows/s, {} µs CPU",
        of(floor, RowsDone::rate),
        of(floor, RowsDone::cpu_each),
        of(bare, RowsDone::rate),
        of(bare, RowsDone::cpu_each)
    )
}
