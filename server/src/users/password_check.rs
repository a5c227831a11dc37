//! Passwords that somebody shows, as far as they may be tried: to log in, or in a session to do what asks for one.

use std::net::IpAddr;

use chrono::TimeDelta;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use super::{Account, Email, LogInError, Logins, Principal};
use crate::crypto::password::{MAX_PASSWORD_BYTES, PasswordError, Verdict};
use crate::ids::{TenantId, UserId};
use crate::storage::{StorageError, known_sites, users};
use crate::throttle::{Admission, Guess, RetryAfter, Site};

/// How long a site is known after the last log-in from it.
pub const KNOWN_FOR: TimeDelta = TimeDelta::days(90);

/// Who knows the password of an account.
pub(super) struct Checked {
    /// The account.
    pub(super) account: Account,
    /// A better hash of the password, where the stored one is not as good as those of today.
    pub(super) rehashed: Option<SecretString>,
    /// What was tried, if it is known from where.
    pub(super) guess: Option<Guess>,
}

/// The hash of a password that its owner just showed.
#[derive(Debug)]
pub struct ConfirmedPassword(SecretString);

/// Why a password does not prove anything.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// It is not the caller's.
    #[error("current password mismatch")]
    Wrong,
    /// Too many were wrong that came from there, and this one was not compared.
    #[error("too many requests")]
    TooManyGuesses {
        /// When the next one may be.
        retry_after_secs: u32,
    },
    /// It was not compared.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

impl ConfirmedPassword {
    /// The hash that the password fits.
    pub(super) const fn hash(&self) -> &SecretString {
        &self.0
    }
}

impl From<ConfirmError> for LogInError {
    fn from(err: ConfirmError) -> Self {
        match err {
            ConfirmError::Wrong => Self::Refused,
            ConfirmError::TooManyGuesses { retry_after_secs } => Self::TooManyGuesses { retry_after_secs },
            ConfirmError::Password(err) => Self::Password(err),
            ConfirmError::Storage(err) => Self::Storage(err),
        }
    }
}

impl Logins {
    /// Checks the password of who has a session. It may be a stolen one, so guesses count as those of log-ins do.
    pub async fn confirm_password(
        &self,
        caller: &Principal,
        password: SecretString,
        from: Option<IpAddr>,
    ) -> Result<ConfirmedPassword, ConfirmError> {
        if !(1..=MAX_PASSWORD_BYTES).contains(&password.expose_secret().len()) {
            return Err(ConfirmError::Wrong);
        }
        let guess = self.guess(caller.email.as_str(), Some(caller.user), from).await?;
        let stored = users::password_hash(&self.database.scope(caller.tenant), caller.user).await?;
        self.compare(guess, stored.clone(), password).await?;
        self.settle(guess, Guessed::LoggedIn);
        stored.map(ConfirmedPassword).ok_or(ConfirmError::Wrong)
    }

    /// Checks a password if it may be tried. Whatever keeps it from being right is answered alike, after the time that
    /// a comparison takes, but for who tries too often from one site.
    pub(super) async fn check_password(
        &self,
        email: &str,
        password: SecretString,
        from: Option<IpAddr>,
    ) -> Result<Checked, LogInError> {
        // Clients ask in this way whether there is a password at all: it is no guess (management API §1.1).
        let length = password.expose_secret().len();
        if length == 0 || length > MAX_PASSWORD_BYTES {
            return Err(LogInError::Refused);
        }
        let account = match email.parse::<Email>() {
            Ok(email) => users::account(&self.database.scope(TenantId::DEFAULT), &email).await?,
            Err(_) => None,
        };
        let account = account.filter(|account| account.enabled);
        let guess = self.guess(email, account.as_ref().map(|account| account.id), from).await?;
        let stored = account.as_ref().map(|account| account.password_hash.clone());
        let needs_rehash = self.compare(guess, stored, password.clone()).await?;
        let account = account.ok_or(LogInError::Refused)?;
        let rehashed = if needs_rehash { Some(self.passwords.hash(password).await?) } else { None };
        Ok(Checked { account, rehashed, guess })
    }

