//! What is stored of a password: Argon2id as a PHC string.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use secrecy::{ExposeSecret as _, SecretString};

use crate::crypto::random::{RandomError, SecureRandom, random_bytes};

/// Memory in KiB, passes, lanes: the least that OWASP recommends (user authentication §2).
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

const SALT_BYTES: usize = 16;

/// A password could not be hashed, or a stored hash could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PasswordHashError {
    /// What is stored is not a PHC string.
    #[error("stored password hash is malformed")]
    Malformed,
    /// The password is longer than the algorithm takes.
    #[error("failed to hash a password")]
    Hash(#[source] argon2::password_hash::Error),
    /// No randomness for the salt.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// Returns the PHC string of a password, with a new salt. It takes 20 ms of a core and 19 MiB: call
/// it through the [pool](super::PasswordPool) in a server.
pub fn hash_password(
    password: &SecretString,
    random: &dyn SecureRandom,
) -> Result<SecretString, PasswordHashError> {
    let salt: [u8; SALT_BYTES] = random_bytes(random)?;
    let hash: PasswordHash = hasher()
        .hash_password_with_salt(password.expose_secret().as_bytes(), &salt)
        .map_err(PasswordHashError::Hash)?;
    Ok(hash.to_string().into())
}

/// Whether a stored hash was made with other parameters than those of today. Asked after a login that
/// succeeded, because only then the password is at hand.
#[must_use]
pub fn needs_rehash(stored: &SecretString) -> bool {
    let Ok(hash) = PasswordHash::new(stored.expose_secret()) else { return true };
    let today = params();
    hash.algorithm.as_str() != Algorithm::Argon2id.as_str()
        || hash.version != Some(u32::from(Version::V0x13))
        || Params::try_from(&hash).is_ok_and(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost())
                != (today.m_cost(), today.t_cost(), today.p_cost())
        })
}

/// Whether this is the password that `stored` was made from; slow by design.
pub(super) fn verify_password(
    password: &SecretString,
    stored: &SecretString,
) -> Result<bool, PasswordHashError> {
    let hash = PasswordHash::new(stored.expose_secret()).map_err(|_| PasswordHashError::Malformed)?;
    Ok(hasher().verify_password(password.expose_secret().as_bytes(), &hash).is_ok())
}

fn hasher() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params())
}

fn params() -> Params {
    Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use secrecy::{ExposeSecret as _, SecretString};

    use super::{PasswordHashError, hash_password, needs_rehash, verify_password};
    use crate::crypto::random::SystemRandom;

    /// `correct horse`, hashed with less memory than we ask for.
    const WEAKER: &str =
        "$argon2id$v=19$m=8192,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    #[test]
    fn the_right_password_verifies_and_another_does_not() {
        let stored = hash_password(&"correct horse".into(), &SystemRandom::new()).unwrap();
        assert!(stored.expose_secret().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify_password(&"correct horse".into(), &stored).unwrap());
        assert!(!verify_password(&"correct hors".into(), &stored).unwrap());
        assert!(!needs_rehash(&stored));
        let again = hash_password(&"correct horse".into(), &SystemRandom::new()).unwrap();
        assert_ne!(stored.expose_secret(), again.expose_secret());
    }

    #[test]
    fn other_parameters_ask_for_a_new_hash() {
        assert!(needs_rehash(&WEAKER.into()));
        assert!(needs_rehash(&"".into()));
    }

    #[test]
    fn a_broken_hash_is_an_error() {
        let stored = SecretString::from("$2a$10$nonsense");
        assert!(matches!(
            verify_password(&"correct horse".into(), &stored),
            Err(PasswordHashError::Malformed)
        ));
    }
}
