//! Load, a kill, a start, and the questions.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use harness::postgres::{Cluster, Syncing};
use harness::server::PASSWORD;
use harness::{ServerSetup, TestServer};
use rand::RngExt;
use rand::rngs::StdRng;

use super::fleet::{Fleet, devices};
use super::line::{Line, Unavailable};
use super::releases::{Releases, Stored};
use super::sessions::Sessions;
use super::summary::Summary;
use super::whole;
use crate::chance::generator;

/// Actors of each kind.
const FLEETS: u64 = 5;
const CHURNS: u64 = 2;
const USERS: u64 = 1;

/// So long may files stay of which the database could not tell whether they are needed.
const SETTLING: Duration = Duration::from_secs(30);

/// Where the server keeps its rows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Database {
    Sqlite,
    /// A PostgreSQL of its own, which is killed too: without the server, with it, or not.
    Postgres,
}

/// Who is killed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Victim {
    Server,
    Database,
    Both,
}

/// A kill loop.
pub(super) struct Plan {
    pub(super) database: Database,
    pub(super) kills: u64,
    pub(super) seed: u64,
    /// Time under load before a kill; short ones are as likely as long ones on a scale of ratios.
    pub(super) load: Range<Duration>,
}

/// Prints how to have a loop again when it fails.
struct Place {
    seed: u64,
    round: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("endure: a violation in round {} of the loop with seed {}", self.round, self.seed);
        }
    }
}

/// Runs a kill loop.
///
/// # Panics
///
/// On the first violation.
pub(super) fn run(plan: &Plan) -> Summary {
    let mut place = Place { seed: plan.seed, round: 0 };
    let mut rng = generator(plan.seed, 0);
    let cluster = (plan.database == Database::Postgres).then(|| Arc::new(Cluster::start(Syncing::Full)));
    let server = cluster.iter().fold(setup(), ServerSetup::on).start();
    let mut actors = Actors::new(&server, plan.seed);
    let mut summary = Summary::default();
    for round in 1..=plan.kills {
        place.round = round;
        let victim = match (&cluster, rng.random_range(0..5)) {
            (None, _) | (Some(_), 0 | 1) => Victim::Server,
            (Some(_), 2 | 3) => Victim::Database,
            (Some(_), _) => Victim::Both,
        };
        let kill = || {
            if victim != Victim::Server {
                cluster.as_deref().map(Cluster::kill);
            }
            if victim != Victim::Database {
                server.kill();
            }
        };
        actors.work(&server, draw(&mut rng, &plan.load), kill, &mut summary);
        summary.kill(victim.name());
        if victim != Victim::Server {
            cluster.as_deref().map(Cluster::start_again);
        }
        if victim != Victim::Database {
            if rng.random_bool(0.5) {
                whole::check(&server);
                summary.checks += 1;
            }
            let began = Instant::now();
            server.restart();
            summary.starts.push(began.elapsed());
        }
        actors.verify(&server);
    }
    actors.verify_past(&server);
    assert!(server.stop().success(), "it stops in order");
    whole::check(&server);
    summary.swept = look_at_log(&server.log(), plan.database);
    summary
}

impl Victim {
    const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Database => "database",
            Self::Both => "both",
        }
    }
}

/// A server that says little.
fn setup() -> ServerSetup {
    ServerSetup::default()
        .env("SEALIFT_LOG_FILTER", "warn,sealift::app=info")
        // No more than any machine allows files, or each start warns.
        .env("SEALIFT_LIMITS__MAX_CONNECTIONS", "500")
}

/// A server that was killed starts as one that was stopped. Returns how many starts removed what uploads had left, which
/// is no repair: such a file belongs to nothing that was acknowledged.
fn look_at_log(log: &str, database: Database) -> u64 {
    let mut swept = 0;
    for line in log.lines() {
        if line.contains("removed what interrupted uploads left") {
            swept += 1;
        } else if line.contains("panicked")
            // Without its database a server has reason to complain.
            || (database == Database::Sqlite && (line.contains("WARN") || line.contains("ERROR")))
        {
            panic!("a line in the log that should not be there: {line}");
        }
    }
    swept
}

