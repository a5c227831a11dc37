//! Time as an argument.

use chrono::{DateTime, TimeDelta, Utc};

/// Tells the time. Everything that expires, retries or is stamped takes one.
pub trait Clock: Send + Sync {
    /// Returns the present moment.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
        Utc::now()
    }
}

/// So many seconds, or the longest time that there is.
#[must_use]
pub fn span(secs: u64) -> TimeDelta {
    i64::try_from(secs).ok().and_then(TimeDelta::try_seconds).unwrap_or(TimeDelta::MAX)
}

/// Seconds since 1970, as the fleet index stores moments; times before 1970 count as 1970, after 2106 as 2106.
#[must_use]
pub fn unix_seconds(moment: DateTime<Utc>) -> u32 {
    u32::try_from(moment.timestamp().max(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
pub(crate) mod manual {
    use chrono::{DateTime, TimeDelta, Utc};
    use parking_lot::Mutex;

    use super::Clock;

    /// A clock that moves only when told to.
    #[derive(Debug)]
    pub(crate) struct ManualClock(Mutex<DateTime<Utc>>);

    impl ManualClock {
        pub(crate) fn at(seconds: i64) -> Self {
            Self(Mutex::new(DateTime::from_timestamp(seconds, 0).unwrap()))
        }

        pub(crate) fn advance(&self, by: TimeDelta) {
            *self.0.lock() += by;
        }
    }

    impl Clock for ManualClock {
        fn now(&self) -> DateTime<Utc> {
            *self.0.lock()
        }
    }
}
