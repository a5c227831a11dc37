//! A deployment for all devices is created.

use std::time::Instant;

use serde_json::json;

use super::Bench;
use super::updates::{Updates, deploy};
use crate::Outcome;
use crate::budget::Budget;
use crate::numbers::{median, readable};
use crate::product::User;
use crate::report::Row;

/// Deployments of each fleet.
const TIMES: usize = 15;

pub(super) async fn measure(bench: &Bench, updates: &Updates<'_>) -> Outcome<Vec<Row>> {
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for round in 0..TIMES {
        small.push(create(&updates.small_user, round).await?);
        large.push(create(&updates.large_user, round).await?);
    }
    let ratios: Vec<f64> = small.iter().zip(&large).map(|(small, large)| large / small).collect();
    let text =
        |millis: &[f64]| median(millis).map_or_else(String::new, |millis| format!("{} ms", readable(millis)));
    let row = Row::new("deployment", "creating a deployment for all devices", Some(bench.scale.large))
        .values("time, large fleet ÷ small fleet", &ratios)
        .budget(bench.for_large(Budget::AtMost(3.0)))
        .texts(
            format!("{} devices: {}", readable(crate::numbers::float(bench.scale.small)), text(&small)),
            text(&large),
        )
        .detail("small_ms", median(&small))
        .detail("large_ms", median(&large));
    Ok(vec![row])
}

/// Creates a deployment and takes it away again; returns how long the first took, in milliseconds.
async fn create(user: &User, round: usize) -> Outcome<f64> {
    let begin = Instant::now();
    let id = deploy(user, &format!("measured {round}")).await?;
    let taken = begin.elapsed();
    let line = format!("PUT /api/management/v1/deployments/deployments/{id}/status");
    user.ask(&line, &json!({ "status": "aborted" }), 204).await?;
    Ok(taken.as_secs_f64() * 1e3)
}
