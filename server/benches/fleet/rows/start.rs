//! The server starts.

use std::path::Path;
use std::time::Duration;

use super::Bench;
use super::stage::Prepared;
use crate::Outcome;
use crate::budget::Budget;
use crate::floor::{self, RowsDone};
use crate::numbers::{median, readable};
use crate::product::Product;
use crate::report::Row;

struct Started {
    time: Duration,
    cpu: Duration,
}

pub(super) fn measure(bench: &Bench, prepared: &Prepared) -> Outcome<Vec<Row>> {
    // The first start on a data directory makes its certificate.
    start(&prepared.small)?;
    start(&prepared.large)?;
    let (mut floor, mut small, mut large) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.scale.rounds {
        floor.push(floor::run(&["floor-read".as_ref(), prepared.large.join("sealift.db").as_os_str()])?);
        large.push(start(&prepared.large)?);
        small.push(start(&prepared.small)?);
    }
    let pairs = || floor.iter().zip(&large);
    let times: Vec<f64> = pairs().map(|(floor, large)| large.time.as_secs_f64() / floor.seconds).collect();
    let costs: Vec<f64> = pairs().map(|(floor, large)| large.cpu.as_secs_f64() / floor.cpu_seconds).collect();
    let seconds =
        |started: &[Started]| median(&started.iter().map(|one| one.time.as_secs_f64()).collect::<Vec<_>>());
    let cpu =
        |started: &[Started]| median(&started.iter().map(|one| one.cpu.as_secs_f64()).collect::<Vec<_>>());
    let read = median(&floor.iter().map(|one: &RowsDone| one.seconds).collect::<Vec<_>>());
    let text = |value: Option<f64>| value.map_or_else(String::new, readable);
    let row = Row::new("start", "start of the server", Some(bench.scale.large))
        .values("time, product ÷ floor", &times)
        .budget(bench.for_large(Budget::AtMost(2.0)))
        .texts(
            format!("streamed read of the same columns through sea-orm: {} s", text(read)),
            format!(
                "{} s to ready, {} s CPU; with {} devices {} s",
                text(seconds(&large)),
                text(cpu(&large)),
                bench.scale.small,
                text(seconds(&small))
            ),
        )
        .detail("time_ratio", median(&times))
        .detail("cpu_ratio", median(&costs))
        .detail("floor_seconds", read)
        .detail("product_seconds", seconds(&large))
        .detail("product_small_seconds", seconds(&small))
        .remark("Files are in the page cache for both.");
    Ok(vec![row])
}

fn start(data: &Path) -> Outcome<Started> {
    let product = Product::start(data)?;
    let started = Started { time: product.server.ready_after, cpu: product.server.ready_cpu };
    product.server.stop()?;
    Ok(started)
}