    /// Notes what became of a guess.
    pub(super) fn settle(&self, guess: Option<Guess>, guessed: Guessed) {
        let Some(guess) = guess else { return };
        match guessed {
            Guessed::Wrong => self.guesses.wrong(guess, Instant::now()),
            Guessed::Nothing => self.guesses.right(guess),
            Guessed::LoggedIn => self.guesses.proven(guess),
        }
    }

    /// The site of who is about to be logged in, if it is one of which the user should hear.
    pub(super) async fn new_site(&self, checked: &Checked) -> Result<Option<Site>, StorageError> {
        let Some(guess) = checked.guess.filter(|guess| !guess.is_known) else { return Ok(None) };
        let scope = self.database.scope(TenantId::DEFAULT);
        let was_logged_in = known_sites::any(&scope, checked.account.id).await?;
        Ok(was_logged_in.then(|| Site::from(guess.from)))
    }

    /// Compares a password with a hash if it may be tried; answers whether the hash should be a better one. Without a
    /// hash it is wrong, after the same time. Who gets an answer settles the guess.
    async fn compare(
        &self,
        guess: Option<Guess>,
        stored: Option<SecretString>,
        password: SecretString,
    ) -> Result<bool, ConfirmError> {
        let admission = guess.map_or(Admission::Compare, |guess| self.guesses.admit(guess, Instant::now()));
        let stored = match admission {
            Admission::Wait(RetryAfter(retry_after_secs)) => {
                return Err(ConfirmError::TooManyGuesses { retry_after_secs });
            }
            Admission::Pretend => None,
            Admission::Compare => stored,
        };
        match self.passwords.verify(password, stored).await {
            Ok(Verdict::Right { needs_rehash }) => Ok(needs_rehash),
            Ok(Verdict::Wrong) => {
                self.settle(guess, Guessed::Wrong);
                Err(ConfirmError::Wrong)
            }
            Err(err) => {
                self.settle(guess, Guessed::Nothing);
                Err(err.into())
            }
        }
    }

    async fn guess(
        &self,
        email: &str,
        account: Option<UserId>,
        from: Option<IpAddr>,
    ) -> Result<Option<Guess>, StorageError> {
        let Some(from) = from else { return Ok(None) };
        let (scope, since) = (self.database.scope(TenantId::DEFAULT), self.clock.now() - KNOWN_FOR);
        // Nobody's sites are looked for, too: that takes the same time.
        let owner = account.unwrap_or_else(|| uuid::Uuid::nil().into());
        let is_known = known_sites::is_known(&scope, owner, Site::from(from), since).await?;
        let address = self.guesses.key(email);
        Ok(Some(Guess { address, account, from, is_known }))
    }
}

