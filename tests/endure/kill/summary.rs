//! What a kill loop did.

use std::collections::BTreeMap;
use std::time::Duration;

/// What happened in a kill loop. A violation is no figure: it ends the loop.
#[derive(Default)]
pub(super) struct Summary {
    /// Kills by who was killed, each followed by all questions.
    pub(super) kills: BTreeMap<&'static str, u64>,
    /// Acknowledged requests by kind.
    pub(super) acknowledged: BTreeMap<&'static str, u64>,
    /// Requests without an answer, by kind: those that a kill hit.
    pub(super) unanswered: BTreeMap<&'static str, u64>,
    /// Kills after which `sealift check` looked at what was left, before the start.
    pub(super) checks: u64,
    /// Starts that removed a file which an interrupted upload had left.
    pub(super) swept: u64,
    /// From the start of the process until it is ready.
    pub(super) starts: Vec<Duration>,
}

/// What must have happened often enough for a loop to mean something.
const WORK: [&str; 14] = [
    "abort",
    "accept",
    "decommission",
    "delete artifact",
    "deploy",
    "device login",
    "inventory",
    "offer",
    "register",
    "reject",
    "report",
    "revoke",
    "upload",
    "user login",
];

impl Summary {
    pub(super) fn kill(&mut self, victim: &'static str) {
        *self.kills.entry(victim).or_default() += 1;
    }

    pub(super) fn acknowledge(&mut self, what: &'static str) {
        *self.acknowledged.entry(what).or_default() += 1;
    }

    pub(super) fn miss(&mut self, what: &'static str) {
        *self.unanswered.entry(what).or_default() += 1;
    }

    /// Adds what another has counted.
    pub(super) fn absorb(&mut self, other: Self) {
        self.checks += other.checks;
        self.swept += other.swept;
        self.starts.extend(other.starts);
        add(&mut self.kills, other.kills);
        add(&mut self.acknowledged, other.acknowledged);
        add(&mut self.unanswered, other.unanswered);
    }

    pub(super) fn print(&self, loop_name: &str) {
        let total = |counts: &BTreeMap<&str, u64>| counts.values().sum::<u64>();
        let list = |counts: &BTreeMap<&str, u64>| {
            counts.iter().map(|(what, count)| format!("{what} {count}")).collect::<Vec<_>>().join(", ")
        };
        let mut starts = self.starts.clone();
        starts.sort_unstable();
        let at = |percent: usize| starts.get(starts.len().saturating_sub(1) * percent / 100).copied();
        eprintln!(
            "endure: {loop_name}: {} kills ({}), 0 violations, {} looks with `sealift check` before the start",
            total(&self.kills),
            list(&self.kills),
            self.checks
        );
        let acknowledged = total(&self.acknowledged);
        eprintln!("endure: {loop_name}: acknowledged {acknowledged}: {}", list(&self.acknowledged));
        eprintln!("endure: {loop_name}: in flight {}: {}", total(&self.unanswered), list(&self.unanswered));
        eprintln!("endure: {loop_name}: {} starts swept what an upload had left", self.swept);
        eprintln!(
            "endure: {loop_name}: start to ready: median {:?}, p99 {:?}, longest {:?}",
            at(50).unwrap_or_default(),
            at(99).unwrap_or_default(),
            at(100).unwrap_or_default()
        );
    }

    /// A loop in which something never happened has shown nothing about it.
    pub(super) fn expect_work(&self) {
        for what in WORK {
            assert!(self.acknowledged.contains_key(what), "no {what} was acknowledged: the load is no mix");
        }
        assert!(!self.unanswered.is_empty(), "no kill hit a request");
    }
}

fn add(to: &mut BTreeMap<&'static str, u64>, from: BTreeMap<&'static str, u64>) {
    for (what, count) in from {
        *to.entry(what).or_default() += count;
    }
}
