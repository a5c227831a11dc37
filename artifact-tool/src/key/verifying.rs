use std::fmt;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
};
use p256::pkcs8::der::asn1::UintRef;
use p256::pkcs8::der::pem::LineEnding;
use p256::pkcs8::der::{self, Decode, Reader, SliceReader};
use p256::pkcs8::spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::pkcs8::EncodePublicKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer};

use super::{Algorithm, KeyError, check_rsa_bits};
use crate::digest::Digest;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ED25519_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// A public key: RSA of 2048 to 4096 bits, ECDSA P-256 or Ed25519.
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    parsed: ParsedPublicKey,
    spki: Vec<u8>,
}

impl VerifyingKey {
    /// Reads a key in PEM form: a `PUBLIC KEY` block (SPKI, RFC 5280 §4.1), an `RSA PUBLIC KEY` (PKCS#1, RFC 8017
    /// §A.1.1), or the first `CERTIFICATE` (RFC 5280), of which nothing but the key counts.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        if let Ok(der) = CertificateDer::from_pem_slice(pem.as_bytes()) {
            let (_, certificate) = x509_parser::parse_x509_certificate(&der)
                .map_err(|_| KeyError::Malformed("not an X.509 certificate"))?;
            return Self::from_der(certificate.public_key().raw);
        }
        if pem.contains("-----BEGIN RSA PUBLIC KEY-----") {
            let key = rsa::RsaPublicKey::from_pkcs1_pem(pem.trim())
                .map_err(|_| KeyError::Malformed("not an RSA public key"))?;
            let spki = key.to_public_key_der().map_err(|_| KeyError::Malformed("not an RSA public key"))?;
            return Self::from_der(spki.as_bytes());
        }
        match SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()) {
            Ok(der) => Self::from_der(&der),
            Err(_) if PrivateKeyDer::from_pem_slice(pem.as_bytes()).is_ok() => Err(KeyError::PrivateKey),
            Err(_) => Err(KeyError::NoKey("public key (PUBLIC KEY)")),
        }
    }

    /// Reads a key in DER form, an SPKI structure (RFC 5280 §4.1).
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let info = SubjectPublicKeyInfoRef::try_from(der)
            .map_err(|_| KeyError::Malformed("not a SubjectPublicKeyInfo"))?;
        let bytes =
            info.subject_public_key.as_bytes().ok_or(KeyError::Malformed("the key is not whole bytes"))?;
        let (algorithm, verification): (_, &'static dyn VerificationAlgorithm) = match info.algorithm.oid {
            RSA => {
                check_rsa_bits(rsa_bits(bytes).map_err(|_| KeyError::Malformed("not an RSA key"))?)?;
                (Algorithm::RsaPkcs1Sha256, &RSA_PKCS1_2048_8192_SHA256)
            }
            EC if info.algorithm.parameters_oid() == Ok(P256) => {
                (Algorithm::EcdsaP256Sha256, &ECDSA_P256_SHA256_FIXED)
            }
            ED25519_OID => (Algorithm::Ed25519, &ED25519),
            _ => return Err(KeyError::Unsupported),
        };
        let parsed = ParsedPublicKey::new(verification, bytes)
            .map_err(|_| KeyError::Malformed("not a key of its kind"))?;
        Ok(Self { algorithm, parsed, spki: der.to_vec() })
    }

    /// Returns the algorithm of the key.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns true if `signature` is this key's over exactly `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }

    /// Returns the key as an SPKI structure in DER form.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Returns the digest of [`spki`](Self::spki), which names the key.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&self.spki)
    }

    /// Returns the key as a `PUBLIC KEY` block.
    #[must_use]
    pub fn to_pem(&self) -> String {
        // Encoding fails only for a label that is not ASCII.
        der::pem::encode_string("PUBLIC KEY", LineEnding::LF, &self.spki).unwrap_or_default()
    }
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for VerifyingKey {}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("algorithm", &self.algorithm)
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}

/// Returns the length of the modulus of a PKCS#1 `RSAPublicKey` (RFC 8017 §A.1.1).
fn rsa_bits(der: &[u8]) -> Result<usize, der::Error> {
    let mut reader = SliceReader::new(der)?;
    let modulus = reader.sequence(|reader| {
        let modulus = UintRef::decode(reader)?;
        UintRef::decode(reader).map(|_exponent| modulus)
    })?;
    let leading = modulus.as_bytes().first().map_or(0, |byte| byte.leading_zeros());
    Ok((modulus.as_bytes().len() * 8).saturating_sub(usize::try_from(leading).unwrap_or_default()))
}
