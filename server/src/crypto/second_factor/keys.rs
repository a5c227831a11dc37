//! What of second factors the database may hold.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use uuid::Uuid;

use super::{RecoveryCode, TotpSecret};
use crate::crypto::random::{RandomError, SecureRandom};
use crate::crypto::seal::{Cell, MasterKey, Purpose, SealError};

/// Draws second factors, and turns them into what is stored and back.
#[derive(Clone)]
pub struct FactorKeys {
    master: MasterKey,
    recovery: hmac::Key,
    random: Arc<dyn SecureRandom>,
}

impl FactorKeys {
    /// Derives the keys.
    #[must_use]
    pub fn new(master: MasterKey, random: Arc<dyn SecureRandom>) -> Self {
        let recovery = hmac::Key::new(HMAC_SHA256, master.derive(Purpose::RecoveryCodes).as_ref());
        Self { master, recovery, random }
    }

    /// Draws a secret for a user; returns it sealed as well.
    pub fn draw_secret(&self, user: Uuid) -> Result<(TotpSecret, String), SealError> {
        let secret = TotpSecret::generate(&*self.random)?;
        let row = user.to_string();
        let sealed = self.master.seal(Purpose::Totp, cell(&row), secret.as_bytes(), &*self.random)?;
        Ok((secret, sealed))
    }

    /// Opens the sealed secret of a user.
    pub fn open_secret(&self, user: Uuid, sealed: &str) -> Result<TotpSecret, SealError> {
        let opened = self.master.open(Purpose::Totp, cell(&user.to_string()), sealed)?;
        TotpSecret::from_bytes(&opened).ok_or(SealError::Malformed)
    }

    /// Draws a recovery code.
    pub fn draw_recovery_code(&self) -> Result<RecoveryCode, RandomError> {
        RecoveryCode::generate(&*self.random)
    }

    /// What is stored of a recovery code: with 50 bits it needs no slow hash, but a key, which the database has not.
    #[must_use]
    pub fn recovery_hmac(&self, user: Uuid, code: &RecoveryCode) -> [u8; 32] {
        let message = [user.as_bytes().as_slice(), code.digits().as_bytes()].concat();
        let mut mac = [0; 32];
        mac.copy_from_slice(hmac::sign(&self.recovery, &message).as_ref());
        mac
    }
}

const fn cell(user: &str) -> Cell<'_> {
    Cell { table: "totp_factors", column: "sealed_secret", row: user }
}

impl fmt::Debug for FactorKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FactorKeys").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::FactorKeys;
    use crate::crypto::random::SystemRandom;
    use crate::crypto::seal::MasterKey;

    fn keys(byte: u8) -> FactorKeys {
        FactorKeys::new(MasterKey::from_bytes(&[byte; 32]), Arc::new(SystemRandom::new()))
    }

    #[test]
    fn a_secret_opens_for_its_user_only() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let (secret, sealed) = keys(1).draw_secret(one).unwrap();
        assert_eq!(keys(1).open_secret(one, &sealed).unwrap().as_bytes(), secret.as_bytes());
        assert!(keys(1).open_secret(other, &sealed).is_err());
        assert!(keys(2).open_secret(one, &sealed).is_err());
    }

    #[test]
    fn a_recovery_code_is_its_users_and_its_keys() {
        let code = keys(1).draw_recovery_code().unwrap();
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(keys(1).recovery_hmac(one, &code), keys(1).recovery_hmac(one, &code));
        assert_ne!(keys(1).recovery_hmac(one, &code), keys(1).recovery_hmac(other, &code));
        assert_ne!(keys(1).recovery_hmac(one, &code), keys(2).recovery_hmac(one, &code));
    }
}
