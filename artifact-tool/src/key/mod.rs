//! Keys that sign and verify manifests (artifact format §4).
//!
//! The algorithm always follows from the key, never from the artifact.

mod signing;
mod verifying;

pub use signing::{KeyType, SigningKey};
pub use verifying::VerifyingKey;

/// What signs manifests: a private key, or a program or a device that keeps one.
pub trait Signer {
    /// Returns the raw signature over exactly `manifest`: PKCS#1 v1.5 of RSA, `r ‖ s` of ECDSA.
    fn sign(&self, manifest: &[u8]) -> Result<Vec<u8>, KeyError>;
}

/// A signature algorithm.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2).
    RsaPkcs1Sha256,
    /// ECDSA over P-256 with SHA-256, as `r ‖ s` of 32 bytes each.
    EcdsaP256Sha256,
    /// Ed25519 (RFC 8032): an extension that no Mender client accepts.
    Ed25519,
}

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No block of a usable kind in the text.
    #[error("no {0} in PEM form was found")]
    NoKey(&'static str),
    /// A private key was given where a public one belongs.
    #[error("this is a private key; a public key (PUBLIC KEY) is needed here")]
    PrivateKey,
    /// The block is not what its label says.
    #[error("the key is malformed: {0}")]
    Malformed(&'static str),
    /// A kind of key that the format has no place for.
    #[error("unsupported kind of key, expected RSA of 2048 to 4096 bits, ECDSA P-256 or Ed25519")]
    Unsupported,
    /// A private key that is encrypted.
    #[error("the key is encrypted, its passphrase is needed")]
    Encrypted,
    /// An encrypted key that this passphrase does not open.
    #[error("the passphrase does not open the key, or it is encrypted in an unsupported way")]
    Passphrase,
    /// RSA outside of 2048 to 4096 bits.
    #[error("RSA keys must have 2048 to 4096 bits, this one has {0}")]
    RsaSize(usize),
    /// The cryptographic library refused to generate or sign.
    #[error("the key could not be {0}")]
    Failed(&'static str),
    /// A signature by another key, or over something else.
    #[error("the signature does not fit the key that it should fit")]
    Mismatch,
    /// What keeps the key did not sign.
    #[error("{0}")]
    External(String),
}

impl Algorithm {
    /// Returns the name used in descriptions.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::RsaPkcs1Sha256 => "rsa-pkcs1v15-sha256",
            Self::EcdsaP256Sha256 => "ecdsa-p256-sha256-raw-rs",
            Self::Ed25519 => "ed25519",
        }
    }
}

fn check_rsa_bits(bits: usize) -> Result<(), KeyError> {
    if (2048..=4096).contains(&bits) { Ok(()) } else { Err(KeyError::RsaSize(bits)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"a manifest";

    fn fixture(name: &str) -> String {
        std::fs::read_to_string(format!("{}/tests/fixtures/keys/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    #[test]
    fn every_encoding_signs_for_its_public_key_only() {
        for (kind, forms) in
            [("rsa3072", &["pkcs1", "pkcs8"][..]), ("p256", &["sec1", "pkcs8"]), ("ed25519", &["pkcs8"])]
        {
            let right = VerifyingKey::from_pem(&fixture(&format!("{kind}.public.pem"))).unwrap();
            let wrong = VerifyingKey::from_pem(&fixture(&format!("{kind}-other.public.pem"))).unwrap();
            for form in forms {
                let key = SigningKey::from_pem(&fixture(&format!("{kind}.private.{form}.pem"))).unwrap();
                let signature = key.sign(MESSAGE).unwrap();
                assert_eq!(signature, key.sign(MESSAGE).unwrap(), "signatures are deterministic");
                assert!(right.verifies(MESSAGE, &signature), "{kind} {form}");
                assert!(!right.verifies(b"another", &signature));
                assert!(!wrong.verifies(MESSAGE, &signature));
                assert_eq!(key.verifying_key().unwrap(), right);
            }
        }
    }

    #[test]
    fn generated_keys_round_trip() {
        for kind in [KeyType::P256, KeyType::Ed25519, KeyType::Rsa3072] {
            let key = SigningKey::generate(kind).unwrap();
            let again = SigningKey::from_pem(&key.to_pem().unwrap()).unwrap();
            let public = VerifyingKey::from_pem(&key.verifying_key().unwrap().to_pem()).unwrap();
            assert!(public.verifies(MESSAGE, &again.sign(MESSAGE).unwrap()), "{kind:?}");
        }
    }

    #[test]
    fn parameters_before_an_ec_key_are_skipped() {
        let pem = format!(
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{}",
            fixture("p256.private.sec1.pem")
        );
        assert!(SigningKey::from_pem(&pem).is_ok());
    }

    #[test]
    fn unsuitable_keys_are_refused() {
        let private = fixture("p256.private.pkcs8.pem");
        assert!(matches!(VerifyingKey::from_pem(&private), Err(KeyError::PrivateKey)));
        assert!(matches!(VerifyingKey::from_pem("nonsense"), Err(KeyError::NoKey(_))));
        assert!(matches!(SigningKey::from_pem(&fixture("p256.public.pem")), Err(KeyError::NoKey(_))));
    }
}
