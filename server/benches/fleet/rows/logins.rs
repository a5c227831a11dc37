//! Known devices log in with RSA-3072 keys.

use super::Bench;
use super::contest::{Contender, Turn};
use super::stage::Stage;
use crate::Outcome;
use crate::budget::Budget;
use crate::generator::Style;
use crate::report::Row;
use crate::seed::{Kind, SignedRequests};

const CONNECTIONS: usize = 64;

pub(super) async fn measure(bench: &Bench, stage: &Stage) -> Outcome<Vec<Row>> {
    let prepare = |devices: u64| {
        SignedRequests::prepare(Kind::Known { of: devices }, bench.scale.logins.min(devices), &bench.keys)
    };
    let (of_small, of_large) = (prepare(bench.scale.small)?, prepare(bench.scale.large)?);
    let mut floor = Contender::new(&stage.floor, &stage.floor_target, &of_large, 200);
    let mut small = Contender::new(&stage.small.server, &stage.small_target, &of_small, 200);
    let mut large = Contender::new(&stage.large.server, &stage.large_target, &of_large, 200);
    let turn = Turn {
        connections: CONNECTIONS,
        style: Style::KeepAlive,
        span: bench.scale.turn,
        requests: u64::MAX,
    };
    for _ in 0..bench.scale.rounds {
        for contender in [&mut floor, &mut small, &mut large] {
            contender.turn(turn).await?;
        }
    }
    let row = |devices, product: &Contender<'_>| {
        Row::new("login", "login of a known device, RSA-3072", Some(devices))
            .compare(
                "handler that verifies once (key parsed before) and signs a token",
                &floor.runs,
                &product.runs,
            )
            .budget(Some(Budget::AtLeast(0.7)))
    };
    Ok(vec![row(bench.scale.small, &small), row(bench.scale.large, &large)])
}
