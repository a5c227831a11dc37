//! Second factors against a real database.

use std::pin::Pin;
use std::sync::Arc;

use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};

use super::{MAX_FAILURES, QUIET_SECS, SecondFactorError, TotpState};
use crate::audit::Origin;
use crate::clock::Clock;
use crate::crypto::second_factor::{STEP_SECS, TotpSecret};
use crate::ids::UserId;
use crate::storage::testing::{TestDatabase, database_tests};
use crate::storage::totp_factors;
use crate::users::tests::{Bench, EMAIL, PASSWORD};
use crate::users::{LogInError, LoggedIn, OwnSecondFactor, Principal, Proof, Role, SessionLife};

database_tests![
    a_factor_counts_from_its_first_code_on,
    of_many_posts_of_one_code_one_succeeds,
    a_code_is_used_up_with_all_before_it,
    five_wrong_codes_block_for_a_quarter_of_an_hour,
    guessing_takes_years,
    recovery_codes_stand_in_once_and_pass_the_block,
    taking_the_factor_away_ends_sessions,
    a_secret_of_another_master_key_is_an_error,
];

/// A user with TOTP, and what its authenticator knows.
struct WithTotp {
    bench: Bench,
    user: UserId,
    secret: TotpSecret,
    login: LoggedIn,
}

impl WithTotp {
    /// On the heap: it is a large future, and all trials begin with it.
    fn new(storage: TestDatabase) -> Pin<Box<impl Future<Output = Self>>> {
        Box::pin(Self::make(storage))
    }

    async fn make(storage: TestDatabase) -> Self {
        let bench = Bench::new(storage);
        let user = bench.users.add(EMAIL, PASSWORD.into(), Role::Admin).await.unwrap();
        let login = Box::pin(bench.log_in(EMAIL, PASSWORD)).await.unwrap();
        let own = Box::pin(own(&bench, &login)).await;
        own.enable().await.unwrap();
        let secret = secret(&bench, user).await;
        own.verify(&secret.code_at(bench.clock.now())).await.unwrap();
        Self { bench, user, secret, login }
    }

    fn code(&self) -> String {
        self.secret.code_at(self.bench.clock.now())
    }

    /// A code that is wrong now.
    fn wrong(&self) -> String {
        let now = self.bench.clock.now();
        let codes = ["000000", "111111", "222222", "333333"];
        codes.into_iter().find(|code| self.secret.step_of(code, now).is_none()).unwrap().to_owned()
    }

    async fn log_in(&self, code: Option<&str>) -> Result<LoggedIn, LogInError> {
        let code = code.map(SecretString::from);
        self.bench.logins.log_in(EMAIL, PASSWORD.into(), code, SessionLife::Usual, Origin::default()).await
    }

    async fn own(&self) -> OwnSecondFactor {
        own(&self.bench, &self.login).await
    }

    fn advance(&self, secs: i64) {
        self.bench.clock.advance(TimeDelta::seconds(secs));
    }
}

async fn principal(bench: &Bench, login: &LoggedIn) -> Principal {
    bench.logins.authenticate(login.token.expose_secret()).await.unwrap()
}

async fn own(bench: &Bench, login: &LoggedIn) -> OwnSecondFactor {
    bench.second_factors.of(bench.storage.scope(), &principal(bench, login).await)
}

async fn secret(bench: &Bench, user: UserId) -> TotpSecret {
    let factor = totp_factors::find(&bench.storage.scope(), user).await.unwrap().unwrap();
    assert!(factor.sealed_secret.starts_with("v1:"));
    bench.keys.open_secret(user.as_uuid(), &factor.sealed_secret).unwrap()
}

async fn a_factor_counts_from_its_first_code_on(storage: TestDatabase) {
    let bench = Bench::new(storage);
    let user = bench.users.add(EMAIL, PASSWORD.into(), Role::Admin).await.unwrap();
    let login = bench.log_in(EMAIL, PASSWORD).await.unwrap();
    let other = bench.log_in(EMAIL, PASSWORD).await.unwrap();
    let own = own(&bench, &login).await;
    let state = async || bench.users.get(user).await.unwrap().totp;
    assert_eq!(state().await, TotpState::Disabled);
    assert!(matches!(own.uri().await, Err(SecondFactorError::State(TotpState::Disabled))));
    assert!(matches!(own.verify("000000").await, Err(SecondFactorError::State(TotpState::Disabled))));

    own.enable().await.unwrap();
    let first = secret(&bench, user).await;
    own.enable().await.unwrap();
    let shared = secret(&bench, user).await;
    assert_ne!(first.as_bytes(), shared.as_bytes(), "each start draws another");
    assert_eq!(state().await, TotpState::Unverified);
    assert!(own.uri().await.unwrap().starts_with("otpauth://totp/Test:ops%40example.com?secret="));
    bench.log_in(EMAIL, PASSWORD).await.unwrap();
    assert!(matches!(own.renew_recovery_codes().await, Err(SecondFactorError::State(TotpState::Unverified))));

    let late = shared.code_at(bench.clock.now() - TimeDelta::seconds(10 * STEP_SECS));
    assert!(matches!(own.verify(&late).await, Err(SecondFactorError::Wrong)));
    own.verify(&shared.code_at(bench.clock.now())).await.unwrap();
    assert_eq!(state().await, TotpState::Enabled);
    assert!(bench.is_open(&login).await && !bench.is_open(&other).await, "others came without a code");
    assert!(matches!(own.uri().await, Err(SecondFactorError::State(TotpState::Enabled))));
    own.enable().await.unwrap();
    assert_eq!(secret(&bench, user).await.as_bytes(), shared.as_bytes(), "what counts stays");

    assert!(matches!(bench.log_in(EMAIL, PASSWORD).await, Err(LogInError::SecondFactorNeeded)));
    let wrong = bench.log_in(EMAIL, "a fair wind to sink").await;
    assert!(matches!(wrong, Err(LogInError::Refused)), "nothing is told before the password is right");
    bench.clock.advance(TimeDelta::seconds(STEP_SECS));
    let code = Some(SecretString::from(shared.code_at(bench.clock.now())));
    let login = bench.logins.log_in(EMAIL, PASSWORD.into(), code, SessionLife::Usual, Origin::default());
    let login = login.await.unwrap();
    let shown = principal(&bench, &login).await.authentication.unwrap();
    assert_eq!((shown.proof, shown.at), (Proof::PasswordAndTotp, bench.clock.now()));
}

