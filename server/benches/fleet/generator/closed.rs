//! Closed loop: each connection asks again as soon as it is answered. It finds out how fast a server is.

use std::cell::{Cell, RefCell};
use std::io;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use hdrhistogram::Histogram;

use super::wire::{Connection, Target};
use super::{Requests, Run, histogram, recordable};
use crate::Outcome;
use crate::process::{Server, own_cpu, own_cpu_since};

/// How connections are used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Style {
    /// Opened before the measuring, kept to its end.
    KeepAlive,
    /// One for each request.
    Fresh,
}

/// What is asked, and how.
pub(crate) struct Load<'a> {
    /// Whom.
    pub(crate) target: &'a Target,
    /// Requests in flight.
    pub(crate) connections: usize,
    /// How.
    pub(crate) style: Style,
    /// How long, at most.
    pub(crate) span: Duration,
    /// The numbers of the requests: from the first up to, not including, the last.
    pub(crate) numbers: std::ops::Range<u64>,
    /// Their bytes.
    pub(crate) requests: &'a dyn Requests,
    /// The status that they must be answered with.
    pub(crate) expect: u16,
}

struct State<'a> {
    load: &'a Load<'a>,
    next: Cell<u64>,
    answered: Cell<u64>,
    errors: Cell<u64>,
    first_error: RefCell<Option<String>>,
    latencies: RefCell<Histogram<u64>>,
    is_over: Cell<bool>,
}

/// Runs a load; returns what it did and the number that the next one begins with.
pub(crate) async fn closed(load: &Load<'_>, server: &Server) -> Outcome<(Run, u64)> {
    let state = State {
        load,
        next: Cell::new(load.numbers.start),
        answered: Cell::new(0),
        errors: Cell::new(0),
        first_error: RefCell::new(None),
        latencies: RefCell::new(histogram()?),
        is_over: Cell::new(false),
    };
    let mut connections = Vec::with_capacity(load.connections);
    for _ in 0..load.connections {
        connections.push(match load.style {
            Style::KeepAlive => Some(load.target.connect().await?),
            Style::Fresh => None,
        });
    }
    let (server_before, own_before, begin) = (server.cpu()?, own_cpu()?, Instant::now());
    let mut workers = Box::pin(join_all(connections.into_iter().map(|connection| state.work(connection))));
    let is_done = tokio::select! {
        () = tokio::time::sleep(load.span) => false,
        _ = &mut workers => true,
    };
    let elapsed = begin.elapsed();
    let (server_cpu, generator_cpu) = (server.cpu_since(server_before)?, own_cpu_since(own_before)?);
    let answered = state.answered.get();
    state.is_over.set(true);
    if is_done {
        drop(workers);
    } else {
        workers.await;
    }
    let run = Run {
        answered,
        errors: state.errors.get(),
        first_error: state.first_error.take(),
        elapsed,
        server_cpu,
        generator_cpu,
        latencies: state.latencies.into_inner(),
    };
    Ok((run, state.next.get()))
}

impl State<'_> {
    async fn work(&self, mut connection: Option<Connection>) {
        let mut request = Vec::with_capacity(4096);
        while !self.is_over.get() && self.next.get() < self.load.numbers.end {
            let number = self.next.get();
            self.next.set(number + 1);
            request.clear();
            self.load.requests.write(number, &mut request);
            let begin = Instant::now();
            match self.ask(&mut connection, &request).await {
                Ok(status) if status == self.load.expect => {
                    if !self.is_over.get() {
                        self.answered.set(self.answered.get() + 1);
                        self.latencies.borrow_mut().saturating_record(recordable(begin.elapsed()));
                    }
                }
                Ok(status) => self.fail(&format!("request {number} was answered {status}")),
                Err(err) => {
                    self.fail(&format!("request {number}: {err}"));
                    if self.load.style == Style::KeepAlive {
                        connection = self.load.target.connect().await.ok();
                    }
                }
            }
        }
    }

    async fn ask(&self, kept: &mut Option<Connection>, request: &[u8]) -> io::Result<u16> {
        if self.load.style == Style::KeepAlive {
            let connection = kept.as_mut().ok_or(io::ErrorKind::NotConnected)?;
            return Ok(connection.ask(request).await?.status);
        }
        let mut connection = self.load.target.connect().await?;
        let answer = connection.ask(request).await?;
        connection.close().await?;
        Ok(answer.status)
    }

    fn fail(&self, what: &str) {
        self.errors.set(self.errors.get() + 1);
        self.first_error.borrow_mut().get_or_insert_with(|| what.to_owned());
    }
}
