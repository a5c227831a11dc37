//! Proving again who one is (RFC 9470): what can do much harm asks for it.

use std::sync::Arc;

use secrecy::SecretString;

use super::second_factors::Checked;
use super::{Authentication, CheckError, ConfirmError, LoggedIn, Logins, Principal, Proof, TotpState};
use crate::audit::{Action, Actor, Event, Object, Origin};
use crate::crypto::session_token::SignTokenError;
use crate::storage::{StorageError, sessions, totp_factors};

/// What a caller shows.
#[derive(Debug)]
pub enum Shown {
    /// A code of the second factor, or a recovery code.
    Code(SecretString),
    /// The password; not enough for who has a second factor.
    Password(SecretString),
}

/// Why a session did not become fresh.
#[derive(Debug, thiserror::Error)]
pub enum StepUpError {
    /// A token that was made for a program is nobody's proof.
    #[error("only who logged in can prove again who it is")]
    NoSession,
    /// The password does not do for who has a second factor.
    #[error("2fa code needed")]
    CodeNeeded,
    /// There is no second factor that a code could be of.
    #[error("there is no second factor: show the password")]
    PasswordNeeded,
    /// The code is wrong, or was used before.
    #[error("the 2fa code is wrong")]
    WrongCode,
    /// Too many codes were wrong.
    #[error("too many wrong 2fa codes")]
    Blocked {
        /// When the next one is looked at.
        retry_after_secs: u32,
    },
    /// The code was not judged.
    #[error(transparent)]
    SecondFactor(#[from] CheckError),
    /// The password proves nothing.
    #[error(transparent)]
    Password(#[from] ConfirmError),
    /// The token was not signed.
    #[error(transparent)]
    Sign(#[from] SignTokenError),
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

impl Logins {
    /// Gives the caller a token of the same session that says that it just proved who it is. Older tokens of the
    /// session stay as they are: who has stolen one gains nothing.
    pub async fn step_up(
        &self,
        caller: &Principal,
        shown: Shown,
        origin: Origin,
    ) -> Result<LoggedIn, StepUpError> {
        if caller.authentication.is_none() {
            return Err(StepUpError::NoSession);
        }
        if let Shown::Password(password) = &shown {
            if caller.totp == TotpState::Enabled {
                return Err(StepUpError::CodeNeeded);
            }
            self.confirm_password(caller, password.clone(), origin.address).await?;
        }
        let actor = Arc::new(Actor::caller(caller, origin));
        let now = self.clock.now();
        let transaction = self.database.scope(caller.tenant).acting(actor).begin().await?;
        let tx = transaction.scope();
        let session = sessions::find(&tx, caller.session).await?.ok_or(StepUpError::NoSession)?;
        let user = Object::user(caller.user, &caller.email);
        let factor = totp_factors::find(&tx, caller.user).await?;
        let proof = match (shown, factor.filter(|factor| factor.state == TotpState::Enabled)) {
            (Shown::Password(_), None) => Proof::Password,
            // It was set up in this very moment.
            (Shown::Password(_), Some(_)) => return Err(StepUpError::CodeNeeded),
            (Shown::Code(_), None) => return Err(StepUpError::PasswordNeeded),
            (Shown::Code(code), Some(factor)) => {
                match self.second_factors.check(&tx, caller.user, &factor, &code, now).await? {
                    Checked::Right(proof) => proof,
                    Checked::Wrong => {
                        tx.audit(Event::refused(Action::StepUp, user).change("second factor: wrong code"));
                        transaction.commit(now).await?;
                        return Err(StepUpError::WrongCode);
                    }
                    Checked::Blocked { retry_after_secs } => {
                        return Err(StepUpError::Blocked { retry_after_secs });
                    }
                }
            }
        };
        let authentication = Authentication { proof, at: now };
        sessions::set_authentication(&tx, session.id, authentication).await?;
        tx.audit(Event::new(Action::StepUp, user));
        transaction.commit(now).await?;
        let session = super::Session { authentication, ..session };
        let token = self.sign(&session, now)?;
        Ok(LoggedIn { token, session, new_site: None })
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use chrono::TimeDelta;
    use secrecy::{ExposeSecret as _, SecretString};
    use tokio::time::Instant;

    use super::{ConfirmError, Shown, StepUpError};
    use crate::audit::Origin;
    use crate::clock::Clock;
    use crate::crypto::second_factor::STEP_SECS;
    use crate::storage::testing::{TestDatabase, database_tests};
    use crate::storage::totp_factors;
    use crate::throttle::Guess;
    use crate::users::tests::{Bench, EMAIL, PASSWORD};
    use crate::users::{LogInError, LoggedIn, Principal, Proof, Role, SessionLife};

    database_tests![
        a_password_makes_fresh_for_its_time,
        who_has_a_second_factor_shows_it,
        a_token_for_programs_does_not_step_up,
        a_stolen_session_does_not_guess_the_password,
    ];

    const AGE: TimeDelta = TimeDelta::minutes(10);

    async fn principal(bench: &Bench, login: &LoggedIn) -> Principal {
        bench.logins.authenticate(login.token.expose_secret()).await.unwrap()
    }

    async fn step_up(bench: &Bench, caller: &Principal, shown: Shown) -> Result<LoggedIn, StepUpError> {
        bench.logins.step_up(caller, shown, Origin::default()).await
    }

    fn password(text: &str) -> Shown {
        Shown::Password(text.into())
    }

    async fn a_password_makes_fresh_for_its_time(storage: TestDatabase) {
        let bench = Bench::new(storage);
        bench.users.add(EMAIL, PASSWORD.into(), Role::Admin).await.unwrap();
        let login = bench.log_in(EMAIL, PASSWORD).await.unwrap();
        let caller = principal(&bench, &login).await;
        bench.clock.advance(AGE);
        assert!(caller.is_fresh(bench.clock.now(), AGE));
        bench.clock.advance(TimeDelta::seconds(1));
        assert!(!caller.is_fresh(bench.clock.now(), AGE));

        let wrong = step_up(&bench, &caller, password("a fair wind to sink")).await;
        assert!(matches!(wrong, Err(StepUpError::Password(ConfirmError::Wrong))));
        let long = step_up(&bench, &caller, password(&"x".repeat(2000))).await;
        assert!(matches!(long, Err(StepUpError::Password(ConfirmError::Wrong))));
        let code = step_up(&bench, &caller, Shown::Code("123456".into())).await;
        assert!(matches!(code, Err(StepUpError::PasswordNeeded)));
        let fresh = step_up(&bench, &caller, password(PASSWORD)).await.unwrap();
        assert_eq!(fresh.session.id, login.session.id);
        assert!(principal(&bench, &fresh).await.is_fresh(bench.clock.now(), AGE));
        let stale = principal(&bench, &login).await;
        assert!(!stale.is_fresh(bench.clock.now(), AGE), "who has stolen the older token gains nothing");
        bench.logins.log_out(&stale, Origin::default()).await.unwrap();
        assert!(!bench.is_open(&fresh).await, "it is one session");
    }

    async fn who_has_a_second_factor_shows_it(storage: TestDatabase) {
        let bench = Bench::new(storage);
        let user = bench.users.add(EMAIL, PASSWORD.into(), Role::Admin).await.unwrap();
        let login = bench.log_in(EMAIL, PASSWORD).await.unwrap();
        let own = bench.second_factors.of(bench.storage.scope(), &principal(&bench, &login).await);
        own.enable().await.unwrap();
        let factor = totp_factors::find(&bench.storage.scope(), user).await.unwrap().unwrap();
        let secret = bench.keys.open_secret(user.as_uuid(), &factor.sealed_secret).unwrap();
        own.verify(&secret.code_at(bench.clock.now())).await.unwrap();

        let caller = principal(&bench, &login).await;
        assert!(!caller.is_fresh(bench.clock.now(), AGE), "the password alone is too weak");
        let weak = step_up(&bench, &caller, password(PASSWORD)).await;
        assert!(matches!(weak, Err(StepUpError::CodeNeeded)));
        let code = |text: String| Shown::Code(SecretString::from(text));
        let again = step_up(&bench, &caller, code(secret.code_at(bench.clock.now()))).await;
        assert!(matches!(again, Err(StepUpError::WrongCode)));
        bench.clock.advance(TimeDelta::seconds(STEP_SECS));
        let fresh = step_up(&bench, &caller, code(secret.code_at(bench.clock.now()))).await.unwrap();
        let caller = principal(&bench, &fresh).await;
        assert!(caller.is_fresh(bench.clock.now(), AGE));
        assert_eq!(caller.authentication.unwrap().proof, Proof::PasswordAndTotp);
        let codes = own.renew_recovery_codes().await.unwrap();
        let fresh = step_up(&bench, &caller, code(codes[0].expose_secret().to_owned())).await.unwrap();
        assert_eq!(fresh.session.authentication.proof, Proof::PasswordAndRecoveryCode);
        for _ in 0..5 {
            let guess = step_up(&bench, &caller, Shown::Code("no digits".into())).await;
            assert!(matches!(guess, Err(StepUpError::WrongCode)));
        }
        bench.clock.advance(TimeDelta::seconds(STEP_SECS));
        let blocked = step_up(&bench, &caller, code(secret.code_at(bench.clock.now()))).await;
        assert!(matches!(blocked, Err(StepUpError::Blocked { .. })));
    }

    async fn a_token_for_programs_does_not_step_up(storage: TestDatabase) {
        let bench = Bench::new(storage);
        bench.users.add(EMAIL, PASSWORD.into(), Role::Admin).await.unwrap();
        let login = bench.log_in(EMAIL, PASSWORD).await.unwrap();
        let program = Principal { authentication: None, ..principal(&bench, &login).await };
        assert!(!program.is_fresh(bench.clock.now(), AGE));
        let refused = step_up(&bench, &program, password(PASSWORD)).await;
        assert!(matches!(refused, Err(StepUpError::NoSession)));
    }

    async fn a_stolen_session_does_not_guess_the_password(storage: TestDatabase) {
        let bench = Bench::new(storage);
        bench.users.add(EMAIL, PASSWORD.into(), Role::Admin).await.unwrap();
        let caller = principal(&bench, &bench.log_in(EMAIL, PASSWORD).await.unwrap()).await;
        let from = |address: [u8; 4]| Some(IpAddr::from(address));
        let show = async |text: &str, from| bench.logins.confirm_password(&caller, text.into(), from).await;
        let thief = from([198, 51, 100, 7]);
        // More than are free, so that the next one waits longer than hashing takes.
        for _ in 0..5 {
            assert!(matches!(show("a foul wind", thief).await, Err(ConfirmError::Wrong)));
        }
        let guess = Guess {
            address: bench.logins.guesses.key(EMAIL),
            account: Some(caller.user),
            from: thief.unwrap(),
            is_known: false,
        };
        for _ in 0..3 {
            bench.logins.guesses.wrong(guess, Instant::now());
        }
        assert!(matches!(show(PASSWORD, thief).await, Err(ConfirmError::TooManyGuesses { .. })));
        // It is one count with that of log-ins.
        let origin = Origin { address: thief, request_id: None };
        let log_in = bench.logins.log_in(EMAIL, PASSWORD.into(), None, SessionLife::Usual, origin).await;
        assert!(matches!(log_in, Err(LogInError::TooManyGuesses { .. })));
        show(PASSWORD, from([192, 0, 2, 7])).await.unwrap();
        assert!(matches!(show("", thief).await, Err(ConfirmError::Wrong)), "not looked at");
    }
}
