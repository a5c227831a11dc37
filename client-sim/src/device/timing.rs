//! How long a device waits for what.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rand::{Rng, RngExt};

/// The intervals of a device's client; each is spread by [`jitter`](Self::jitter) when used.
///
/// Real clients never wait less than 60 s before they resume, fetch again or log in again; here every
/// interval is what it says, so that an hour of a fleet fits into a minute.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// Between two questions for a deployment.
    pub poll: Duration,
    /// Between two inventories.
    pub inventory: Duration,
    /// Cap of the wait between two logins, and the wait between two final reports.
    pub retry: Duration,
    /// The first wait between two logins; doubled after every third refusal, up to `retry`.
    pub login_backoff: Duration,
    /// Before a download that did not begin is asked for again.
    pub fetch_retry: Duration,
    /// Before a broken download is resumed.
    pub resume: Duration,
    /// What installing takes.
    pub install: Duration,
    /// What a reboot takes.
    pub reboot: Duration,
    /// Part by which each wait varies, at random: 0.1 is ±10 %. Real clients have none (device protocol §1.4).
    pub jitter: f64,
}

impl Timing {
    /// Intervals in the proportions of a real client, for a poll interval.
    #[must_use]
    pub fn for_poll(poll: Duration) -> Self {
        let retry = poll.min(Duration::from_mins(5));
        Self {
            poll,
            inventory: poll.saturating_mul(16),
            retry,
            login_backoff: retry.min(Duration::from_mins(1)),
            fetch_retry: retry,
            resume: retry,
            install: Duration::ZERO,
            reboot: retry.min(Duration::from_secs(2)),
            jitter: 0.1,
        }
    }

    /// Spreads a wait at random.
    pub fn spread(&self, wait: Duration, rng: &mut dyn Rng) -> Duration {
        let jitter = self.jitter.clamp(0.0, 1.0);
        if jitter == 0.0 || wait.is_zero() {
            return wait;
        }
        let factor = rng.random_range(1.0 - jitter..=1.0 + jitter);
        Duration::try_from_secs_f64(wait.as_secs_f64() * factor).unwrap_or(wait)
    }

    /// The wait after `refusals` (from 1) logins in a row without a session (device protocol §1.4).
    #[must_use]
    pub fn login_pause(&self, refusals: u32) -> Duration {
        let doublings = (refusals.saturating_sub(1) / 3).min(16);
        self.login_backoff.saturating_mul(1 << doublings).min(self.retry)
    }

    /// How often the commit gate and the final report are tried in all (device protocol §2.3).
    #[must_use]
    pub fn derived_report_attempts(&self) -> u32 {
        let retry_ms = self.retry.as_millis().max(1);
        let polls = u32::try_from(self.poll.as_millis() / retry_ms).unwrap_or(u32::MAX);
        if polls <= 3 { 4 } else { polls.saturating_mul(2).min(10) + 1 }
    }
}

/// The moment a wait ends.
pub(super) fn after(now: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(wait)
        .ok()
        .and_then(|wait| now.checked_add_signed(wait))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::Timing;

    #[test]
    fn report_attempts_are_those_of_the_real_client() {
        let defaults = Timing {
            poll: Duration::from_mins(30),
            retry: Duration::from_mins(5),
            ..Timing::for_poll(Duration::from_secs(1))
        };
        assert_eq!(defaults.derived_report_attempts(), 11);
        assert_eq!(Timing::for_poll(Duration::from_secs(1)).derived_report_attempts(), 4);
    }

    #[test]
    fn spread_stays_in_its_bounds_and_takes_any_wait() {
        let timing = Timing::for_poll(Duration::from_secs(1));
        let mut rng = StdRng::seed_from_u64(1);
        for _ in 0..100 {
            let wait = timing.spread(Duration::from_secs(10), &mut rng);
            assert!((9.0..=11.0).contains(&wait.as_secs_f64()));
        }
        assert!(timing.spread(Duration::MAX, &mut rng) > Duration::from_secs(1));
    }

    #[test]
    fn login_backoff_doubles_after_three_and_is_capped() {
        let timing = Timing {
            login_backoff: Duration::from_mins(1),
            retry: Duration::from_mins(5),
            ..Timing::for_poll(Duration::from_mins(30))
        };
        let pauses: Vec<u64> = (1..=11).map(|n| timing.login_pause(n).as_secs()).collect();
        assert_eq!(pauses, [60, 60, 60, 120, 120, 120, 240, 240, 240, 300, 300]);
    }
}
