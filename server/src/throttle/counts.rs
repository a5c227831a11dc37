//! What was refused, for metrics and for one line of log now and then.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{Class, Jitter, Level, RetryAfter, Source};

/// Refusals that follow each other quicker than this share a line of log.
const LOG_PERIOD: Duration = Duration::from_secs(10);

/// Why something was refused or ended before any request was judged, or by a budget.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// Too many connections are open.
    Connections,
    /// Too many handshakes are unfinished.
    Handshakes,
    /// The source has too many connections.
    SourceConnections,
    /// The source has too many unfinished handshakes.
    SourceHandshakes,
    /// A handshake failed or took too long.
    Handshake,
    /// A request head did not arrive in time.
    SlowHead,
    /// A request head is too large.
    LargeHead,
    /// A body did not arrive in time.
    SlowBody,
    /// An answer was not read.
    SlowReader,
    /// Bodies fill the memory that they may have.
    Memory,
    /// Too many authentication requests.
    Logins,
    /// Too many devices that nobody knows.
    Registrations,
    /// Too many passwords.
    Passwords,
    /// Too many uploads at once.
    Uploads,
}

impl Cause {
    /// All causes.
    pub const ALL: [Self; 14] = [
        Self::Connections,
        Self::Handshakes,
        Self::SourceConnections,
        Self::SourceHandshakes,
        Self::Handshake,
        Self::SlowHead,
        Self::LargeHead,
        Self::SlowBody,
        Self::SlowReader,
        Self::Memory,
        Self::Logins,
        Self::Registrations,
        Self::Passwords,
        Self::Uploads,
    ];

    /// The name in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Handshakes => "handshakes",
            Self::SourceConnections => "source_connections",
            Self::SourceHandshakes => "source_handshakes",
            Self::Handshake => "handshake",
            Self::SlowHead => "slow_head",
            Self::LargeHead => "large_head",
            Self::SlowBody => "slow_body",
            Self::SlowReader => "slow_reader",
            Self::Memory => "memory",
            Self::Logins => "logins",
            Self::Registrations => "registrations",
            Self::Passwords => "passwords",
            Self::Uploads => "uploads",
        }
    }

    /// Whether an operator should hear of it: scanners and bad links cause the others every day.
    const fn is_notable(self) -> bool {
        !matches!(
            self,
            Self::Handshake | Self::SlowHead | Self::LargeHead | Self::SlowBody | Self::SlowReader
        )
    }
}

/// Counts refusals; one is an atomic addition, and now and then a line of log.
#[derive(Debug, Default)]
pub struct Counts {
    /// Spreads the waits that go with refusals.
    pub jitter: Jitter,
    refused: [AtomicU64; Cause::ALL.len()],
    shed: [AtomicU64; Class::ALL.len()],
    logged: Mutex<Logged>,
}

#[derive(Debug, Default)]
struct Logged {
    at: Option<Instant>,
    unsaid: u64,
}

impl Counts {
    /// Counts a refusal.
    pub fn refused(&self, cause: Cause, source: Option<Source>) {
        if let Some(count) = position(&Cause::ALL, &cause).and_then(|at| self.refused.get(at)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if cause.is_notable()
            && let Some(others) = self.log_now(Instant::now())
        {
            let source = source.map(|source| source.to_string());
            tracing::warn!(cause = cause.as_str(), source, others, "refused what was too much");
        }
    }

    /// Counts a request that was shed.
    pub fn shed(&self, class: Class, level: Level) {
        if let Some(count) = position(&Class::ALL, &class).and_then(|at| self.shed.get(at)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(others) = self.log_now(Instant::now()) {
            tracing::warn!(class = class.as_str(), level = level.as_str(), others, "shed a request");
        }
    }

    /// How often something was refused.
    #[must_use]
    pub fn refusals(&self, cause: Cause) -> u64 {
        let count = position(&Cause::ALL, &cause).and_then(|at| self.refused.get(at));
        count.map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// How many requests of a class were shed.
    #[must_use]
    pub fn sheddings(&self, class: Class) -> u64 {
        let count = position(&Class::ALL, &class).and_then(|at| self.shed.get(at));
        count.map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// What a budget said, counted, and its wait spread.
    pub fn judge(
        &self,
        outcome: Result<(), RetryAfter>,
        cause: Cause,
        source: Option<Source>,
    ) -> Result<(), RetryAfter> {
        outcome.map_err(|RetryAfter(secs)| {
            self.refused(cause, source);
            RetryAfter(self.jitter.spread(secs))
        })
    }

    /// Whether a line may be written now, and how many had none since the last one.
    fn log_now(&self, now: Instant) -> Option<u64> {
        // Whoever finds it locked is counted by nobody, but waits for nobody either.
        let mut logged = self.logged.try_lock()?;
        if logged.at.is_some_and(|at| now.duration_since(at) < LOG_PERIOD) {
            logged.unsaid += 1;
            return None;
        }
        logged.at = Some(now);
        Some(std::mem::take(&mut logged.unsaid))
    }
}

fn position<T: PartialEq>(all: &[T], one: &T) -> Option<usize> {
    all.iter().position(|other| other == one)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Cause, Class, Counts, Level, RetryAfter};

    #[test]
    fn causes_and_classes_are_counted_apart() {
        let counts = Counts::default();
        counts.refused(Cause::Logins, None);
        counts.refused(Cause::Logins, None);
        counts.refused(Cause::Uploads, None);
        counts.shed(Class::Log, Level::Critical);
        let refused = Cause::ALL.map(|cause| counts.refusals(cause));
        assert_eq!(refused.iter().sum::<u64>(), 3);
        assert_eq!((counts.refusals(Cause::Logins), counts.refusals(Cause::Uploads)), (2, 1));
        assert_eq!(Class::ALL.map(|class| counts.sheddings(class)), [0, 0, 0, 0, 0, 1]);
        assert!(counts.judge(Err(RetryAfter(3)), Cause::Passwords, None).is_err_and(|wait| wait.0 >= 3));
        assert_eq!(counts.refusals(Cause::Passwords), 1);
    }

    #[test]
    fn one_line_speaks_for_many() {
        let counts = Counts::default();
        let start = Instant::now();
        assert_eq!(counts.log_now(start), Some(0));
        assert!((0..100).all(|_| counts.log_now(start + Duration::from_secs(9)).is_none()));
        assert_eq!(counts.log_now(start + Duration::from_secs(10)), Some(100));
        assert_eq!(counts.log_now(start + Duration::from_secs(21)), Some(0));
    }
}
