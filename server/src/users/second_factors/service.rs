//! What users do with second factors.

use std::sync::Arc;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::TotpState;
use super::check::{CheckError, Checked};
use crate::audit::{Action, Event, Object};
use crate::clock::Clock;
use crate::crypto::random::RandomError;
use crate::crypto::seal::SealError;
use crate::crypto::second_factor::{FactorKeys, RECOVERY_CODES, RecoveryCode};
use crate::ids::UserId;
use crate::storage::{Scope, StorageError, recovery_codes, sessions, totp_factors, users};
use crate::users::Principal;

/// Why something could not be done with a second factor.
#[derive(Debug, thiserror::Error)]
pub enum SecondFactorError {
    /// The tenant has no such user.
    #[error("user {0} does not exist")]
    NoUser(UserId),
    /// Who administers users takes the factors of others away, not the own one: that takes a code.
    #[error("one's own second factor is not reset: disable it")]
    OwnFactor,
    /// There is no factor in this state.
    #[error("the second factor is {}", .0.as_str())]
    State(TotpState),
    /// The code is wrong, or was used before.
    #[error("the 2fa code is wrong")]
    Wrong,
    /// Too many codes were wrong.
    #[error("too many wrong 2fa codes")]
    Blocked {
        /// When the next one is looked at.
        retry_after_secs: u32,
    },
    /// A code could not be judged.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// The secret could not be sealed or opened.
    #[error("failed to seal or open a second factor")]
    Seal(#[from] SealError),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

/// The second factors of users.
#[derive(Clone)]
pub struct SecondFactors {
    keys: FactorKeys,
    clock: Arc<dyn Clock>,
    issuer: String,
}

impl SecondFactors {
    /// Wires the service; authenticators show `issuer` beside the account.
    #[must_use]
    pub const fn new(keys: FactorKeys, clock: Arc<dyn Clock>, issuer: String) -> Self {
        Self { keys, clock, issuer }
    }

    pub(super) const fn keys(&self) -> &FactorKeys {
        &self.keys
    }

    /// The second factor of a caller, in the tenant of a scope.
    #[must_use]
    pub fn of(&self, scope: Scope, caller: &Principal) -> OwnSecondFactor {
        OwnSecondFactor { factors: self.clone(), scope, caller: caller.clone() }
    }

    /// Takes the factor of a user away, and ends the user's sessions. Answers whether there was one.
    pub async fn reset(&self, scope: &Scope, user: UserId) -> Result<bool, SecondFactorError> {
        let now = self.clock.now();
        let transaction = scope.begin().await?;
        let tx = transaction.scope();
        let user = users::find(&tx, user).await?.ok_or(SecondFactorError::NoUser(user))?;
        let was_there = totp_factors::delete(&tx, user.id).await?;
        recovery_codes::delete_of_user(&tx, user.id).await?;
        sessions::delete_of_user(&tx, user.id).await?;
        tx.audit(
            Event::new(Action::Reset, Object::user(user.id, &user.email)).change("second factor: removed"),
        );
        transaction.commit(now).await?;
        Ok(was_there)
    }
}

/// The second factor of a caller.
#[derive(Clone)]
pub struct OwnSecondFactor {
    factors: SecondFactors,
    scope: Scope,
    caller: Principal,
}

impl OwnSecondFactor {
    /// Makes a secret for the caller, which counts when a code of it came. One that counts already stays.
    pub async fn enable(&self) -> Result<(), SecondFactorError> {
        let (_, sealed) = self.factors.keys.draw_secret(self.caller.user.as_uuid())?;
        let now = self.factors.clock.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let known = totp_factors::find(&tx, self.caller.user).await?;
        if known.is_some_and(|factor| factor.state == TotpState::Enabled) {
            return Ok(());
        }
        totp_factors::replace(&tx, self.caller.user, sealed, now).await?;
        tx.audit(Event::new(Action::Update, self.object()).change("second factor: being set up"));
        Ok(transaction.commit(now).await?)
    }

    /// What the caller's authenticator has to read; only until the first code came.
    pub async fn uri(&self) -> Result<Zeroizing<String>, SecondFactorError> {
        let factor = totp_factors::find(&self.scope, self.caller.user).await?;
        let factor = factor.ok_or(SecondFactorError::State(TotpState::Disabled))?;
        if factor.state != TotpState::Unverified {
            return Err(SecondFactorError::State(factor.state));
        }
        let secret = self.factors.keys.open_secret(self.caller.user.as_uuid(), &factor.sealed_secret)?;
        let uri = secret.uri(&self.factors.issuer, self.caller.email.as_str());
        uri.ok_or(SecondFactorError::Seal(SealError::Malformed))
    }

    /// Makes the caller's secret count, by its first code; ends the caller's other sessions, which were opened without.
    pub async fn verify(&self, code: &str) -> Result<(), SecondFactorError> {
        let now = self.factors.clock.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let factor = totp_factors::find(&tx, self.caller.user).await?;
        let factor = factor.ok_or(SecondFactorError::State(TotpState::Disabled))?;
        if factor.state != TotpState::Unverified {
            return Err(SecondFactorError::State(factor.state));
        }
        let checked = self.factors.check_totp(&tx, self.caller.user, &factor, code, now).await?;
        if let Checked::Right(_) = checked {
            sessions::delete_log_ins(&tx, self.caller.user, Some(self.caller.session)).await?;
            tx.audit(Event::new(Action::Enable, self.object()).change("second factor: in use"));
        } else {
            tx.audit(Event::refused(Action::Enable, self.object()).change("second factor: wrong code"));
        }
        transaction.commit(now).await?;
        judged(checked)
    }

    /// Takes the caller's own factor away; ends the caller's other sessions.
    pub async fn disable(&self) -> Result<(), SecondFactorError> {
        let now = self.factors.clock.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let known = totp_factors::find(&tx, self.caller.user).await?;
        totp_factors::delete(&tx, self.caller.user).await?;
        recovery_codes::delete_of_user(&tx, self.caller.user).await?;
        // Who gives up setting one up loses nothing.
        if known.is_some_and(|factor| factor.state == TotpState::Enabled) {
            sessions::delete_log_ins(&tx, self.caller.user, Some(self.caller.session)).await?;
        }
        tx.audit(Event::new(Action::Disable, self.object()).change("second factor: removed"));
        Ok(transaction.commit(now).await?)
    }

    /// Takes the factor of another user away, and ends the sessions of that user. Answers whether there was one.
    pub async fn reset(&self, user: UserId) -> Result<bool, SecondFactorError> {
        if self.caller.user == user {
            return Err(SecondFactorError::OwnFactor);
        }
        self.factors.reset(&self.scope, user).await
    }

    /// Gives the caller new recovery codes; those of before are void.
    pub async fn renew_recovery_codes(&self) -> Result<Vec<SecretString>, SecondFactorError> {
        let codes: Vec<RecoveryCode> =
            (0..RECOVERY_CODES).map(|_| self.factors.keys.draw_recovery_code()).collect::<Result<_, _>>()?;
        let hmacs: Vec<_> = codes
            .iter()
            .map(|code| self.factors.keys.recovery_hmac(self.caller.user.as_uuid(), code))
            .collect();
        let now = self.factors.clock.now();
        let transaction = self.scope.begin().await?;
        let tx = transaction.scope();
        let state =
            totp_factors::find(&tx, self.caller.user).await?.map(|factor| factor.state).unwrap_or_default();
        if state != TotpState::Enabled {
            return Err(SecondFactorError::State(state));
        }
        recovery_codes::replace(&tx, self.caller.user, &hmacs, now).await?;
        tx.audit(Event::new(Action::Rotate, self.object()).change("recovery codes: replaced"));
        transaction.commit(now).await?;
        Ok(codes.iter().map(RecoveryCode::shown).collect())
    }

    /// How many recovery codes the caller has left.
    pub async fn count_recovery_codes(&self) -> Result<u64, SecondFactorError> {
        Ok(recovery_codes::count(&self.scope, self.caller.user).await?)
    }

    fn object(&self) -> Object {
        Object::user(self.caller.user, &self.caller.email)
    }
}

/// What a judgement means to whom it was made for.
pub(in crate::users) const fn judged(checked: Checked) -> Result<(), SecondFactorError> {
    match checked {
        Checked::Right(_) => Ok(()),
        Checked::Wrong => Err(SecondFactorError::Wrong),
        Checked::Blocked { retry_after_secs } => Err(SecondFactorError::Blocked { retry_after_secs }),
    }
}
