//! The keys that sign session tokens.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, EncodingKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::crypto::random::{RandomError, SecureRandom};

/// The size of an Ed25519 seed and of a public key.
const ED25519_BYTES: usize = 32;

/// Why a signing key could not be made or read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SigningKeyError {
    /// The bytes are not an Ed25519 key in PKCS#8 version 2.
    #[error("signing key is malformed")]
    Malformed,
    /// No randomness for a new key.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// The public half of a signing key, with its name.
#[derive(Clone)]
pub struct VerifyingKey {
    kid: String,
    public: [u8; ED25519_BYTES],
    decoding: DecodingKey,
}

impl VerifyingKey {
    /// Takes the 32 bytes of an Ed25519 public key.
    #[must_use]
    pub fn new(public: [u8; ED25519_BYTES]) -> Self {
        Self { kid: thumbprint(&public), public, decoding: DecodingKey::from_ed_der(&public) }
    }

    /// The key's name in a token's header: its JWK thumbprint (RFC 7638, RFC 8037 §2).
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key itself, to be stored for older keys and to be published.
    #[must_use]
    pub fn public_bytes(&self) -> &[u8; ED25519_BYTES] {
        &self.public
    }

    pub(super) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// An Ed25519 key that signs session tokens.
#[derive(Clone)]
pub struct SigningKey {
    verifying: VerifyingKey,
    pkcs8: Zeroizing<Vec<u8>>,
    encoding: EncodingKey,
}

impl SigningKey {
    /// Makes a new key.
    pub fn generate(random: &dyn SecureRandom) -> Result<Self, SigningKeyError> {
        let mut seed = Zeroizing::new([0; ED25519_BYTES]);
        random.fill(seed.as_mut())?;
        let pair =
            Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).map_err(|_| SigningKeyError::Malformed)?;
        let document = pair.to_pkcs8().map_err(|_| SigningKeyError::Malformed)?;
        Self::from_pkcs8(document.as_ref())
    }

    /// Reads what [`Self::pkcs8`] returned.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, SigningKeyError> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| SigningKeyError::Malformed)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| SigningKeyError::Malformed)?;
        Ok(Self {
            verifying: VerifyingKey::new(public),
            pkcs8: Zeroizing::new(pkcs8.to_vec()),
            encoding: EncodingKey::from_ed_der(pkcs8),
        })
    }

    /// The private key as PKCS#8 version 2 (RFC 5958), to be sealed and stored.
    #[must_use]
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public half.
    #[must_use]
    pub fn verifying(&self) -> &VerifyingKey {
        &self.verifying
    }

    pub(super) fn encoding(&self) -> &EncodingKey {
        &self.encoding
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.verifying.kid).finish_non_exhaustive()
    }
}

/// The keys of one audience: one signs, all verify.
#[derive(Clone, Debug)]
pub struct SigningKeySet {
    current: SigningKey,
    older: Vec<VerifyingKey>,
}

impl SigningKeySet {
    /// Makes a set of the key that signs and those that only verify.
    #[must_use]
    pub fn new(current: SigningKey, older: Vec<VerifyingKey>) -> Self {
        Self { current, older }
    }

    /// The key that signs.
    #[must_use]
    pub fn current(&self) -> &SigningKey {
        &self.current
    }

    /// All keys whose tokens are taken, the current one first.
    pub fn verifying(&self) -> impl Iterator<Item = &VerifyingKey> {
        std::iter::once(self.current.verifying()).chain(&self.older)
    }
}

/// The SHA-256 of the key as a JWK in its canonical form (RFC 7638 §3).
fn thumbprint(public: &[u8]) -> String {
    let x = URL_SAFE_NO_PAD.encode(public);
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#)))
}

#[cfg(test)]
mod tests {
    use super::{SigningKey, SigningKeyError, VerifyingKey};
    use crate::crypto::random::SystemRandom;
    use crate::crypto::random::testing::CountingRandom;

    #[test]
    fn a_stored_key_is_the_same_key() {
        let key = SigningKey::generate(&SystemRandom::new()).unwrap();
        let read = SigningKey::from_pkcs8(key.pkcs8()).unwrap();
        assert_eq!(read.verifying().kid(), key.verifying().kid());
        let public = VerifyingKey::new(*key.verifying().public_bytes());
        assert_eq!(public.kid(), key.verifying().kid());
        assert_eq!(SigningKey::from_pkcs8(b"key").unwrap_err(), SigningKeyError::Malformed);
    }

    #[test]
    fn randomness_decides_the_key() {
        let random = CountingRandom::default();
        let first = SigningKey::generate(&random).unwrap();
        let second = SigningKey::generate(&random).unwrap();
        assert_ne!(first.verifying().kid(), second.verifying().kid());
        let again = SigningKey::generate(&CountingRandom::default()).unwrap();
        assert_eq!(first.pkcs8(), again.pkcs8());
    }

    #[test]
    fn the_thumbprint_is_the_one_of_rfc_8037() {
        // RFC 8037, appendix A.3.
        let public = [
            0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
            0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
        ];
        assert_eq!(VerifyingKey::new(public).kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
