//! Open loop: requests come when they are due, whether or not earlier ones were answered, and latencies count
//! from that moment. It finds out what a server at work is like for those who ask it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use super::wire::Target;
use super::{Run, histogram, recordable};
use crate::Outcome;
use crate::process::{Server, own_cpu, own_cpu_since};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is due: its kind, its bytes, and the status that it must be answered with.
pub(crate) struct Arrival {
    /// A place in the list of kinds.
    pub(crate) kind: usize,
    /// The request.
    pub(crate) request: Vec<u8>,
    /// The status.
    pub(crate) expect: u16,
}

/// Says what comes when.
pub(crate) trait Schedule: Send {
    /// The next moment, counted from the beginning, and which request is then due; `None` at the end.
    fn next(&mut self) -> Option<(Duration, u64)>;
}

#[derive(Default)]
struct Tally {
    answered: Cell<u64>,
    errors: Cell<u64>,
    first_error: RefCell<Option<String>>,
    latencies: RefCell<Vec<Histogram<u64>>>,
}

/// Sends what is due, each on a connection of its own. Returns what came of it: of all, and of each kind.
pub(crate) async fn open(
    target: Target,
    mut schedule: impl Schedule + 'static,
    prepare: impl Fn(u64) -> Arrival,
    kinds: usize,
    server: &Server,
) -> Outcome<(Run, Vec<Histogram<u64>>)> {
    let target = Rc::new(target);
    let tally = Rc::new(Tally::default());
    for _ in 0..=kinds {
        tally.latencies.borrow_mut().push(histogram()?);
    }
    let (server_before, own_before, begin) = (server.cpu()?, own_cpu()?, Instant::now());
    let (send, mut due) = mpsc::unbounded_channel();
    // A thread of its own: the timer of the runtime only knows milliseconds.
    let clock = std::thread::spawn(move || {
        while let Some((moment, number)) = schedule.next() {
            std::thread::sleep(moment.saturating_sub(begin.elapsed()));
            if send.send((begin + moment, number)).is_err() {
                break;
            }
        }
    });
    let local = LocalSet::new();
    local
        .run_until(async {
            while let Some((moment, number)) = due.recv().await {
                let arrival = prepare(number);
                let (target, tally) = (Rc::clone(&target), Rc::clone(&tally));
                tokio::task::spawn_local(async move { tally.answer(&target, arrival, moment).await });
            }
        })
        .await;
    local.await;
    let _ = clock.join();
    let elapsed = begin.elapsed();
    let mut latencies = tally.latencies.take();
    let all = latencies.pop().ok_or("no histogram")?;
    let run = Run {
        answered: tally.answered.get(),
        errors: tally.errors.get(),
        first_error: tally.first_error.take(),
        elapsed,
        server_cpu: server.cpu_since(server_before)?,
        generator_cpu: own_cpu_since(own_before)?,
        latencies: all,
    };
    Ok((run, latencies))
}

impl Tally {
    async fn answer(&self, target: &Target, arrival: Arrival, moment: Instant) {
        let exchange = async {
            let mut connection = target.connect().await?;
            let answer = connection.ask(&arrival.request).await?;
            let latency = moment.elapsed();
            connection.close().await?;
            Ok::<_, std::io::Error>((answer.status, latency))
        };
        let error = match tokio::time::timeout(PATIENCE, exchange).await {
            Ok(Ok((status, latency))) if status == arrival.expect => {
                self.answered.set(self.answered.get() + 1);
                let mut latencies = self.latencies.borrow_mut();
                if let Some(of_kind) = latencies.get_mut(arrival.kind) {
                    of_kind.saturating_record(recordable(latency));
                }
                if let Some(all) = latencies.last_mut() {
                    all.saturating_record(recordable(latency));
                }
                return;
            }
            Ok(Ok((status, _))) => format!("answered {status} instead of {}", arrival.expect),
            Ok(Err(err)) => err.to_string(),
            Err(_) => format!("no answer in {} s", PATIENCE.as_secs()),
        };
        self.errors.set(self.errors.get() + 1);
        self.first_error.borrow_mut().get_or_insert(error);
    }
}
