//! How far behind the server is.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How often a worker looks how late it is.
const PERIOD: Duration = Duration::from_millis(100);

/// A level is left this long after the last sign of it.
const CALM_AFTER: Duration = Duration::from_secs(3);

/// How far behind, in steps; each sheds the classes of those below and its own.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// All is served.
    Calm,
    /// Idle polls and inventory give way.
    Busy,
    /// So do devices that nobody has accepted, and users.
    Overloaded,
    /// So do logins of accepted devices, and deployment logs.
    Critical,
}

impl Level {
    const ALL: [Self; 4] = [Self::Calm, Self::Busy, Self::Overloaded, Self::Critical];

    /// The level of a number; the highest for a larger one.
    #[must_use]
    pub fn from_number(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::Critical)
    }

    /// The number of the level: 0 is calm.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Calm => 0,
            Self::Busy => 1,
            Self::Overloaded => 2,
            Self::Critical => 3,
        }
    }

    /// The name in logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Busy => "busy",
            Self::Overloaded => "overloaded",
            Self::Critical => "critical",
        }
    }
}

/// The level of the whole server: that of its most delayed worker or of its writer's queue, whichever is higher.
/// Reading it is one atomic load.
#[derive(Debug)]
pub struct Load {
    level: AtomicU8,
    least: u8,
    busy_delay: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// How late each worker is, smoothed.
    delays: Vec<Duration>,
    level: Level,
    /// When the present level was last seen to be needed.
    needed_at: Instant,
}

/// What one worker tells.
#[derive(Debug)]
pub struct Observer<'a> {
    load: &'a Load,
    worker: usize,
}

impl Load {
    /// A worker that is `busy_delay_ms` late is busy, twice that overloaded, four times critical. The level never
    /// falls below `least`.
    #[must_use]
    pub fn new(busy_delay_ms: u64, least: u8) -> Self {
        let state = State { delays: Vec::new(), level: Level::Calm, needed_at: Instant::now() };
        let busy_delay = Duration::from_millis(busy_delay_ms);
        Self { level: AtomicU8::new(least), least, busy_delay, state: Mutex::new(state) }
    }

    /// The level now.
    #[must_use]
    pub fn level(&self) -> Level {
        Level::from_number(self.level.load(Ordering::Relaxed))
    }

    /// A place for one worker.
    #[must_use]
    pub fn observer(&self) -> Observer<'_> {
        let mut state = self.state.lock();
        state.delays.push(Duration::ZERO);
        Observer { load: self, worker: state.delays.len() - 1 }
    }

    /// Looks, for ever, how late the present worker is, and how full the writer's queue is (0 to 100). Every
    /// worker runs one of these among its connections: what delays them delays it as well.
    pub async fn watch(&self, queue_percent: impl Fn() -> u8) {
        let observer = self.observer();
        loop {
            let due = Instant::now() + PERIOD;
            tokio::time::sleep_until(due).await;
            let now = Instant::now();
            observer.saw(now.duration_since(due), queue_percent(), now);
        }
    }

    fn needed(&self, delay: Duration, queue_percent: u8) -> Level {
        let by_delay = [1, 2, 4].iter().filter(|times| delay >= self.busy_delay * **times).count();
        let by_queue = [25, 50, 90].iter().filter(|percent| queue_percent >= **percent).count();
        Level::from_number(u8::try_from(by_delay.max(by_queue)).unwrap_or(u8::MAX))
    }
}

impl Drop for Observer<'_> {
    /// A worker that has ended delays nobody.
    fn drop(&mut self) {
        if let Some(delay) = self.load.state.lock().delays.get_mut(self.worker) {
            *delay = Duration::ZERO;
        }
    }
}

