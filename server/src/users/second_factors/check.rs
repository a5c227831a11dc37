//! The judgement on a code.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::service::SecondFactors;
use crate::crypto::seal::SealError;
use crate::crypto::second_factor::RecoveryCode;
use crate::ids::UserId;
use crate::storage::totp_factors::TotpFactor;
use crate::storage::{StorageError, WriteScope, recovery_codes, totp_factors};
use crate::users::Proof;

/// Wrong codes after which none is looked at until the quiet time is over.
pub const MAX_FAILURES: i64 = 5;

/// The quiet time: so long after the last wrong code, all of them are forgotten. In no window of this length are more
/// than [`MAX_FAILURES`] codes tried: three codes in a million are right at any time, so who knows the password and
/// guesses for a year (175 200 tries) gets in with a probability of 41 %.
pub const QUIET_SECS: i64 = 15 * 60;

/// What a code is worth.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Checked {
    /// It was right, and is used up.
    Right(Proof),
    /// It was wrong, or used before.
    Wrong,
    /// Too many were wrong; it was not looked at.
    Blocked {
        /// When the next one is looked at.
        retry_after_secs: u32,
    },
}

/// Why a code could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The secret does not open.
    #[error("the second factor of user {user} does not open with this master key")]
    Sealed {
        /// Whose it is.
        user: UserId,
        /// Why.
        #[source]
        source: SealError,
    },
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

impl SecondFactors {
    /// Judges a code of a user's authenticator, or a recovery code, and uses it up.
    ///
    /// The transaction has to be committed whatever comes out: a wrong code is counted in it. Recovery codes are looked
    /// at even while codes are not, so that who guesses codes does not keep the owner out: they are too long to guess.
    pub(in crate::users) async fn check(
        &self,
        tx: &WriteScope<'_>,
        user: UserId,
        factor: &TotpFactor,
        code: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<Checked, CheckError> {
        let typed: Zeroizing<String> = Zeroizing::new(
            code.expose_secret().chars().filter(|character| !character.is_whitespace()).collect(),
        );
        if let Some(recovery) = RecoveryCode::parse(&typed) {
            let hmac = self.keys().recovery_hmac(user.as_uuid(), &recovery);
            let is_there = recovery_codes::use_up(tx, user, &hmac).await?;
            return Ok(if is_there {
                Checked::Right(Proof::PasswordAndRecoveryCode)
            } else {
                Checked::Wrong
            });
        }
        self.check_totp(tx, user, factor, &typed, now).await
    }

    /// Judges a code of a user's authenticator and uses it up; the same holds for the transaction.
    pub(super) async fn check_totp(
        &self,
        tx: &WriteScope<'_>,
        user: UserId,
        factor: &TotpFactor,
        code: &str,
        now: DateTime<Utc>,
    ) -> Result<Checked, CheckError> {
        let quiet = TimeDelta::seconds(QUIET_SECS);
        if let Some(end) = factor.failed_at.and_then(|at| at.checked_add_signed(quiet))
            && factor.failures >= MAX_FAILURES
            && now < end
        {
            let secs = end.signed_duration_since(now).num_seconds().clamp(1, QUIET_SECS);
            return Ok(Checked::Blocked { retry_after_secs: u32::try_from(secs).unwrap_or(u32::MAX) });
        }
        let sealed = |source| CheckError::Sealed { user, source };
        let secret = self.keys().open_secret(user.as_uuid(), &factor.sealed_secret).map_err(sealed)?;
        if let Some(step) = secret.step_of(code, now) {
            // A code that was right before is refused, but it is not a guess.
            let is_first = totp_factors::use_step(tx, user, step).await?;
            return Ok(if is_first { Checked::Right(Proof::PasswordAndTotp) } else { Checked::Wrong });
        }
        totp_factors::count_failure(tx, user, now - quiet, now).await?;
        Ok(Checked::Wrong)
    }
}
