//! What devices and connections take in memory.

use std::time::Duration;

use super::Bench;
use super::contest::{Contender, Turn};
use super::polls::Polls;
use super::stage::Stage;
use crate::Outcome;
use crate::budget::Budget;
use crate::generator::{Requests, Style, Target};
use crate::numbers::{float, readable, wide};
use crate::process::Server;
use crate::product::Product;
use crate::report::Row;

/// Memory for each device: the server with the large fleet, less one with none. Every device of it polls once
/// between, so that tokens are known.
pub(super) async fn devices(bench: &Bench, stage: &Stage) -> Outcome<Vec<Row>> {
    let empty = Product::start(&bench.scratch.path().join("empty"))?;
    let base = empty.server.memory()?;
    empty.server.stop()?;
    let loaded = stage.large.server.memory()?;
    let polls = Polls(&bench.large);
    let mut large = Contender::new(&stage.large.server, &stage.large_target, &polls, 204);
    let turn = Turn {
        connections: 64,
        style: Style::KeepAlive,
        span: Duration::from_mins(10),
        requests: bench.large.devices,
    };
    large.turn(turn).await?;
    let used = stage.large.server.memory()?;
    let each = |bytes: u64| (float(bytes) - float(base)) / float(bench.large.devices);
    let mib = |bytes: u64| readable(float(bytes) / 1_048_576.0);
    let memory = Row::new("memory.device", "memory for a registered device", Some(bench.scale.large))
        .values("bytes over the empty server", &[each(loaded).max(each(used))])
        .budget(bench.for_large(Budget::AtMost(200.0)))
        .texts(
            format!("the server without devices: {} MiB", mib(base)),
            format!("{} MiB after its start, {} MiB after a poll of each device", mib(loaded), mib(used)),
        )
        .detail("after_start", Some(each(loaded)))
        .detail("after_polls", Some(each(used)))
        .errors_of(&large.runs)
        .remark("Resident memory; the greater of after the start and after a poll of each device.");
    let first = Row::new("poll.first", "first poll of each device after a start", Some(bench.scale.large))
        .runs("product", &large.runs)
        .texts(String::new(), crate::report::figures(&large.runs))
        .errors_of(&large.runs)
        .remark("The token's signature is verified, the question is parsed and decided.");
    Ok(vec![memory, first])
}

/// Memory for each idle connection that had one request.
pub(super) async fn connections(bench: &Bench, stage: &Stage) -> Outcome<Vec<Row>> {
    let polls = Polls(&bench.small);
    let floor = idle(bench, &stage.floor, &stage.floor_target, &polls).await?;
    let product = idle(bench, &stage.small.server, &stage.small_target, &polls).await?;
    let kib = |bytes: f64| format!("{} KiB", readable(bytes / 1024.0));
    let row = Row::new("memory.connection", "memory for an idle TLS connection", None)
        .values("product ÷ floor", &[product / floor])
        .texts(format!("handler that answers 204: {}", kib(floor)), kib(product))
        .detail("floor_bytes", Some(floor))
        .detail("product_bytes", Some(product))
        .remark(&format!("{} connections, each after one poll.", bench.scale.idle_connections));
    Ok(vec![row])
}

async fn idle(bench: &Bench, server: &Server, target: &Target, polls: &Polls<'_>) -> Outcome<f64> {
    let mut open = Vec::with_capacity(bench.scale.idle_connections);
    let mut request = Vec::new();
    let before = server.memory()?;
    for number in 0..wide(bench.scale.idle_connections) {
        let mut connection = target.connect().await?;
        request.clear();
        polls.write(number, &mut request);
        connection.ask(&request).await?;
        open.push(connection);
    }
    let after = server.memory()?;
    Ok((float(after) - float(before)) / float(wide(open.len())))
}