impl Observer<'_> {
    /// Tells how late the worker was, and how full the queue is.
    pub fn saw(&self, delay: Duration, queue_percent: u8, now: Instant) {
        let mut state = self.load.state.lock();
        if let Some(smoothed) = state.delays.get_mut(self.worker) {
            // A single hiccup is no load: the fifth of a new delay counts.
            *smoothed = (*smoothed * 4 + delay) / 5;
        }
        let worst = state.delays.iter().max().copied().unwrap_or_default();
        let needed = self.load.needed(worst, queue_percent);
        if needed >= state.level {
            state.needed_at = now;
        }
        let next = if needed > state.level {
            needed
        } else if now.duration_since(state.needed_at) >= CALM_AFTER {
            // Down step by step, each as slow as the one before.
            state.needed_at = now;
            Level::from_number(state.level.number().saturating_sub(1)).max(needed)
        } else {
            state.level
        };
        if next != state.level {
            tracing::warn!(
                level = next.as_str(),
                before = state.level.as_str(),
                delay_ms = u64::try_from(worst.as_millis()).unwrap_or(u64::MAX),
                queue_percent,
                "the load has changed"
            );
            state.level = next;
            self.load.level.store(next.number().max(self.load.least), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Level, Load};

    const MS: Duration = Duration::from_millis(1);

    /// Tells the same for some time; returns the level after it.
    fn after(load: &Load, worker: usize, now: &mut Instant, delay_ms: u32, queue: u8, secs: u32) -> Level {
        let observer = std::mem::ManuallyDrop::new(super::Observer { load, worker });
        for _ in 0..secs * 10 {
            *now += MS * 100;
            observer.saw(MS * delay_ms, queue, *now);
        }
        load.level()
    }

    #[tokio::test(start_paused = true)]
    async fn the_level_follows_the_delay_up_at_once_and_down_slowly() {
        let load = Load::new(100, 0);
        let _first = load.observer();
        let mut now = Instant::now();
        assert_eq!(after(&load, 0, &mut now, 90, 0, 10), Level::Calm);
        assert_eq!(after(&load, 0, &mut now, 150, 0, 2), Level::Busy);
        assert_eq!(after(&load, 0, &mut now, 1_000, 0, 1), Level::Critical);
        assert_eq!(after(&load, 0, &mut now, 0, 0, 3), Level::Critical);
        assert_eq!(after(&load, 0, &mut now, 0, 0, 1), Level::Overloaded);
        assert_eq!(after(&load, 0, &mut now, 0, 0, 3), Level::Busy);
        assert_eq!(after(&load, 0, &mut now, 0, 0, 3), Level::Calm);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hiccup_is_no_load() {
        let load = Load::new(100, 0);
        let observer = load.observer();
        let now = Instant::now();
        observer.saw(MS * 450, 0, now);
        assert_eq!(load.level(), Level::Calm);
    }

    #[tokio::test(start_paused = true)]
    async fn around_a_threshold_the_level_stays() {
        let load = Load::new(100, 0);
        let _first = load.observer();
        let mut now = Instant::now();
        assert_eq!(after(&load, 0, &mut now, 110, 0, 5), Level::Busy);
        for _ in 0..20 {
            assert_eq!(after(&load, 0, &mut now, 80, 0, 1), Level::Busy);
            assert_eq!(after(&load, 0, &mut now, 130, 0, 1), Level::Busy);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_slowest_worker_and_the_queue_count() {
        let load = Load::new(100, 0);
        let _both = (load.observer(), load.observer());
        let mut now = Instant::now();
        assert_eq!(after(&load, 1, &mut now, 250, 0, 5), Level::Overloaded);
        assert_eq!(after(&load, 0, &mut now, 0, 0, 5), Level::Overloaded);
        let load = Load::new(100, 0);
        let _first = load.observer();
        for (percent, level) in
            [(24, Level::Calm), (25, Level::Busy), (50, Level::Overloaded), (90, Level::Critical)]
        {
            assert_eq!(after(&load, 0, &mut now, 0, percent, 1), level, "{percent}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_operator_sets_the_least_level() {
        let load = Load::new(100, 2);
        assert_eq!(load.level(), Level::Overloaded);
        let _first = load.observer();
        let mut now = Instant::now();
        assert_eq!(after(&load, 0, &mut now, 150, 0, 2), Level::Overloaded);
        assert_eq!(after(&load, 0, &mut now, 900, 0, 2), Level::Critical);
        assert_eq!(after(&load, 0, &mut now, 0, 0, 20), Level::Overloaded);
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_is_held_up_notices() {
        let load = Load::new(100, 0);
        let held_up = async {
            for _ in 0..20 {
                // Nothing else of this worker runs meanwhile.
                tokio::time::advance(Duration::from_millis(400)).await;
            }
            load.level()
        };
        tokio::select! {
            () = load.watch(|| 0) => unreachable!("it watches for ever"),
            level = held_up => assert!(level >= Level::Overloaded, "{level:?}"),
        }
    }
}