fn draw(rng: &mut StdRng, range: &Range<Duration>) -> Duration {
    let (from, to) = (range.start.as_secs_f64().ln(), range.end.as_secs_f64().ln());
    Duration::from_secs_f64(rng.random_range(from..to).exp())
}

/// All that put load on the server.
struct Actors {
    token: String,
    fleets: Vec<Fleet>,
    churns: Vec<Releases>,
    staying: Releases,
    users: Vec<Sessions>,
}

impl Actors {
    fn new(server: &TestServer, seed: u64) -> Self {
        let token = server.admin().token.clone();
        let mut stored = Vec::new();
        let mut fleets = Vec::new();
        for at in 0..FLEETS {
            let device_type = format!("type-{at}");
            let own = [Stored::write(&device_type, 100), Stored::write(&device_type, 5_000)];
            let releases = own.iter().map(|one| one.name.clone()).collect();
            stored.extend(own);
            let rng = generator(seed, 100 + at);
            fleets.push(Fleet::new(token.clone(), server.http(), device_type, releases, rng));
        }
        let mut line = Line::new(server.http(), Unavailable::Wait);
        let staying = Releases::staying(token.clone(), generator(seed, 200), stored, &mut line);
        let churns =
            (0..CHURNS).map(|at| Releases::churning(token.clone(), generator(seed, 300 + at))).collect();
        let users = (0..USERS)
            .map(|at| {
                let email = format!("user-{at}@example.com");
                server.add_user(&email, "viewer", PASSWORD);
                Sessions::new(email, generator(seed, 400 + at))
            })
            .collect();
        Self { token, fleets, churns, staying, users }
    }

    /// Lets all of them work for a time, then kills the server under them.
    fn work(&mut self, server: &TestServer, time: Duration, kill: impl FnOnce(), summary: &mut Summary) {
        let unavailable = if server.database_url().is_some() { Unavailable::Cut } else { Unavailable::Wait };
        let line = || Line::new(server.http(), unavailable);
        let parts = thread::scope(|scope| {
            let mut running = Vec::new();
            for actor in &mut self.fleets {
                running.push(scope.spawn(move || act(|line, summary| actor.run(line, summary), line())));
            }
            for actor in &mut self.churns {
                running.push(scope.spawn(move || act(|line, summary| actor.run(line, summary), line())));
            }
            for actor in &mut self.users {
                running.push(scope.spawn(move || act(|line, summary| actor.run(line, summary), line())));
            }
            thread::sleep(time);
            kill();
            running.into_iter().map(thread::ScopedJoinHandle::join).collect::<Vec<_>>()
        });
        for part in parts {
            summary.absorb(part.unwrap_or_else(|cause| std::panic::resume_unwind(cause)));
        }
    }

    fn verify(&mut self, server: &TestServer) {
        let mut line = Line::new(server.http(), Unavailable::Wait);
        let listed = devices(&self.token, &mut line).expect("the server is up");
        whole::counters(&listed, &self.token, &mut line);
        for fleet in &mut self.fleets {
            fleet.verify(&listed, &mut line);
        }
        for user in &mut self.users {
            user.verify(&mut line);
        }
        let artifacts: BTreeMap<String, String> = whole::artifacts(&self.token, &mut line);
        let mut digests = self.staying.verify(&artifacts, &mut line);
        for churn in &mut self.churns {
            digests.extend(churn.verify(&artifacts, &mut line));
        }
        assert_eq!(digests.len(), artifacts.len(), "an artifact that nobody uploaded: {artifacts:?}");
        // A start has looked at the files; a server whose database came back is about to.
        let patience = if server.database_url().is_some() { SETTLING } else { Duration::ZERO };
        whole::blobs(server, digests, patience);
    }

    fn verify_past(&mut self, server: &TestServer) {
        let mut line = Line::new(server.http(), Unavailable::Wait);
        for fleet in &mut self.fleets {
            fleet.verify_past(&mut line);
        }
    }
}

fn act(run: impl FnOnce(&mut Line, &mut Summary), mut line: Line) -> Summary {
    let mut summary = Summary::default();
    run(&mut line, &mut summary);
    summary
}
