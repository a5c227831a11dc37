//! Passwords that may be tried: what slows who guesses, and never keeps the owner out (user authentication §7).
//!
//! Three things are counted. Of an account at a site, failures one after the other: after some, each has to wait
//! longer than the one before. Of a site, failures in an hour, whatever the accounts. Of an account, failures one
//! after the other from all sites together that it was never logged in from: after a hundred, no password from such a
//! site is compared for an hour. A site that an account was logged in from is held back by nothing that others do.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Networks, RetryAfter, Site};
use crate::ids::UserId;

/// Failures at a site that cost nothing.
const FREE: u32 = 5;
/// The longest wait after a failure.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// After so long without a failure, those at a site are forgotten.
const MEMORY: Duration = Duration::from_hours(1);
/// Failures of a site in an hour.
const PER_SITE: u32 = 50;
const HOUR: Duration = Duration::from_hours(1);
/// Failures one after the other from sites that an account was never logged in from.
const FROM_STRANGERS: u32 = 100;
/// How long no password from such a site is compared then.
const REFUSAL: Duration = Duration::from_hours(1);
/// Pairs of accounts and sites, and sites, that are remembered. Where there are more, the other counts hold.
const MAX_REMEMBERED: usize = 65_536;
/// How often what has passed is forgotten.
const SWEEP: Duration = Duration::from_mins(1);

/// What is tried.
#[derive(Clone, Copy, Debug)]
pub struct Guess {
    /// The address as it was typed, whether somebody has it or not.
    pub address: AddressKey,
    /// Who has it.
    pub account: Option<UserId>,
    /// Where who tries comes from.
    pub from: IpAddr,
    /// Whether the account was logged in from that site lately.
    pub is_known: bool,
}

/// What is remembered of an address.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct AddressKey(u64);

/// What becomes of a password.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Admission {
    /// It is compared.
    Compare,
    /// It is not, and nobody may notice: it is answered as a wrong one, after the same time.
    Pretend,
    /// It is not: its site tried too often.
    Wait(RetryAfter),
}

/// Counts passwords that were wrong.
#[derive(Debug, Default)]
pub struct Guesses {
    exempt: Arc<Networks>,
    /// Keyed anew with each start: what is remembered tells nobody the addresses, and cannot be aimed at.
    hasher: RandomState,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pairs: HashMap<(AddressKey, Site), Failures>,
    /// When a site has its failures of an hour again (the generic cell rate algorithm, as in [`super::Budget`]).
    sites: HashMap<Site, Instant>,
    strangers: HashMap<UserId, Strangers>,
    swept: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

/// Those that an account owes to sites that it was never logged in from.
#[derive(Clone, Copy, Debug)]
struct Strangers {
    count: u32,
    last: Instant,
}

impl Guesses {
    /// Makes the counts. What is `exempt` stands for many people, so its failures in an hour are not limited.
    #[must_use]
    pub fn new(exempt: Arc<Networks>) -> Self {
        Self { exempt, ..Self::default() }
    }

    /// What is remembered of an address, whatever its case.
    #[must_use]
    pub fn key(&self, address: &str) -> AddressKey {
        AddressKey(self.hasher.hash_one(address.to_ascii_lowercase()))
    }

