//! So many of a kind of work a second.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Networks, Source};

/// What may be done at once, in seconds of the rate.
const BURST_SECS: u32 = 10;

/// Sources that are remembered. Who has not come for the time of a burst has its whole budget again and is forgotten;
/// if so many come at once, new ones have no budget of their own beside that of all.
const MAX_SOURCES: usize = 65_536;

/// How often those who have their whole budget again are forgotten.
const SWEEP: Duration = Duration::from_secs(10);

/// When to come again, in seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RetryAfter(pub u32);

/// How many a second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rates {
    /// Of all sources together.
    pub all: u32,
    /// Of one source.
    pub each: u32,
}

/// A budget of all sources and of each, as token buckets (the generic cell rate algorithm of ITU-T I.371: all that is
/// kept of a bucket is the moment at which it is full). One source that has used up its own takes nothing from that
/// of all.
#[derive(Debug)]
pub struct Budget {
    all: Rate,
    each: Rate,
    exempt: Arc<Networks>,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
struct Rate {
    interval: Duration,
    burst: Duration,
}

#[derive(Debug)]
struct State {
    /// When the bucket of all is full again.
    all: Instant,
    /// When those of the sources are.
    each: HashMap<Source, Instant>,
    /// When those that are full were last forgotten.
    swept: Instant,
}

impl Budget {
    /// Makes a budget. Sources in `exempt` are not limited, not even by the budget of all.
    #[must_use]
    pub fn new(rates: Rates, exempt: Arc<Networks>) -> Self {
        let now = Instant::now();
        let state = State { all: now, each: HashMap::new(), swept: now };
        Self { all: Rate::new(rates.all), each: Rate::new(rates.each), exempt, state: Mutex::new(state) }
    }

    /// Spends one, or says when one is there again.
    pub fn spend(&self, address: Option<IpAddr>) -> Result<(), RetryAfter> {
        let Some(address) = address.filter(|address| !self.exempt.contain(*address)) else { return Ok(()) };
        let now = Instant::now();
        let source = Source::from(address);
        let mut state = self.state.lock();
        if now.duration_since(state.swept) >= SWEEP {
            state.swept = now;
            state.each.retain(|_, full_at| *full_at > now);
        }
        let known = state.each.get(&source).copied();
        let mine = self.each.spend(known.unwrap_or(now), now)?;
        state.all = self.all.spend(state.all, now)?;
        if known.is_some() || state.each.len() < MAX_SOURCES {
            state.each.insert(source, mine);
        }
        Ok(())
    }
}

impl Rate {
    fn new(per_second: u32) -> Self {
        Self {
            interval: Duration::from_secs(1) / per_second.max(1),
            burst: Duration::from_secs(BURST_SECS.into()),
        }
    }

    /// When the bucket is full again after one more was taken.
    fn spend(self, full_at: Instant, now: Instant) -> Result<Instant, RetryAfter> {
        let next = full_at.max(now) + self.interval;
        let excess = next.duration_since(now).saturating_sub(self.burst);
        if excess.is_zero() {
            return Ok(next);
        }
        Err(RetryAfter(u32::try_from(excess.as_secs()).unwrap_or(u32::MAX).saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;
    use std::time::Duration;

    use super::{Budget, MAX_SOURCES, Networks, Rates, RetryAfter};

    fn budget(all: u32, each: u32) -> Budget {
        Budget::new(Rates { all, each }, Arc::new(Networks::loopback()))
    }

    fn address(number: u32) -> IpAddr {
        IpAddr::from(std::net::Ipv4Addr::from_bits(0x0a00_0000 + number))
    }

    fn spent(budget: &Budget, number: u32, tries: usize) -> usize {
        (0..tries).filter(|_| budget.spend(Some(address(number))).is_ok()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_has_a_burst_and_then_its_rate() {
        let budget = budget(1_000, 5);
        assert_eq!(spent(&budget, 1, 100), 50);
        assert_eq!(budget.spend(Some(address(1))), Err(RetryAfter(1)));
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(spent(&budget, 1, 100), 15);
        tokio::time::advance(Duration::from_mins(10)).await;
        assert_eq!(spent(&budget, 1, 100), 50);
    }

    #[tokio::test(start_paused = true)]
    async fn one_source_takes_nothing_from_another() {
        let budget = budget(10, 5);
        assert_eq!(spent(&budget, 1, 10_000), 50);
        assert_eq!(spent(&budget, 2, 10), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn all_sources_together_have_a_budget() {
        let budget = budget(10, 5);
        let all: usize = (0..50).map(|number| spent(&budget, number, 10)).sum();
        assert_eq!(all, 100);
        assert_eq!(spent(&budget, 99, 1), 0);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(spent(&budget, 99, 20), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn the_exempt_and_the_nameless_are_not_limited() {
        let budget = budget(1, 1);
        let local = "127.0.0.1".parse().unwrap();
        assert!((0..1_000).all(|_| budget.spend(Some(local)).is_ok() && budget.spend(None).is_ok()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_is_bounded_and_forgotten() {
        let budget = budget(u32::MAX, 1);
        for number in 0..u32::try_from(MAX_SOURCES).unwrap() + 1_000 {
            assert!(budget.spend(Some(address(number))).is_ok());
        }
        assert_eq!(budget.state.lock().each.len(), MAX_SOURCES);
        tokio::time::advance(Duration::from_secs(30)).await;
        assert!(budget.spend(Some(address(7))).is_ok());
        assert_eq!(budget.state.lock().each.len(), 1);
    }
}
