//! Servers take turns under the same load.

use std::time::Duration;

use crate::Outcome;
use crate::generator::{Load, Requests, Run, Style, Target, closed};
use crate::process::Server;

/// One server, what it is asked, and what it did.
pub(crate) struct Contender<'a> {
    /// Its process.
    pub(crate) server: &'a Server,
    /// Where its requests go.
    pub(crate) target: &'a Target,
    /// The requests.
    pub(crate) requests: &'a dyn Requests,
    /// The status that they must be answered with.
    pub(crate) expect: u16,
    next: u64,
    /// Its turns.
    pub(crate) runs: Vec<Run>,
}

/// How each turn is.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    /// Requests in flight.
    pub(crate) connections: usize,
    /// How connections are used.
    pub(crate) style: Style,
    /// How long it is, at most.
    pub(crate) span: Duration,
    /// How many requests it has, at most.
    pub(crate) requests: u64,
}

impl<'a> Contender<'a> {
    /// A server that had no turn yet.
    pub(crate) fn new(
        server: &'a Server,
        target: &'a Target,
        requests: &'a dyn Requests,
        expect: u16,
    ) -> Self {
        Self { server, target, requests, expect, next: 0, runs: Vec::new() }
    }

    /// One turn; it goes on with the requests where the one before ended.
    pub(crate) async fn turn(&mut self, turn: Turn) -> Outcome<()> {
        let run = self.warm_up(turn).await?;
        self.runs.push(run);
        Ok(())
    }

    /// One turn that is not counted.
    pub(crate) async fn warm_up(&mut self, turn: Turn) -> Outcome<Run> {
        let load = Load {
            target: self.target,
            connections: turn.connections,
            style: turn.style,
            span: turn.span,
            numbers: self.next..self.next.saturating_add(turn.requests),
            requests: self.requests,
            expect: self.expect,
        };
        let (run, next) = closed(&load, self.server).await?;
        self.next = next;
        Ok(run)
    }
}