    /// Judges a password before it is compared. One that is compared counts as wrong for its account until
    /// [`Guesses::right`] or [`Guesses::proven`] says otherwise: thousands that come at once are no way around.
    #[must_use]
    pub fn admit(&self, guess: Guess, now: Instant) -> Admission {
        let site = Site::from(guess.from);
        let pair = (guess.address, site);
        let mut state = self.state.lock();
        state.sweep(now);
        if let Some(wait) = state.pairs.get(&pair).and_then(|failures| failures.wait(now)) {
            return Admission::Wait(wait);
        }
        // Whom a site is known for is not held back by what others of the site try.
        if !guess.is_known
            && !self.exempt.contain(guess.from)
            && let Some(wait) = state.sites.get(&site).and_then(|full_at| site_wait(*full_at, now))
        {
            return Admission::Wait(wait);
        }
        let Some(account) = guess.account.filter(|_| !guess.is_known) else { return Admission::Compare };
        let strangers = state.strangers.entry(account).or_insert(Strangers { count: 0, last: now });
        if strangers.count >= FROM_STRANGERS {
            return Admission::Pretend;
        }
        strangers.count += 1;
        strangers.last = now;
        if strangers.count == FROM_STRANGERS {
            tracing::warn!(user.id = %account, "too many wrong passwords: those from unknown networks are refused");
        }
        Admission::Compare
    }

    /// Notes that a password was wrong, or was pretended to be.
    pub fn wrong(&self, guess: Guess, now: Instant) {
        let site = Site::from(guess.from);
        let pair = (guess.address, site);
        let mut state = self.state.lock();
        let has_room = state.pairs.len() < MAX_REMEMBERED;
        if has_room || state.pairs.contains_key(&pair) {
            let failures = state.pairs.entry(pair).or_insert(Failures { count: 0, last: now });
            failures.count = failures.count.saturating_add(1);
            failures.last = now;
        }
        let has_room = state.sites.len() < MAX_REMEMBERED;
        if !self.exempt.contain(guess.from) && (has_room || state.sites.contains_key(&site)) {
            let full_at = state.sites.entry(site).or_insert(now);
            *full_at = (*full_at).max(now) + HOUR / PER_SITE;
        }
    }

    /// Notes that a password was right, and nobody was logged in: it was not wrong, and ends no row of wrong ones.
    pub fn right(&self, guess: Guess) {
        let mut state = self.state.lock();
        if let Some(strangers) =
            guess.account.filter(|_| !guess.is_known).and_then(|id| state.strangers.get_mut(&id))
        {
            strangers.count = strangers.count.saturating_sub(1);
        }
    }

