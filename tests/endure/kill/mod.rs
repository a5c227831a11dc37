//! The kill loop (R1): a server under mixed load is killed at random moments, started again, and asked for all that it
//! ever acknowledged.
//!
//! - *actor*: a thread that does one thing after another, as a few devices and their operator, as a release engineer, or
//!   as a user. What it touches nobody else touches, so it knows how each thing must be.
//! - *possible*: what a thing can be after a request whose answer never came: as before, or as asked for. Nothing else.
//! - *round*: load, a kill, a start, and the questions.

mod fleet;
mod line;
mod possible;
mod releases;
mod rollout;
mod rounds;
mod sessions;
mod summary;
mod whole;

use std::thread::{self, JoinHandle};
use std::time::Duration;

use harness::Peer;
use libtest_mimic::Trial;

use self::rounds::{Database, Plan, run};
use self::summary::Summary;
use crate::chance;

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = harness::trials![killed_again_and_again_on_sqlite];
    trials.extend(harness::peer_trials![&[Peer::Postgres]; killed_again_and_again_on_postgres]);
    trials.extend(harness::slow_trials![&[]; killed_a_thousand_times_on_sqlite]);
    trials.extend(harness::slow_trials![&[Peer::Postgres]; killed_five_hundred_times_on_postgres]);
    trials
}

/// Servers that a long form runs side by side: a kill loop waits more than it works.
const SIDE_BY_SIDE: u64 = 4;
/// The longest time under load before a kill.
const SHORT: Duration = Duration::from_millis(2500);
const LONG: Duration = Duration::from_secs(5);

fn killed_again_and_again_on_sqlite() {
    kill_loop("kill loop on SQLite", Database::Sqlite, 20, 1, SHORT);
}

fn killed_again_and_again_on_postgres() {
    kill_loop("kill loop on PostgreSQL", Database::Postgres, 12, 1, SHORT);
}

fn killed_a_thousand_times_on_sqlite() {
    kill_loop("long kill loop on SQLite", Database::Sqlite, 1000, SIDE_BY_SIDE, LONG);
}

fn killed_five_hundred_times_on_postgres() {
    kill_loop("long kill loop on PostgreSQL", Database::Postgres, 500, SIDE_BY_SIDE, LONG);
}

fn kill_loop(name: &str, database: Database, kills: u64, servers: u64, longest: Duration) {
    let kills = chance::number("SEALIFT_ENDURE_KILLS").unwrap_or(kills);
    let seed = chance::seed(name);
    let plans = (0..servers).map(|at| Plan {
        database,
        kills: kills.div_ceil(servers),
        seed: seed.wrapping_add(at),
        load: Duration::from_millis(200)..longest,
    });
    let running: Vec<JoinHandle<Summary>> = plans.map(|plan| thread::spawn(move || run(&plan))).collect();
    let mut summary = Summary::default();
    for one in running {
        summary.absorb(one.join().unwrap_or_else(|cause| std::panic::resume_unwind(cause)));
    }
    summary.print(name);
    summary.expect_work();
}
