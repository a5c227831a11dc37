//! The time of day, passed in.

use chrono::{DateTime, Utc};
use tokio::time::Instant;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> DateTime<Utc>;
}

/// The time of day at creation, carried on by the runtime's clock: it never jumps back.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    wall: DateTime<Utc>,
    started: Instant,
}

impl SystemClock {
    /// Looks at the system's clock, once.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is given")]
    pub fn new() -> Self {
        Self { wall: Utc::now(), started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        self.wall + self.started.elapsed()
    }
}
