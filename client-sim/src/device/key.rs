//! Keys of devices.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;

/// Kinds of keys that devices have (device protocol §1.2).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum KeyType {
    /// RSA with 3072 bits: what clients up to 4.x make.
    #[default]
    Rsa3072,
    /// ECDSA on P-256.
    P256,
    /// Ed25519: what clients from 5.0 on make.
    Ed25519,
}

/// A device's private key. It signs logins and nothing else.
pub struct DeviceKey {
    pair: Pair,
    public_key_pem: String,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

/// What can go wrong with a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The cryptographic library failed to make a key.
    #[error("failed to generate a key of type {0}")]
    Generate(KeyType),
    /// The PEM block is not PKCS#8, or holds another kind of key.
    #[error("not a PKCS#8 private key of type {0}")]
    Parse(KeyType),
    /// The cryptographic library failed to write a key.
    #[error("failed to encode a key")]
    Encode,
    /// The cryptographic library failed to sign.
    #[error("failed to sign")]
    Sign,
}

impl DeviceKey {
    /// Makes a new key. RSA takes a fifth of a second and more.
    pub fn generate(key_type: KeyType) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Generate(key_type);
        let pair = match key_type {
            KeyType::Rsa3072 => Pair::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa3072).map_err(failed)?)),
            KeyType::P256 => {
                Pair::P256(Box::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(failed)?))
            }
            KeyType::Ed25519 => Pair::Ed25519(Box::new(Ed25519KeyPair::generate().map_err(failed)?)),
        };
        Self::new(pair)
    }

    /// Reads a private key as [`Self::to_private_pem`] writes it.
    pub fn from_private_pem(key_type: KeyType, pem: &str) -> Result<Self, KeyError> {
        let der =
            PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| KeyError::Parse(key_type))?;
        Self::from_pkcs8(key_type, der.secret_pkcs8_der())
    }

    /// Reads a private key in PKCS#8 (RFC 5208).
    pub fn from_pkcs8(key_type: KeyType, der: &[u8]) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Parse(key_type);
        let pair = match key_type {
            KeyType::Rsa3072 => Pair::Rsa(Box::new(RsaKeyPair::from_pkcs8(der).map_err(failed)?)),
            KeyType::P256 => Pair::P256(Box::new(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der).map_err(failed)?,
            )),
            KeyType::Ed25519 => {
                Pair::Ed25519(Box::new(Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(failed)?))
            }
        };
        Self::new(pair)
    }

    /// The private key as a PEM block `PRIVATE KEY` (PKCS#8, RFC 5208).
    pub fn to_private_pem(&self) -> Result<String, KeyError> {
        let der = match &self.pair {
            Pair::Rsa(pair) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Encode)?;
                der.as_ref().to_vec()
            }
            Pair::P256(pair) => pair.to_pkcs8v1().map_err(|_| KeyError::Encode)?.as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.to_pkcs8v1().map_err(|_| KeyError::Encode)?.as_ref().to_vec(),
        };
        Ok(pem_block("PRIVATE KEY", &der))
    }

    /// The public key as a PEM block `PUBLIC KEY` (SPKI, RFC 5280 §4.1) with a final newline.
    #[must_use]
    pub fn public_key_pem(&self) -> &str {
        &self.public_key_pem
    }

    /// Signs a login body: PKCS#1 v1.5 with SHA-256, ASN.1 ECDSA with SHA-256, or pure Ed25519, in
    /// standard base64 (device protocol §1.2).
    pub fn sign_base64(&self, message: &[u8]) -> Result<String, KeyError> {
        self.sign(message).map(|signature| STANDARD.encode(signature))
    }

    /// Signs a login body; the raw bytes of [`Self::sign_base64`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .map_err(|_| KeyError::Sign)?;
                Ok(signature)
            }
            Pair::P256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Sign)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }

    fn new(pair: Pair) -> Result<Self, KeyError> {
        let spki = match &pair {
            Pair::Rsa(pair) => pair.public_key().as_der(),
            Pair::P256(pair) => pair.public_key().as_der(),
            Pair::Ed25519(pair) => pair.public_key().as_der(),
        }
        .map_err(|_| KeyError::Encode)?;
        Ok(Self { pair, public_key_pem: pem_block("PUBLIC KEY", spki.as_ref()) })
    }
}

impl KeyType {
    /// The name used on the command line and in file names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rsa3072 => "rsa3072",
            Self::P256 => "p256",
            Self::Ed25519 => "ed25519",
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for KeyType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Rsa3072, Self::P256, Self::Ed25519]
            .into_iter()
            .find(|key_type| key_type.name() == text)
            .ok_or_else(|| format!("`{text}` is not one of rsa3072, p256, ed25519"))
    }
}

/// RFC 7468: 64 columns and a final newline.
fn pem_block(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END ");
    pem.push_str(label);
    pem.push_str("-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
    };
    use rustls_pki_types::SubjectPublicKeyInfoDer;

    use super::{DeviceKey, KeyType, PemObject};

    #[test]
    fn every_type_survives_pem_and_signs() {
        let algorithms: [(KeyType, &'static dyn VerificationAlgorithm); 3] = [
            (KeyType::Rsa3072, &RSA_PKCS1_2048_8192_SHA256),
            (KeyType::P256, &ECDSA_P256_SHA256_ASN1),
            (KeyType::Ed25519, &ED25519),
        ];
        for (key_type, algorithm) in algorithms {
            let made = DeviceKey::generate(key_type).unwrap();
            let read = DeviceKey::from_private_pem(key_type, &made.to_private_pem().unwrap()).unwrap();
            assert_eq!(made.public_key_pem(), read.public_key_pem());
            assert!(read.public_key_pem().ends_with("-----END PUBLIC KEY-----\n"));
            let spki = SubjectPublicKeyInfoDer::from_pem_slice(read.public_key_pem().as_bytes()).unwrap();
            let public = ParsedPublicKey::new(algorithm, spki.as_ref()).unwrap();
            public.verify_sig(b"body\n", &read.sign(b"body\n").unwrap()).unwrap();
        }
    }

    #[test]
    fn another_kind_of_key_is_refused() {
        let pem = DeviceKey::generate(KeyType::P256).unwrap().to_private_pem().unwrap();
        assert!(DeviceKey::from_private_pem(KeyType::Ed25519, &pem).is_err());
    }
}
