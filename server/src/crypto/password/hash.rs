//! What is stored of a password: Argon2id as a PHC string.
//!
//! A key outside the database, the *pepper*, goes into each hash beside the salt: who has stolen the database alone
//! cannot even begin to guess. The hash names it (`keyid`); one that names none is of before there was a pepper.

use std::borrow::Cow;
use std::fmt;

use argon2::password_hash::phc::PasswordHash;
use argon2::{
    Algorithm, Argon2, KeyId, Params, ParamsBuilder, PasswordHasher as _, PasswordVerifier as _, Version,
};
use secrecy::{ExposeSecret as _, SecretString};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::crypto::random::{RandomError, SecureRandom, random_bytes};
use crate::crypto::seal::{MasterKey, Purpose};

/// Memory in KiB, passes, lanes: the least that OWASP recommends (user authentication §2).
pub const MEMORY_KIB_FLOOR: u32 = 19_456;
/// The same of passes.
pub const PASSES_FLOOR: u32 = 2;
const LANES: u32 = 1;

const SALT_BYTES: usize = 16;

/// A password could not be hashed, or a stored hash could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PasswordHashError {
    /// What is stored is not a PHC string.
    #[error("stored password hash is malformed")]
    Malformed,
    /// The hash was made with the key of another server.
    #[error("stored password hash belongs to another master key")]
    OtherPepper,
    /// The password is longer than the algorithm takes.
    #[error("failed to hash a password")]
    Hash(#[source] argon2::password_hash::Error),
    /// The algorithm does not take the parameters.
    #[error("failed to prepare the hashing of passwords")]
    Parameters(#[source] argon2::Error),
    /// No randomness for the salt.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// How much work a hash is, for us and for who guesses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HashCost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// How often it is gone through.
    pub passes: u32,
}

impl Default for HashCost {
    fn default() -> Self {
        Self { memory_kib: MEMORY_KIB_FLOOR, passes: PASSES_FLOOR }
    }
}

/// Makes and checks hashes.
#[derive(Clone)]
pub struct HashScheme {
    params: Params,
    pepper: Zeroizing<[u8; 32]>,
}

impl HashScheme {
    /// Takes the cost of new hashes and derives the pepper.
    pub fn new(cost: HashCost, master: &MasterKey) -> Result<Self, PasswordHashError> {
        let key_id = KeyId::new(master.id().as_bytes()).map_err(PasswordHashError::Parameters)?;
        let params = ParamsBuilder::new()
            .m_cost(cost.memory_kib)
            .t_cost(cost.passes)
            .p_cost(LANES)
            .keyid(key_id)
            .build()
            .map_err(PasswordHashError::Parameters)?;
        Ok(Self { params, pepper: master.derive(Purpose::Pepper) })
    }

    /// Returns the PHC string of a password, with a new salt. It takes 20 ms of a core and 19 MiB or more: call it
    /// through the [pool](super::PasswordPool) in a server.
    pub fn hash(
        &self,
        password: &SecretString,
        random: &dyn SecureRandom,
    ) -> Result<SecretString, PasswordHashError> {
        let salt: [u8; SALT_BYTES] = random_bytes(random)?;
        let hash: PasswordHash = self
            .peppered()?
            .hash_password_with_salt(normalised(password).as_bytes(), &salt)
            .map_err(PasswordHashError::Hash)?;
        Ok(hash.to_string().into())
    }

    /// Whether a stored hash is less work than one of today, or without the pepper. Asked after a log-in that
    /// succeeded, because only then the password is at hand.
    #[must_use]
    pub fn needs_rehash(&self, stored: &SecretString) -> bool {
        let Ok(hash) = PasswordHash::new(stored.expose_secret()) else { return true };
        hash.algorithm.as_str() != Algorithm::Argon2id.as_str()
            || hash.version != Some(u32::from(Version::V0x13))
            || Params::try_from(&hash).map_or(true, |params| {
                params.m_cost() < self.params.m_cost()
                    || params.t_cost() < self.params.t_cost()
                    || params.keyid() != self.params.keyid()
            })
    }

    /// Whether this is the password that `stored` was made from; slow by design.
    pub(super) fn verify(
        &self,
        password: &SecretString,
        stored: &SecretString,
    ) -> Result<bool, PasswordHashError> {
        let hash = PasswordHash::new(stored.expose_secret()).map_err(|_| PasswordHashError::Malformed)?;
        let params = Params::try_from(&hash).map_err(|_| PasswordHashError::Malformed)?;
        if params.keyid().is_empty() {
            // As it was typed: nothing was normalised then.
            let plain = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            return Ok(plain.verify_password(password.expose_secret().as_bytes(), &hash).is_ok());
        }
        if params.keyid() != self.params.keyid() {
            return Err(PasswordHashError::OtherPepper);
        }
        Ok(self.peppered()?.verify_password(normalised(password).as_bytes(), &hash).is_ok())
    }

    fn peppered(&self) -> Result<Argon2<'_>, PasswordHashError> {
        Argon2::new_with_secret(
            self.pepper.as_ref(),
            Algorithm::Argon2id,
            Version::V0x13,
            self.params.clone(),
        )
        .map_err(PasswordHashError::Parameters)
    }
}

