//! Unknown devices register, durably.

use std::time::Duration;

use super::Bench;
use super::contest::{Contender, Turn};
use super::reports::{floor_text, insert_rows, rates};
use super::stage::Stage;
use crate::Outcome;
use crate::floor::inserts::Table;
use crate::generator::Style;
use crate::numbers::wide;
use crate::report::{Row, figures};
use crate::seed::{Kind, SignedRequests};

const CONNECTIONS: usize = 64;

pub(super) async fn measure(bench: &Bench, stage: &Stage) -> Outcome<Vec<Row>> {
    let each = bench.scale.registrations;
    let requests = SignedRequests::prepare(Kind::Unknown, each * wide(bench.scale.rounds), &bench.keys)?;
    // Unknown devices have to wait for an operator, and are told so.
    let mut small = Contender::new(&stage.small.server, &stage.small_target, &requests, 401);
    let mut large = Contender::new(&stage.large.server, &stage.large_target, &requests, 401);
    let turn = Turn {
        connections: CONNECTIONS,
        style: Style::KeepAlive,
        span: Duration::from_mins(2),
        requests: each,
    };
    let (mut floor, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..bench.scale.rounds {
        floor.push(insert_rows(bench, Table::Reports)?);
        bare.push(insert_rows(bench, Table::Bare)?);
        small.turn(turn).await?;
        large.turn(turn).await?;
    }
    let row = |devices, product: &Contender<'_>| {
        let row = Row::new("registration", "registration of an unknown device, durable", Some(devices));
        rates(row, &floor, &product.runs).texts(floor_text(&floor, &bare), figures(&product.runs)).remark(
            "A registration checks an RSA-3072 signature and writes two rows with nine index entries; the floor is \
             that of reports.",
        )
    };
    Ok(vec![row(bench.scale.small, &small), row(bench.scale.large, &large)])
}