    /// Notes that who tried was logged in: whoever failed before at this site was the same.
    pub fn proven(&self, guess: Guess) {
        let mut state = self.state.lock();
        state.pairs.remove(&(guess.address, Site::from(guess.from)));
        if let Some(account) = guess.account.filter(|_| !guess.is_known) {
            state.strangers.remove(&account);
        }
    }
}

impl State {
    fn sweep(&mut self, now: Instant) {
        // An hour that is over is over, even if nothing was swept since.
        self.strangers.retain(|_, strangers| now.duration_since(strangers.last) < REFUSAL);
        if self.swept.is_some_and(|swept| now.duration_since(swept) < SWEEP) {
            return;
        }
        self.swept = Some(now);
        self.pairs.retain(|_, failures| now.duration_since(failures.last) < MEMORY);
        self.sites.retain(|_, full_at| *full_at > now);
    }
}

impl Failures {
    fn wait(self, now: Instant) -> Option<RetryAfter> {
        let excess = self.count.checked_sub(FREE)?;
        let wait = Duration::from_secs(1_u64.checked_shl(excess).unwrap_or(u64::MAX)).min(LONGEST_WAIT);
        retry_after((self.last + wait).duration_since(now))
    }
}

/// How long a site has to wait until it may fail once more.
fn site_wait(full_at: Instant, now: Instant) -> Option<RetryAfter> {
    let next = full_at.max(now) + HOUR / PER_SITE;
    retry_after(next.duration_since(now).saturating_sub(HOUR))
}

/// Whole seconds, so that who waits for them has waited long enough.
fn retry_after(wait: Duration) -> Option<RetryAfter> {
    let secs = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    (secs > 0).then(|| RetryAfter(u32::try_from(secs).unwrap_or(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Admission, FROM_STRANGERS, Guess, Guesses, MAX_REMEMBERED, Networks, RetryAfter};
    use crate::ids::UserId;

    const OWNER: &str = "owner@example.com";

    /// The address of a host in a network of its own.
    fn network(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(0x0a00_0001 + (number << 8)).into()
    }

    struct World {
        guesses: Guesses,
        owner: UserId,
        now: Instant,
    }

    impl World {
        fn new() -> Self {
            let guesses = Guesses::new(Arc::new(Networks::loopback()));
            Self { guesses, owner: UserId::generate(), now: Instant::now() }
        }

        fn guess(&self, from: IpAddr) -> Guess {
            Guess { address: self.guesses.key(OWNER), account: Some(self.owner), from, is_known: false }
        }

        /// Tries a wrong password; tells what became of it.
        fn fail(&self, guess: Guess) -> Admission {
            let admission = self.guesses.admit(guess, self.now);
            if !matches!(admission, Admission::Wait(_)) {
                self.guesses.wrong(guess, self.now);
            }
            admission
        }

        fn pass(&mut self, secs: u64) {
            self.now += Duration::from_secs(secs);
        }

        /// The owner logs in at home: whether the password is compared at once.
        fn owner_gets_in(&self, home: IpAddr) -> bool {
            let guess = Guess { is_known: true, ..self.guess(home) };
            let is_compared = self.guesses.admit(guess, self.now) == Admission::Compare;
            self.guesses.proven(guess);
            is_compared
        }
    }

    #[test]
    fn five_failures_are_free_and_the_next_ones_wait() {
        let mut world = World::new();
        let guess = world.guess(network(1));
        for _ in 0..5 {
            assert_eq!(world.fail(guess), Admission::Compare);
        }
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(world.fail(guess), Admission::Wait(RetryAfter(wait)));
            world.pass(u64::from(wait) - 1);
            assert_eq!(world.fail(guess), Admission::Wait(RetryAfter(1)), "what waits is not counted");
            world.pass(1);
            assert_eq!(world.fail(guess), Admission::Compare, "after {wait} s");
        }
        // Elsewhere, and for others, nothing happened.
        assert_eq!(world.fail(world.guess(network(2))), Admission::Compare);
        let other = Guess { address: world.guesses.key("OTHER@example.com"), account: None, ..guess };
        assert_eq!(world.fail(other), Admission::Compare);
        world.pass(60);
        world.guesses.proven(guess);
        for _ in 0..5 {
            assert_eq!(world.fail(guess), Admission::Compare, "a log-in forgives");
        }
    }

    #[test]
    fn an_address_that_nobody_has_is_treated_alike() {
        let mut world = World::new();
        let known: Vec<_> = (0..40).map(|_| world.fail(world.guess(network(1)))).collect();
        world.pass(7_200);
        let nobody = Guess {
            address: world.guesses.key("nobody@example.com"),
            account: None,
            ..world.guess(network(1))
        };
        let unknown: Vec<_> = (0..40).map(|_| world.fail(nobody)).collect();
        assert_eq!(known, unknown);
    }

    #[test]
    fn a_site_has_fifty_failures_an_hour() {
        let mut world = World::new();
        let at = |number: u32| format!("user-{number}@example.com");
        let mut compared = 0_u32;
        for number in 0..1_000 {
            let guess = Guess {
                address: world.guesses.key(&at(number)),
                account: None,
                from: network(1),
                is_known: false,
            };
            compared += u32::from(world.fail(guess) == Admission::Compare);
        }
        assert_eq!(compared, 50);
        let guess = Guess {
            address: world.guesses.key("new@example.com"),
            account: None,
            from: network(1),
            is_known: false,
        };
        assert_eq!(world.fail(guess), Admission::Wait(RetryAfter(72)));
        assert!(
            world.owner_gets_in(network(1)),
            "who was logged in there before is not held back by neighbours"
        );
        let local = Guess { from: Ipv4Addr::LOCALHOST.into(), ..guess };
        for number in 0..1_000 {
            let guess = Guess { address: world.guesses.key(&at(number)), ..local };
            assert_eq!(world.fail(guess), Admission::Compare, "a proxy stands for many");
        }
        world.pass(72);
        assert_eq!(world.fail(guess), Admission::Compare);
        world.pass(3_600);
        let again = (0..100)
            .filter(|number| {
                let address = format!("again-{number}@example.com");
                world.fail(Guess { address: world.guesses.key(&address), ..guess }) == Admission::Compare
            })
            .count();
        assert_eq!(again, 50);
    }

    #[test]
    fn ten_thousand_tries_from_one_address() {
        let mut world = World::new();
        let (mut compared, mut waited) = (0_u32, 0_u32);
        for _ in 0..10_000 {
            match world.fail(world.guess(network(1))) {
                Admission::Compare => compared += 1,
                Admission::Pretend => {}
                Admission::Wait(_) => waited += 1,
            }
            world.now += Duration::from_millis(100);
            assert!(world.owner_gets_in(network(2)), "from the network of before, at any time");
        }
        // Sixteen minutes: five, then with growing waits, then one a minute.
        assert!((20..=30).contains(&compared), "{compared}");
        assert_eq!(compared + waited, 10_000);
    }

    #[test]
    fn ten_thousand_tries_from_a_thousand_addresses() {
        let mut world = World::new();
        let mut compared = 0_u32;
        for number in 0..10_000 {
            let admission = world.fail(world.guess(network(number % 1_000)));
            compared += u32::from(admission == Admission::Compare);
            world.now += Duration::from_millis(100);
            assert!(world.owner_gets_in(network(2_000)), "from the network of before, at any time");
        }
        assert_eq!(compared, FROM_STRANGERS);
        world.pass(3_600);
        assert_eq!(world.fail(world.guess(network(3_000))), Admission::Compare, "after an hour");
    }

    #[test]
    fn what_comes_at_once_is_counted_before_it_is_compared() {
        let world = World::new();
        let admitted = (0..1_000)
            .filter(|number| {
                world.guesses.admit(world.guess(network(*number)), world.now) == Admission::Compare
            })
            .count();
        assert_eq!(admitted, usize::try_from(FROM_STRANGERS).unwrap());
    }

    #[test]
    fn right_passwords_are_not_wrong_ones() {
        let world = World::new();
        for number in 0..1_000 {
            let guess = world.guess(network(number));
            assert_eq!(world.guesses.admit(guess, world.now), Admission::Compare);
            // A code of the second factor was missing.
            world.guesses.right(guess);
        }
        for number in 0..FROM_STRANGERS - 1 {
            assert_eq!(world.fail(world.guess(network(number))), Admission::Compare);
        }
        let guess = world.guess(network(5_000));
        assert_eq!(world.guesses.admit(guess, world.now), Admission::Compare);
        world.guesses.proven(guess);
        assert_eq!(world.fail(world.guess(network(6_000))), Admission::Compare, "the row has ended");
    }

    #[test]
    fn what_is_remembered_is_bounded_and_forgotten() {
        let mut world = World::new();
        for number in 0..u32::try_from(MAX_REMEMBERED).unwrap() + 1_000 {
            let address = format!("{number}@example.com");
            let guess = Guess {
                address: world.guesses.key(&address),
                account: None,
                from: network(number),
                is_known: false,
            };
            assert_eq!(world.fail(guess), Admission::Compare);
        }
        let sizes = |world: &World| {
            let state = world.guesses.state.lock();
            (state.pairs.len(), state.sites.len(), state.strangers.len())
        };
        assert_eq!(sizes(&world), (MAX_REMEMBERED, MAX_REMEMBERED, 0));
        world.pass(3_600);
        assert_eq!(world.fail(world.guess(network(1))), Admission::Compare);
        assert_eq!(sizes(&world), (1, 1, 1));
    }
}