/// What became of a guess.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Guessed {
    /// The password was wrong.
    Wrong,
    /// It was not wrong, but nobody was logged in.
    Nothing,
    /// Somebody was, or proved in a session who it is.
    LoggedIn,
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use chrono::TimeDelta;
    use tokio::time::Instant;

    use super::KNOWN_FOR;
    use crate::audit::Origin;
    use crate::storage::testing::{TestDatabase, database_tests};
    use crate::throttle::{Admission, Guess};
    use crate::users::tests::Bench;
    use crate::users::{LogInError, LoggedIn, Role, SessionLife};

    database_tests![
        guessing_from_everywhere_keeps_strangers_out_and_not_the_owner,
        a_site_is_known_for_ninety_days_after_a_log_in,
        who_guesses_at_one_site_waits,
        empty_passwords_are_no_guesses,
    ];

    const EMAIL: &str = "ops@example.com";
    const PASSWORD: &str = "a fair wind to sail";
    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
    const ABROAD: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));

    async fn log_in(
        bench: &Bench,
        email: &str,
        password: &str,
        from: IpAddr,
    ) -> Result<LoggedIn, LogInError> {
        let origin = Origin { address: Some(from), request_id: None };
        bench.logins.log_in(email, password.into(), None, SessionLife::Usual, origin).await
    }

    async fn bench(storage: TestDatabase) -> Bench {
        let bench = Bench::new(storage);
        bench.users.add(EMAIL, PASSWORD.into(), Role::Admin).await.unwrap();
        bench
    }

    /// Wrong passwords from a thousand networks, as far as counting goes: their hashes are not computed.
    async fn guess_from_everywhere(bench: &Bench) -> usize {
        let user = bench.users.list(&crate::users::UserFilter::default()).await.unwrap().pop().unwrap();
        let guesses = &bench.logins.guesses;
        let attempts = (0..10_000_u32).map(|number| Guess {
            address: guesses.key(EMAIL),
            account: Some(user.id),
            from: Ipv4Addr::from_bits(0x0a00_0001 + ((number % 1_000) << 8)).into(),
            is_known: false,
        });
        let now = Instant::now();
        let compared = attempts.filter(|guess| {
            let admission = guesses.admit(*guess, now);
            if !matches!(admission, Admission::Wait(_)) {
                guesses.wrong(*guess, now);
            }
            admission == Admission::Compare
        });
        compared.count()
    }

    async fn guessing_from_everywhere_keeps_strangers_out_and_not_the_owner(storage: TestDatabase) {
        let bench = bench(storage).await;
        log_in(&bench, EMAIL, PASSWORD, HOME).await.unwrap();
        assert_eq!(guess_from_everywhere(&bench).await, 100);
        // The right password from elsewhere looks like a wrong one, and like that of nobody.
        for (email, password) in [(EMAIL, PASSWORD), (EMAIL, "a foul wind"), ("nobody@example.com", PASSWORD)]
        {
            let refused = log_in(&bench, email, password, ABROAD).await;
            assert!(matches!(refused, Err(LogInError::Refused)), "{email}");
        }
        for _ in 0..3 {
            log_in(&bench, EMAIL, PASSWORD, HOME).await.unwrap();
        }
        assert!(matches!(log_in(&bench, EMAIL, PASSWORD, ABROAD).await, Err(LogInError::Refused)));
    }

    async fn a_site_is_known_for_ninety_days_after_a_log_in(storage: TestDatabase) {
        let bench = bench(storage).await;
        log_in(&bench, EMAIL, PASSWORD, HOME).await.unwrap();
        bench.clock.advance(KNOWN_FOR);
        guess_from_everywhere(&bench).await;
        log_in(&bench, EMAIL, PASSWORD, HOME).await.unwrap();
        let neighbour = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 200));
        log_in(&bench, EMAIL, PASSWORD, neighbour).await.unwrap();
        bench.clock.advance(KNOWN_FOR + TimeDelta::seconds(1));
        assert!(matches!(log_in(&bench, EMAIL, PASSWORD, HOME).await, Err(LogInError::Refused)));
    }

    async fn who_guesses_at_one_site_waits(storage: TestDatabase) {
        let bench = bench(storage).await;
        for email in [EMAIL, "nobody@example.com"] {
            for _ in 0..5 {
                let wrong = log_in(&bench, email, "a foul wind", ABROAD).await;
                assert!(matches!(wrong, Err(LogInError::Refused)));
            }
            // The sixth has to come within the second that it waits: hashing may take longer than that here.
            let guess = Guess {
                address: bench.logins.guesses.key(email),
                account: None,
                from: ABROAD,
                is_known: false,
            };
            for _ in 0..3 {
                bench.logins.guesses.wrong(guess, Instant::now());
            }
            let waiting = log_in(&bench, email, PASSWORD, ABROAD).await;
            let Err(LogInError::TooManyGuesses { retry_after_secs }) = waiting else { panic!("{waiting:?}") };
            assert!((1..=8).contains(&retry_after_secs), "{retry_after_secs}");
        }
        log_in(&bench, EMAIL, PASSWORD, HOME).await.unwrap();
    }

    async fn empty_passwords_are_no_guesses(storage: TestDatabase) {
        let bench = bench(storage).await;
        for _ in 0..1_000 {
            assert!(matches!(log_in(&bench, EMAIL, "", ABROAD).await, Err(LogInError::Refused)));
        }
        log_in(&bench, EMAIL, PASSWORD, ABROAD).await.unwrap();
    }
}
