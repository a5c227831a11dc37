//! What a connection is doing, and until when it may.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

/// How long an end may take: the last answer, the farewell of TLS, what the client still sends.
const ENDING: Duration = Duration::from_secs(3);

/// How long a connection may take for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For handshake and first head together, and for each further head from its first byte on.
    pub head: Duration,
    /// For the first byte of the next request.
    pub idle: Duration,
    /// Bytes of a request head.
    pub head_bytes: usize,
    /// Within this time an answer that waits for its reader must go on by `write_bytes`.
    pub write_window: Duration,
    /// See `write_window`.
    pub write_bytes: u64,
}

/// The state of one connection; all methods are cheap, for they are called on every poll.
#[derive(Debug)]
pub struct Vitals {
    patience: Patience,
    phase: Cell<Phase>,
    /// When the phase must be over; `None` while the server is at work.
    deadline: Cell<Option<Instant>>,
    /// Bytes that came since the last request was taken up.
    head_bytes: Cell<usize>,
    writing: Cell<Option<Writing>>,
    is_body_read: Cell<bool>,
    leaves_body: Cell<bool>,
    fault: Cell<Option<Fault>>,
}

/// What the connection waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// The first byte of a request.
    Idle,
    /// The rest of its head.
    Head,
    /// The server.
    Serving,
    /// The rest of a body that nobody reads: the last one of the connection.
    Draining,
    /// Its end.
    Ending,
}

/// An answer that waits for its reader.
#[derive(Clone, Copy, Debug)]
struct Writing {
    until: Instant,
    written: u64,
}

/// What a client did wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    /// It sent nothing: no request is cut off.
    Idle,
    /// A head did not arrive in time.
    SlowHead,
    /// A head is too large.
    LargeHead,
    /// It does not read.
    SlowReader,
    /// It does not let the connection end.
    SlowEnd,
}

impl Vitals {
    /// Of a connection that was accepted at a moment and is past its handshake.
    #[must_use]
    pub fn new(patience: Patience, accepted_at: Instant) -> Self {
        Self {
            patience,
            phase: Cell::new(Phase::Head),
            deadline: Cell::new(Some(accepted_at + patience.head)),
            head_bytes: Cell::new(0),
            writing: Cell::new(None),
            is_body_read: Cell::new(false),
            leaves_body: Cell::new(false),
            fault: Cell::new(None),
        }
    }

    /// A request was taken up: its head is complete.
    pub fn begin(&self) {
        if self.phase.get() != Phase::Ending {
            self.phase.set(Phase::Serving);
            self.deadline.set(None);
            self.is_body_read.set(false);
            self.leaves_body.set(false);
        }
    }

    /// The body of the request was read to its end.
    pub fn body_read(&self) {
        self.is_body_read.set(true);
    }

    /// Whether it was.
    #[must_use]
    pub fn is_body_read(&self) -> bool {
        self.is_body_read.get()
    }

    /// The request is answered before its body is read, and is the last one: the rest of the body may still come for
    /// as long as a head may, so that the client sees the answer.
    pub fn leave_body(&self) {
        self.leaves_body.set(true);
    }

    /// Bytes of head that came, and of body together with it, up to the moment when the request was taken up.
    #[must_use]
    pub fn head_bytes(&self) -> usize {
        self.head_bytes.get()
    }

    /// The most that a head may have.
    #[must_use]
    pub fn max_head_bytes(&self) -> usize {
        self.patience.head_bytes
    }

    /// The answer is complete, as far as the server goes.
    pub fn finish(&self, now: Instant) {
        if self.phase.get() == Phase::Serving && self.leaves_body.get() {
            self.phase.set(Phase::Draining);
            self.deadline.set(Some(now + self.patience.head));
        } else if self.phase.get() == Phase::Serving {
            self.phase.set(Phase::Idle);
            self.head_bytes.set(0);
            self.deadline.set(Some(now + self.patience.idle));
        }
    }

    /// Whether more of a head may be read.
    pub(super) fn has_room_for_head(&self) -> bool {
        matches!(self.phase.get(), Phase::Serving | Phase::Draining)
            || self.head_bytes.get() < self.patience.head_bytes
    }