async fn of_many_posts_of_one_code_one_succeeds(storage: TestDatabase) {
    let user = WithTotp::new(storage).await;
    user.advance(STEP_SECS);
    let user = Arc::new(user);
    let code = user.code();
    let posts: Vec<_> = (0..50)
        .map(|_| {
            let (user, code) = (Arc::clone(&user), code.clone());
            tokio::spawn(async move { user.log_in(Some(&code)).await })
        })
        .collect();
    let mut successes = 0;
    for post in posts {
        match post.await.unwrap() {
            Ok(_) => successes += 1,
            Err(err) => assert!(matches!(err, LogInError::SecondFactorWrong), "{err}"),
        }
    }
    assert_eq!(successes, 1);
    user.advance(STEP_SECS);
    user.log_in(Some(&user.code())).await.unwrap();
}

async fn a_code_is_used_up_with_all_before_it(storage: TestDatabase) {
    let user = WithTotp::new(storage).await;
    assert!(
        matches!(user.log_in(Some(&user.code())).await, Err(LogInError::SecondFactorWrong)),
        "verifying used it"
    );
    user.advance(2 * STEP_SECS);
    let now = user.bench.clock.now();
    let at = |steps: i64| user.secret.code_at(now + TimeDelta::seconds(steps * STEP_SECS));
    for steps in [-2, 2] {
        assert!(matches!(user.log_in(Some(&at(steps))).await, Err(LogInError::SecondFactorWrong)), "{steps}");
    }
    user.log_in(Some(&at(1))).await.unwrap();
    for steps in [-1, 0, 1] {
        assert!(matches!(user.log_in(Some(&at(steps))).await, Err(LogInError::SecondFactorWrong)), "{steps}");
    }
    user.advance(STEP_SECS);
    user.log_in(Some(&format!(" {} ", at(2)))).await.unwrap();
}

async fn five_wrong_codes_block_for_a_quarter_of_an_hour(storage: TestDatabase) {
    let user = WithTotp::new(storage).await;
    for _ in 0..MAX_FAILURES {
        assert!(matches!(user.log_in(Some(&user.wrong())).await, Err(LogInError::SecondFactorWrong)));
        user.advance(STEP_SECS);
    }
    let right = user.log_in(Some(&user.code())).await;
    let expected = u32::try_from(QUIET_SECS - STEP_SECS).unwrap();
    let Err(LogInError::SecondFactorBlocked { retry_after_secs }) = right else { panic!("{right:?}") };
    assert_eq!(retry_after_secs, expected);
    let own = user.own().await;
    own.enable().await.unwrap();
    user.advance(i64::from(expected) - 1);
    assert!(matches!(user.log_in(Some(&user.code())).await, Err(LogInError::SecondFactorBlocked { .. })));
    user.advance(1);
    user.log_in(Some(&user.code())).await.unwrap();
    // One more wrong one is the first again.
    assert!(matches!(user.log_in(Some(&user.wrong())).await, Err(LogInError::SecondFactorWrong)));
    user.advance(STEP_SECS);
    user.log_in(Some(&user.code())).await.unwrap();
}

