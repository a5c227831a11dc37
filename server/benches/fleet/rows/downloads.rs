//! An artifact is downloaded over TLS.

use std::fs;

use sealift::tls::PairPaths;

use super::Bench;
use super::stage::Stage;
use super::updates::Updates;
use crate::Outcome;
use crate::budget::Budget;
use crate::floor::nginx;
use crate::generator::Target;
use crate::numbers::{float, median, readable};
use crate::process::Server;
use crate::report::Row;

/// Downloads in one turn.
const TIMES: u32 = 4;

/// Bytes that are read at once.
const ROOM: usize = 256 * 1024;

/// One turn: processor seconds, and seconds, for a gigabyte.
struct Cost {
    cpu: f64,
    time: f64,
}

pub(super) async fn measure(bench: &Bench, stage: &Stage, updates: &Updates<'_>) -> Outcome<Vec<Row>> {
    let row = Row::new("download", "download of an artifact over TLS", Some(bench.scale.large));
    let row = row.budget(Some(Budget::AtMost(1.0)));
    let Some(program) = nginx::program() else {
        return Ok(vec![row.skipped("nginx is not installed.")]);
    };
    let root = bench.scratch.path().join("nginx-root");
    let scratch = bench.scratch.path().join("nginx");
    fs::create_dir_all(&root)?;
    fs::create_dir_all(&scratch)?;
    fs::write(root.join("artifact.mender"), &updates.artifact)?;
    let pair = PairPaths::generated(&stage.large.data);
    let server = nginx::start(&program, &root, &pair, &scratch)?;
    let target = Target::new(server.address)?;
    let (mut floor, mut product) = (Vec::new(), Vec::new());
    for _ in 0..bench.scale.rounds {
        floor.push(fetch(&server, &target, "/artifact.mender", updates).await?);
        product.push(fetch(&stage.large.server, &stage.large_target, &updates.link, updates).await?);
    }
    let ratios: Vec<f64> =
        floor.iter().zip(&product).map(|(floor, product)| product.cpu / floor.cpu).collect();
    let text = |costs: &[Cost]| {
        let of = |figure: fn(&Cost) -> f64| {
            median(&costs.iter().map(figure).collect::<Vec<_>>()).map_or_else(String::new, readable)
        };
        format!("{} CPU seconds a GB, {} MB/s", of(|cost| cost.cpu), of(|cost| 1e3 / cost.time))
    };
    let median_of = |costs: &[Cost]| median(&costs.iter().map(|cost| cost.cpu).collect::<Vec<_>>());
    let row = row
        .values("CPU seconds a GB, product ÷ nginx", &ratios)
        .texts(format!("{}: {}", nginx::version(&program), text(&floor)), text(&product))
        .detail("floor_cpu_s_per_gb", median_of(&floor))
        .detail("product_cpu_s_per_gb", median_of(&product))
        .remark("One connection; nginx as one process with its default buffers and the same certificate.");
    Ok(vec![row])
}

async fn fetch(server: &Server, target: &Target, path: &str, updates: &Updates<'_>) -> Outcome<Cost> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Go-http-client/1.1\r\n\r\n");
    let expected = crate::numbers::wide(updates.artifact.len());
    let mut connection = target.connect().await?;
    let mut room = vec![0; ROOM];
    let (begin, cpu) = (std::time::Instant::now(), server.cpu()?);
    for _ in 0..TIMES {
        let (answer, bytes) = connection.fetch(request.as_bytes(), &mut room).await?;
        if answer.status != 200 || bytes != expected {
            return Err(format!("{path} was answered {} with {bytes} bytes", answer.status).into());
        }
    }
    let gigabytes = f64::from(TIMES) * float(expected) / 1e9;
    let cpu = server.cpu_since(cpu)?.as_secs_f64() / gigabytes;
    Ok(Cost { cpu, time: begin.elapsed().as_secs_f64() / gigabytes })
}