impl fmt::Debug for HashScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashScheme").field("params", &self.params).finish_non_exhaustive()
    }
}

/// The password in the normal form C: keyboards differ in how they put accents on letters (NIST SP 800-63B-4).
fn normalised(password: &SecretString) -> Zeroizing<String> {
    let text = password.expose_secret();
    let text: Cow<'_, str> =
        if text.is_ascii() { text.into() } else { text.nfc().collect::<String>().into() };
    Zeroizing::new(text.into_owned())
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::phc::PasswordHash;
    use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, Version};
    use secrecy::{ExposeSecret as _, SecretString};

    use super::{HashCost, HashScheme, PasswordHashError};
    use crate::crypto::random::SystemRandom;
    use crate::crypto::seal::MasterKey;

    fn scheme(key: u8, cost: HashCost) -> HashScheme {
        HashScheme::new(cost, &MasterKey::from_bytes(&[key; 32])).unwrap()
    }

    fn today() -> HashScheme {
        scheme(1, HashCost::default())
    }

    /// A hash as they were made before there was a pepper.
    fn old(password: &str) -> SecretString {
        let params = Params::new(19_456, 2, 1, None).unwrap();
        let plain = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash: PasswordHash =
            plain.hash_password_with_salt(password.as_bytes(), b"some salt of ours").unwrap();
        hash.to_string().into()
    }

    #[test]
    fn the_right_password_verifies_and_another_does_not() {
        let stored = today().hash(&"correct horse".into(), &SystemRandom::new()).unwrap();
        assert!(stored.expose_secret().starts_with("$argon2id$v=19$m=19456,t=2,p=1,keyid="));
        assert!(today().verify(&"correct horse".into(), &stored).unwrap());
        assert!(!today().verify(&"correct hors".into(), &stored).unwrap());
        assert!(!today().needs_rehash(&stored));
        let again = today().hash(&"correct horse".into(), &SystemRandom::new()).unwrap();
        assert_ne!(stored.expose_secret(), again.expose_secret());
    }

    #[test]
    fn without_the_pepper_nothing_verifies() {
        let stored = today().hash(&"correct horse".into(), &SystemRandom::new()).unwrap();
        let other = scheme(2, HashCost::default()).verify(&"correct horse".into(), &stored);
        assert!(matches!(other, Err(PasswordHashError::OtherPepper)));
        // Not even for who takes the name of the key away.
        let (front, back) = stored.expose_secret().split_once(",keyid=").unwrap();
        let bare = format!("{front}${}", back.split_once('$').unwrap().1);
        assert!(!today().verify(&"correct horse".into(), &bare.into()).unwrap());
    }

    #[test]
    fn old_hashes_go_on_and_ask_for_new_ones() {
        let stored = old("correct horse");
        assert!(today().verify(&"correct horse".into(), &stored).unwrap());
        assert!(!today().verify(&"correct hors".into(), &stored).unwrap());
        assert!(today().needs_rehash(&stored));
        assert!(today().needs_rehash(&"".into()));
    }

    #[test]
    fn more_work_asks_for_a_new_hash_and_less_does_not() {
        let dear = scheme(1, HashCost { memory_kib: 20_480, passes: 2 });
        let stored = today().hash(&"correct horse".into(), &SystemRandom::new()).unwrap();
        assert!(dear.needs_rehash(&stored));
        assert!(dear.verify(&"correct horse".into(), &stored).unwrap());
        let stored = dear.hash(&"correct horse".into(), &SystemRandom::new()).unwrap();
        assert!(!today().needs_rehash(&stored));
        assert!(today().verify(&"correct horse".into(), &stored).unwrap());
        assert!(scheme(1, HashCost { memory_kib: 19_456, passes: 3 }).needs_rehash(&stored));
    }

    #[test]
    fn accents_are_the_same_however_they_are_typed() {
        let stored = today().hash(&"caf\u{e9} au lait".into(), &SystemRandom::new()).unwrap();
        assert!(today().verify(&"cafe\u{301} au lait".into(), &stored).unwrap());
        assert!(!today().verify(&"cafe au lait".into(), &stored).unwrap());
        // What was stored as it was typed is checked as it is typed.
        let stored = old("cafe\u{301} au lait");
        assert!(today().verify(&"cafe\u{301} au lait".into(), &stored).unwrap());
    }

    #[test]
    fn a_broken_hash_is_an_error() {
        let stored = SecretString::from("$2a$10$nonsense");
        let broken = today().verify(&"correct horse".into(), &stored);
        assert!(matches!(broken, Err(PasswordHashError::Malformed)));
    }
}