/// Who knows the password tries a code every ten seconds for a day; the owner logs in meanwhile. No window of 15
/// minutes holds more than five guesses that were looked at, so half a chance takes longer than a year.
async fn guessing_takes_years(storage: TestDatabase) {
    let user = WithTotp::new(storage).await;
    let (scope, start) = (user.bench.storage.scope(), user.bench.clock.now());
    let mut looked_at = Vec::new();
    let day = 86_400;
    while user.bench.clock.now() - start < TimeDelta::seconds(day) {
        let now = user.bench.clock.now();
        let transaction = scope.begin().await.unwrap();
        let tx = transaction.scope();
        let factor = totp_factors::find(&tx, user.user).await.unwrap().unwrap();
        let guess = user.wrong();
        let checked =
            user.bench.second_factors.check_totp(&tx, user.user, &factor, &guess, now).await.unwrap();
        transaction.commit(now).await.unwrap();
        if checked == super::Checked::Wrong {
            looked_at.push(now);
        }
        // As fast as it helps: the next guess comes when it is looked at.
        let wait =
            if let super::Checked::Blocked { retry_after_secs } = checked { retry_after_secs } else { 10 };
        user.advance(i64::from(wait));
    }
    let most = looked_at.iter().map(|end| {
        looked_at.iter().filter(|at| **at <= *end && *end - **at < TimeDelta::seconds(QUIET_SECS)).count()
    });
    assert_eq!(most.max(), Some(5));
    assert!(looked_at.len() > 300, "the guesser got {} tries only: this test is too slow", looked_at.len());
    // Three steps are right at any time: ln 2 / (3 / 1 000 000) guesses are half a chance.
    let tries_a_day = f64::from(u32::try_from(looked_at.len()).unwrap());
    let days = std::f64::consts::LN_2 / 3e-6 / tries_a_day;
    assert!(days > 365.0, "half a chance in {days} days");
}

async fn recovery_codes_stand_in_once_and_pass_the_block(storage: TestDatabase) {
    let user = WithTotp::new(storage).await;
    let own = user.own().await;
    let old = own.renew_recovery_codes().await.unwrap();
    let codes = own.renew_recovery_codes().await.unwrap();
    assert_eq!(codes.len(), 10);
    for _ in 0..MAX_FAILURES {
        assert!(user.log_in(Some(&user.wrong())).await.is_err());
    }
    let first = codes[0].expose_secret();
    assert!(matches!(user.log_in(Some(old[0].expose_secret())).await, Err(LogInError::SecondFactorWrong)));
    let login = user.log_in(Some(&first.to_uppercase())).await.unwrap();
    let shown = principal(&user.bench, &login).await.authentication.unwrap();
    assert_eq!(shown.proof, Proof::PasswordAndRecoveryCode);
    assert!(matches!(user.log_in(Some(first)).await, Err(LogInError::SecondFactorWrong)));
    assert_eq!(own.count_recovery_codes().await.unwrap(), 9);
    for code in &codes[1..] {
        user.log_in(Some(code.expose_secret())).await.unwrap();
    }
    assert_eq!(own.count_recovery_codes().await.unwrap(), 0);
}

async fn taking_the_factor_away_ends_sessions(storage: TestDatabase) {
    let user = WithTotp::new(storage).await;
    let own = user.own().await;
    own.renew_recovery_codes().await.unwrap();
    user.advance(STEP_SECS);
    let second = user.log_in(Some(&user.code())).await.unwrap();
    own.disable().await.unwrap();
    assert!(user.bench.is_open(&user.login).await && !user.bench.is_open(&second).await);
    assert_eq!(own.count_recovery_codes().await.unwrap(), 0);
    let third = user.log_in(None).await.unwrap();

    own.enable().await.unwrap();
    own.disable().await.unwrap();
    assert!(user.bench.is_open(&third).await, "giving up ends nothing");
    assert!(matches!(own.reset(user.user).await, Err(SecondFactorError::OwnFactor)));
    let stranger = UserId::generate();
    assert!(matches!(own.reset(stranger).await, Err(SecondFactorError::NoUser(_))));

    let bench = &user.bench;
    bench.users.add("b@example.com", PASSWORD.into(), Role::Viewer).await.unwrap();
    let theirs = bench.log_in("b@example.com", PASSWORD).await.unwrap();
    let victim = principal(bench, &theirs).await;
    let factor = bench.second_factors.of(bench.storage.scope(), &victim);
    factor.enable().await.unwrap();
    factor.verify(&secret(bench, victim.user).await.code_at(bench.clock.now())).await.unwrap();
    assert!(own.reset(victim.user).await.unwrap());
    assert!(!bench.is_open(&theirs).await);
    bench.log_in("b@example.com", PASSWORD).await.unwrap();
    assert!(!own.reset(victim.user).await.unwrap(), "there is none any more");
}

async fn a_secret_of_another_master_key_is_an_error(storage: TestDatabase) {
    let user = WithTotp::new(storage).await;
    let scope = user.bench.storage.scope();
    let transaction = scope.begin().await.unwrap();
    // As if the row of another user had been copied.
    let (_, sealed) = user.bench.keys.draw_secret(UserId::generate().as_uuid()).unwrap();
    totp_factors::replace(&transaction.scope(), user.user, sealed, user.bench.clock.now()).await.unwrap();
    totp_factors::use_step(&transaction.scope(), user.user, 1).await.unwrap();
    transaction.commit(user.bench.clock.now()).await.unwrap();
    assert!(matches!(user.log_in(Some("123456")).await, Err(LogInError::SecondFactor(_))));
}