    /// Bytes came. The clock is asked at the first byte of a head only.
    pub(super) fn read(&self, bytes: usize, now: impl FnOnce() -> Instant) {
        match self.phase.get() {
            Phase::Serving | Phase::Draining | Phase::Ending => {}
            Phase::Idle if bytes == 0 => {}
            Phase::Idle => {
                self.phase.set(Phase::Head);
                self.deadline.set(Some(now() + self.patience.head));
                self.head_bytes.set(bytes);
            }
            Phase::Head => self.head_bytes.set(self.head_bytes.get().saturating_add(bytes)),
        }
    }

    /// The client took bytes of an answer.
    pub(super) fn wrote(&self, bytes: usize) {
        if let Some(writing) = self.writing.get() {
            let written = writing.written.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
            self.writing.set(Some(Writing { written, ..writing }));
        }
    }

    /// The client takes nothing now.
    pub(super) fn write_waits(&self, now: impl FnOnce() -> Instant) {
        if self.writing.get().is_none() {
            self.writing.set(Some(Writing { until: now() + self.patience.write_window, written: 0 }));
        }
    }

    /// Everything written so far was taken.
    pub(super) fn write_done(&self, now: impl FnOnce() -> Instant) {
        if self.writing.take().is_some() && self.phase.get() == Phase::Idle {
            // Only now can the client know the answer.
            self.deadline.set(Some(now() + self.patience.idle));
        }
    }

    /// The connection is to end.
    pub(super) fn end(&self, now: impl FnOnce() -> Instant) {
        if self.phase.get() != Phase::Ending {
            self.phase.set(Phase::Ending);
            self.deadline.set(Some(now() + ENDING));
        }
    }

    /// A head is too large.
    pub(super) fn overflow(&self) {
        self.fault.set(Some(Fault::LargeHead));
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault.get()
    }

    /// When [`check`](Self::check) has to be asked at the latest.
    pub(super) fn alarm(&self) -> Option<Instant> {
        match self.writing.get() {
            Some(writing) if self.phase.get() != Phase::Ending => Some(writing.until),
            Some(_) | None => self.deadline.get(),
        }
    }

    /// Notes and tells what is wrong by now.
    pub(super) fn check(&self, now: Instant) -> Option<Fault> {
        let is_late = self.deadline.get().is_some_and(|deadline| deadline <= now);
        let fault = match (self.phase.get(), self.writing.get()) {
            (Phase::Ending, _) => is_late.then_some(Fault::SlowEnd),
            (Phase::Idle | Phase::Head | Phase::Serving | Phase::Draining, Some(writing)) => {
                let is_over = writing.until <= now;
                if is_over && writing.written >= self.patience.write_bytes {
                    self.writing.set(Some(Writing { until: now + self.patience.write_window, written: 0 }));
                }
                (is_over && writing.written < self.patience.write_bytes).then_some(Fault::SlowReader)
            }
            (Phase::Idle | Phase::Draining, None) => is_late.then_some(Fault::Idle),
            (Phase::Head, None) if self.head_bytes.get() == 0 => is_late.then_some(Fault::Idle),
            (Phase::Head, None) => is_late.then_some(Fault::SlowHead),
            (Phase::Serving, None) => None,
        };
        if fault.is_some() {
            self.fault.set(fault);
        }
        fault
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Fault, Patience, Vitals};

    const SECOND: Duration = Duration::from_secs(1);

    fn vitals() -> (Vitals, Instant) {
        let patience = Patience {
            head: SECOND * 10,
            idle: SECOND * 15,
            head_bytes: 100,
            write_window: SECOND * 60,
            write_bytes: 60_000,
        };
        let now = Instant::now();
        (Vitals::new(patience, now), now)
    }

    #[test]
    fn bytes_do_not_buy_time_for_a_head() {
        let (vitals, start) = vitals();
        for second in 1..10 {
            vitals.read(1, || start + SECOND * second);
            assert_eq!(vitals.check(start + SECOND * second), None);
            assert_eq!(vitals.alarm(), Some(start + SECOND * 10));
        }
        assert_eq!(vitals.check(start + SECOND * 10), Some(Fault::SlowHead));
    }

