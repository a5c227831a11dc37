use std::fmt;
use std::str::FromStr;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use ed25519_dalek::Signer as _;
use p256::pkcs8::der::pem::LineEnding;
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
use pkcs8::{EncryptedPrivateKeyInfoRef, SecretDocument};
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey as DecodeRsaPrivateKey;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use zeroize::Zeroizing;

use super::{Algorithm, KeyError, Signer, VerifyingKey, check_rsa_bits};

const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
const ENCRYPTED_END: &str = "-----END ENCRYPTED PRIVATE KEY-----";

/// A private key: RSA of 2048 to 4096 bits, ECDSA P-256 or Ed25519.
pub struct SigningKey(Inner);

/// Kinds of key that can be generated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyType {
    /// RSA with 3072 bits.
    Rsa3072,
    /// ECDSA over P-256.
    P256,
    /// Ed25519.
    Ed25519,
}

enum Inner {
    Rsa(Box<RsaKeyPair>),
    P256(p256::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

impl SigningKey {
    /// Makes a new key from the system's randomness.
    pub fn generate(kind: KeyType) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Failed("generated");
        let inner = match kind {
            KeyType::Rsa3072 => Inner::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa3072).map_err(failed)?)),
            KeyType::P256 => loop {
                // A random value is out of the curve's order once in 2^32 tries.
                if let Ok(key) = p256::ecdsa::SigningKey::from_slice(random_32().map_err(failed)?.as_slice())
                {
                    break Inner::P256(key);
                }
            },
            KeyType::Ed25519 => {
                Inner::Ed25519(ed25519_dalek::SigningKey::from_bytes(&*random_32().map_err(failed)?))
            }
        };
        Ok(Self(inner))
    }

    /// Reads a key in PEM form: PKCS#1 (RFC 8017 §A.1.2), SEC1 (RFC 5915), PKCS#8 (RFC 5958).
    ///
    /// Other blocks before it, such as `EC PARAMETERS`, are skipped.
    ///
    /// # Errors
    ///
    /// [`KeyError::Encrypted`] for a key that [`from_encrypted_pem`](Self::from_encrypted_pem) reads.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        if pem.contains(ENCRYPTED) {
            return Err(KeyError::Encrypted);
        }
        if pem.contains("Proc-Type: 4,ENCRYPTED") {
            return Err(KeyError::Malformed(
                "the old way to encrypt keys is not supported, `openssl pkcs8 -topk8` makes a new one",
            ));
        }
        let der =
            PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| KeyError::NoKey("private key"))?;
        match &der {
            PrivateKeyDer::Pkcs1(der) => Self::rsa(RsaKeyPair::from_der(der.secret_pkcs1_der()).ok()),
            PrivateKeyDer::Sec1(der) => p256::SecretKey::from_sec1_der(der.secret_sec1_der())
                .map(|key| Self(Inner::P256(key.into())))
                .map_err(|_| KeyError::Malformed("not an ECDSA P-256 key")),
            PrivateKeyDer::Pkcs8(der) => Self::from_pkcs8(der.secret_pkcs8_der()),
            _ => Err(KeyError::Unsupported),
        }
    }

    /// Reads an encrypted key in PEM form: PKCS#8 with PBES2 (RFC 8018 §6.2), which is what OpenSSL writes.
    pub fn from_encrypted_pem(pem: &str, passphrase: &[u8]) -> Result<Self, KeyError> {
        let start = pem.find(ENCRYPTED).ok_or(KeyError::NoKey("encrypted private key"))?;
        let block = pem.get(start..).unwrap_or_default();
        let end = block.find(ENCRYPTED_END).ok_or(KeyError::NoKey("encrypted private key"))?;
        let block = block.get(..end + ENCRYPTED_END.len()).unwrap_or_default();
        let (_, document) = SecretDocument::from_pem(block)
            .map_err(|_| KeyError::Malformed("not an encrypted private key"))?;
        let info = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes())
            .map_err(|_| KeyError::Malformed("not an encrypted private key"))?;
        let opened = info.decrypt(passphrase).map_err(|_| KeyError::Passphrase)?;
        Self::from_pkcs8(opened.as_bytes())
    }

    /// Returns the algorithm of the key.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self.0 {
            Inner::Rsa(_) => Algorithm::RsaPkcs1Sha256,
            Inner::P256(_) => Algorithm::EcdsaP256Sha256,
            Inner::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// Signs `message`; the same message always gives the same bytes (ECDSA by RFC 6979).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.0 {
            Inner::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .map_err(|_| KeyError::Failed("used to sign"))?;
                Ok(signature)
            }
            Inner::P256(key) => {
                let signature: p256::ecdsa::Signature =
                    key.try_sign(message).map_err(|_| KeyError::Failed("used to sign"))?;
                Ok(signature.to_bytes().to_vec())
            }
            Inner::Ed25519(key) => Ok(key.sign(message).to_bytes().to_vec()),
        }
    }

    /// Returns the public half.
    pub fn verifying_key(&self) -> Result<VerifyingKey, KeyError> {
        let failed = KeyError::Failed("turned into its public half");
        let spki = match &self.0 {
            Inner::Rsa(key) => {
                let der: Result<PublicKeyX509Der<'_>, _> = key.public_key().as_der();
                der.map(|der| der.as_ref().to_vec()).map_err(|_| failed)?
            }
            Inner::P256(key) => key
                .verifying_key()
                .to_public_key_der()
                .map(|der| der.as_bytes().to_vec())
                .map_err(|_| failed)?,
            Inner::Ed25519(key) => key
                .verifying_key()
                .to_public_key_der()
                .map(|der| der.as_bytes().to_vec())
                .map_err(|_| failed)?,
        };
        VerifyingKey::from_der(&spki)
    }

    /// Returns the key in the PEM form that most tools read: PKCS#1, SEC1, and PKCS#8 for Ed25519.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let failed = KeyError::Failed("encoded");
        match &self.0 {
            Inner::Rsa(key) => {
                let pkcs8: Pkcs8V1Der<'_> = key.as_der().map_err(|_| KeyError::Failed("encoded"))?;
                rsa::RsaPrivateKey::from_pkcs8_der(pkcs8.as_ref())
                    .map_err(|_| KeyError::Failed("encoded"))?
                    .to_pkcs1_pem(rsa::pkcs8::LineEnding::LF)
                    .map_err(|_| failed)
            }
            Inner::P256(key) => p256::SecretKey::from(key).to_sec1_pem(LineEnding::LF).map_err(|_| failed),
            Inner::Ed25519(key) => {
                // Without the public half: the short form (RFC 8410 §7) is what other tools read.
                ed25519_dalek::pkcs8::KeypairBytes { secret_key: key.to_bytes(), public_key: None }
                    .to_pkcs8_pem(LineEnding::LF)
                    .map_err(|_| failed)
            }
        }
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        if let Ok(key) = p256::SecretKey::from_pkcs8_der(der) {
            return Ok(Self(Inner::P256(key.into())));
        }
        if let Ok(key) = ed25519_dalek::SigningKey::from_pkcs8_der(der) {
            return Ok(Self(Inner::Ed25519(key)));
        }
        match RsaKeyPair::from_pkcs8(der) {
            Ok(key) => Self::rsa(Some(key)),
            Err(_) => Err(KeyError::Unsupported),
        }
    }

    fn rsa(key: Option<RsaKeyPair>) -> Result<Self, KeyError> {
        let key = key.ok_or(KeyError::Malformed("not an RSA key of 2048 to 4096 bits"))?;
        check_rsa_bits(key.public_modulus_len() * 8)?;
        Ok(Self(Inner::Rsa(Box::new(key))))
    }
}

impl Signer for SigningKey {
    fn sign(&self, manifest: &[u8]) -> Result<Vec<u8>, KeyError> {
        Self::sign(self, manifest)
    }
}

impl FromStr for KeyType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "rsa3072" => Ok(Self::Rsa3072),
            "p256" => Ok(Self::P256),
            "ed25519" => Ok(Self::Ed25519),
            _ => Err(format!("unknown kind of key {text:?}, expected rsa3072, p256 or ed25519")),
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm()).finish_non_exhaustive()
    }
}

fn random_32() -> Result<Zeroizing<[u8; 32]>, aws_lc_rs::error::Unspecified> {
    let mut bytes = Zeroizing::new([0; 32]);
    SystemRandom::new().fill(bytes.as_mut_slice())?;
    Ok(bytes)
}