    #[test]
    fn who_says_nothing_is_idle() {
        let (vitals, start) = vitals();
        assert_eq!(vitals.check(start + SECOND * 10), Some(Fault::Idle));
    }

    #[test]
    fn further_requests_have_their_time_from_their_first_byte_on() {
        let (vitals, start) = vitals();
        vitals.read(80, || start);
        vitals.begin();
        assert_eq!((vitals.alarm(), vitals.check(start + SECOND * 1_000)), (None, None));
        vitals.finish(start + SECOND * 20);
        assert_eq!(vitals.alarm(), Some(start + SECOND * 35));
        assert_eq!(vitals.check(start + SECOND * 34), None);
        vitals.read(1, || start + SECOND * 34);
        assert_eq!(vitals.alarm(), Some(start + SECOND * 44));
        vitals.read(1, || start + SECOND * 43);
        assert_eq!(vitals.check(start + SECOND * 44), Some(Fault::SlowHead));
    }

    #[test]
    fn an_idle_connection_ends_after_its_time() {
        let (vitals, start) = vitals();
        vitals.read(80, || start);
        vitals.begin();
        vitals.finish(start);
        assert_eq!(vitals.check(start + SECOND * 15), Some(Fault::Idle));
    }

    #[test]
    fn a_head_has_a_size_and_a_body_has_not() {
        let (vitals, start) = vitals();
        vitals.read(99, || start);
        assert!(vitals.has_room_for_head());
        vitals.read(1, || start);
        assert!(!vitals.has_room_for_head());
        vitals.begin();
        vitals.read(1_000_000, || start);
        assert!(vitals.has_room_for_head());
        assert_eq!(vitals.head_bytes(), 100);
        vitals.finish(start);
        vitals.read(50, || start);
        assert!(vitals.has_room_for_head());
    }

    #[test]
    fn a_body_that_nobody_reads_may_come_for_a_while() {
        let (vitals, start) = vitals();
        vitals.read(80, || start);
        vitals.begin();
        vitals.leave_body();
        vitals.finish(start);
        vitals.read(1_000_000, || start);
        assert!(vitals.has_room_for_head());
        assert_eq!(vitals.check(start + SECOND * 9), None);
        assert_eq!(vitals.check(start + SECOND * 10), Some(Fault::Idle));
    }

    #[test]
    fn a_reader_must_take_something_in_each_window() {
        let (vitals, start) = vitals();
        vitals.read(80, || start);
        vitals.begin();
        vitals.write_waits(|| start);
        vitals.write_waits(|| start + SECOND * 30);
        assert_eq!(vitals.alarm(), Some(start + SECOND * 60));
        vitals.wrote(60_000);
        assert_eq!(vitals.check(start + SECOND * 59), None);
        assert_eq!(vitals.check(start + SECOND * 60), None);
        assert_eq!(vitals.alarm(), Some(start + SECOND * 120));
        vitals.wrote(59_999);
        assert_eq!(vitals.check(start + SECOND * 120), Some(Fault::SlowReader));
    }

    #[test]
    fn a_reader_that_has_caught_up_is_idle_from_then_on() {
        let (vitals, start) = vitals();
        vitals.read(80, || start);
        vitals.begin();
        vitals.write_waits(|| start);
        vitals.finish(start);
        assert_eq!(vitals.check(start + SECOND * 20), None);
        vitals.write_done(|| start + SECOND * 40);
        assert_eq!(vitals.check(start + SECOND * 54), None);
        assert_eq!(vitals.check(start + SECOND * 55), Some(Fault::Idle));
    }

    #[test]
    fn an_end_takes_no_longer_than_it_may() {
        let (vitals, start) = vitals();
        vitals.write_waits(|| start);
        vitals.end(|| start + SECOND);
        vitals.end(|| start + SECOND * 3);
        vitals.begin();
        assert_eq!(vitals.check(start + SECOND * 3), None);
        assert_eq!(vitals.check(start + SECOND * 4), Some(Fault::SlowEnd));
    }
}
