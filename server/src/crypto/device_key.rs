//! The public key of a device (device protocol §1.1, §1.2).

use std::fmt;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::{self, SectionKind};
use sha2::{Digest, Sha256};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::RSAPublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// The smallest RSA modulus the server can verify with, in bits; a stricter one can be configured.
pub const RSA_BITS_FLOOR: usize = 2048;

/// The largest RSA modulus, in bits.
pub const RSA_BITS_CEILING: usize = 8192;

/// The longest PEM text that is looked at; an RSA-8192 key takes about 1,500 bytes.
const MAX_PEM_BYTES: usize = 16 * 1024;

const LABEL_START: &[u8] = b"-----BEGIN ";
const LABEL_REST: &[u8] = b"PUBLIC KEY-----";

/// The canonical SPKI of a P-256 key up to its 64 bytes of coordinates (RFC 5480 §2): named curve,
/// uncompressed point.
const P256_PREFIX: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];

/// The SPKI of an Ed25519 key up to its 32 bytes (RFC 8410 §4).
const ED25519_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

const RSA_ENCRYPTION: &str = "1.2.840.113549.1.1.1";
const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
const ED25519_OID: &str = "1.3.101.112";

/// What kind of key it is, and with that how it signs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyAlgorithm {
    /// RSA; signs PKCS#1 v1.5 with SHA-256.
    Rsa {
        /// The length of the modulus.
        bits: usize,
    },
    /// ECDSA on P-256; signs SHA-256, the signature is ASN.1.
    EcdsaP256,
    /// Pure Ed25519.
    Ed25519,
}

/// Why a text is not a device key that the server takes.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DeviceKeyError {
    /// There is no PEM block in the text, or it is not closed.
    #[error("public key is not PEM")]
    NotPem,
    /// The first PEM block is not `PUBLIC KEY`.
    #[error("PEM block is not of type PUBLIC KEY")]
    WrongLabel,
    /// The content is not the DER of a public key.
    #[error("public key is malformed")]
    Malformed,
    /// A well-formed key of a kind that the server does not verify.
    #[error("public key algorithm is not supported: use RSA, ECDSA P-256 or Ed25519")]
    Unsupported,
    /// An RSA key that is too short, too long, or has an unsafe exponent.
    #[error("RSA key is too weak or too large: {bits} bits, {min_bits} to {RSA_BITS_CEILING} are accepted")]
    Weak {
        /// The length of the modulus.
        bits: usize,
        /// The least that was asked for.
        min_bits: usize,
    },
}

/// The signature is not one by this key over this message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("signature verification failed")]
pub struct BadSignature;

/// A public key that a device can prove to hold.
///
/// Two keys are equal if and only if their SPKI is; how the PEM around it was written does not
/// matter (device protocol §1.6).
#[derive(Clone)]
pub struct DeviceKey {
    algorithm: KeyAlgorithm,
    spki_der: Vec<u8>,
    spki_sha256: [u8; 32],
    verifier: ParsedPublicKey,
}

impl DeviceKey {
    /// Reads the first PEM block of `pem`, which must be `PUBLIC KEY` (SPKI). Text around the block
    /// and the width of its lines do not matter.
    ///
    /// `rsa_min_bits` is the shortest RSA modulus to accept; less than [`RSA_BITS_FLOOR`] is never.
    pub fn from_pem(pem: &str, rsa_min_bits: usize) -> Result<Self, DeviceKeyError> {
        if pem.len() > MAX_PEM_BYTES {
            return Err(DeviceKeyError::Malformed);
        }
        require_label(pem.as_bytes())?;
        match pem::from_buf(&mut pem.as_bytes()) {
            Ok(Some((SectionKind::PublicKey, der))) => Self::from_spki_der(&der, rsa_min_bits),
            _ => Err(DeviceKeyError::NotPem),
        }
    }

    /// Reads the DER of a `SubjectPublicKeyInfo` (RFC 5280 §4.1).
    pub fn from_spki_der(der: &[u8], rsa_min_bits: usize) -> Result<Self, DeviceKeyError> {
        if let Some(point) = after(der, &P256_PREFIX, 64) {
            let uncompressed = [&[4], point].concat();
            return Self::build(
                KeyAlgorithm::EcdsaP256,
                der.to_vec(),
                &ECDSA_P256_SHA256_ASN1,
                &uncompressed,
            );
        }
        if let Some(key) = after(der, &ED25519_PREFIX, 32) {
            return Self::build(KeyAlgorithm::Ed25519, der.to_vec(), &ED25519, key);
        }
        let bits = rsa_bits(der, rsa_min_bits.max(RSA_BITS_FLOOR))?;
        let canonical = canonical_rsa(der)?;
        let key = canonical.clone();
        Self::build(KeyAlgorithm::Rsa { bits }, canonical, &RSA_PKCS1_2048_8192_SHA256, &key)
    }

    /// What kind of key it is.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The canonical DER of the `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// The SHA-256 of [`Self::spki_der`]: the key's name everywhere in the server.
    #[must_use]
    pub fn spki_sha256(&self) -> [u8; 32] {
        self.spki_sha256
    }

    /// The key as PEM, 64 columns wide, with a trailing newline: what `openssl` writes.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        for (column, character) in STANDARD.encode(&self.spki_der).chars().enumerate() {
            if column > 0 && column % 64 == 0 {
                pem.push('\n');
            }
            pem.push(character);
        }
        pem.push_str("\n-----END PUBLIC KEY-----\n");
        pem
    }

    /// Checks that the holder of this key signed exactly these bytes (device protocol §1.2).
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        self.verifier.verify_sig(message, signature).map_err(|_| BadSignature)
    }

    fn build(
        algorithm: KeyAlgorithm,
        spki_der: Vec<u8>,
        scheme: &'static dyn VerificationAlgorithm,
        key: &[u8],
    ) -> Result<Self, DeviceKeyError> {
        let verifier = ParsedPublicKey::new(scheme, key).map_err(|_| DeviceKeyError::Malformed)?;
        let spki_sha256 = Sha256::digest(&spki_der).into();
        Ok(Self { algorithm, spki_der, spki_sha256, verifier })
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

impl PartialEq for DeviceKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki_der == other.spki_der
    }
}

impl Eq for DeviceKey {}

/// Returns what follows `prefix` if that is exactly `len` bytes.
fn after<'a>(der: &'a [u8], prefix: &[u8], len: usize) -> Option<&'a [u8]> {
    der.strip_prefix(prefix).filter(|rest| rest.len() == len)
}

/// Checks the label of the first PEM block; the reader itself would skip blocks it does not know.
fn require_label(text: &[u8]) -> Result<(), DeviceKeyError> {
    let start = text
        .windows(LABEL_START.len())
        .position(|window| window == LABEL_START)
        .ok_or(DeviceKeyError::NotPem)?;
    let label = text.get(start + LABEL_START.len()..).unwrap_or_default();
    if label.starts_with(LABEL_REST) { Ok(()) } else { Err(DeviceKeyError::WrongLabel) }
}

/// Returns the length of an RSA key's modulus, or why this is not an RSA key to accept.
fn rsa_bits(der: &[u8], min_bits: usize) -> Result<usize, DeviceKeyError> {
    let (rest, spki) = SubjectPublicKeyInfo::from_der(der).map_err(|_| DeviceKeyError::Malformed)?;
    if !rest.is_empty() {
        return Err(DeviceKeyError::Malformed);
    }
    match spki.algorithm.algorithm.to_id_string().as_str() {
        RSA_ENCRYPTION => {}
        EC_PUBLIC_KEY if names_p256(&spki) => return Err(DeviceKeyError::Malformed),
        ED25519_OID => return Err(DeviceKeyError::Malformed),
        _ => return Err(DeviceKeyError::Unsupported),
    }
    let (rest, key) =
        RSAPublicKey::from_der(&spki.subject_public_key.data).map_err(|_| DeviceKeyError::Malformed)?;
    let modulus = without_leading_zeros(key.modulus);
    let exponent = without_leading_zeros(key.exponent);
    let Some(first) = modulus.first().filter(|_| rest.is_empty()) else {
        return Err(DeviceKeyError::Malformed);
    };
    let bits = modulus.len() * 8 - usize::try_from(first.leading_zeros()).unwrap_or(0);
    let exponent_is_safe =
        exponent.len() <= 8 && exponent.last().is_some_and(|last| last % 2 == 1) && exponent != [1];
    if bits < min_bits || bits > RSA_BITS_CEILING || !exponent_is_safe {
        return Err(DeviceKeyError::Weak { bits, min_bits });
    }
    Ok(bits)
}

fn names_p256(spki: &SubjectPublicKeyInfo<'_>) -> bool {
    spki.algorithm
        .parameters
        .as_ref()
        .and_then(|curve| curve.as_oid().ok())
        .is_some_and(|curve| curve.to_id_string() == "1.2.840.10045.3.1.7")
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// Decodes and encodes again, so that every spelling of a key ends as the same bytes.
fn canonical_rsa(der: &[u8]) -> Result<Vec<u8>, DeviceKeyError> {
    let key = PublicEncryptingKey::from_der(der).map_err(|_| DeviceKeyError::Malformed)?;
    let canonical: PublicKeyX509Der<'_> = key.as_der().map_err(|_| DeviceKeyError::Malformed)?;
    Ok(canonical.as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::{BadSignature, DeviceKey, DeviceKeyError, KeyAlgorithm};

    const MESSAGE: &[u8] = include_bytes!("../../testdata/keys/message.txt");
    const RSA: &str = include_str!("../../testdata/keys/rsa3072.pub.pem");
    const RSA_1024: &str = include_str!("../../testdata/keys/rsa1024.pub.pem");
    const RSA_PKCS1: &str = include_str!("../../testdata/keys/rsa3072.pkcs1.pem");
    const P256: &str = include_str!("../../testdata/keys/p256.pub.pem");
    const P256_COMPRESSED: &str = include_str!("../../testdata/keys/p256-compressed.pub.pem");
    const P384: &str = include_str!("../../testdata/keys/p384.pub.pem");
    const ED25519: &str = include_str!("../../testdata/keys/ed25519.pub.pem");

    /// Keys and signatures made by openssl, over `message.txt`.
    const VECTORS: [(&str, &str, KeyAlgorithm); 3] = [
        (RSA, include_str!("../../testdata/keys/rsa3072.sig.b64"), KeyAlgorithm::Rsa { bits: 3072 }),
        (P256, include_str!("../../testdata/keys/p256.sig.b64"), KeyAlgorithm::EcdsaP256),
        (ED25519, include_str!("../../testdata/keys/ed25519.sig.b64"), KeyAlgorithm::Ed25519),
    ];

    #[test]
    fn signatures_by_openssl_verify() {
        for (pem, signature, algorithm) in VECTORS {
            let key = DeviceKey::from_pem(pem, 2048).unwrap();
            assert_eq!(key.algorithm(), algorithm);
            assert_eq!(key.verify(MESSAGE, &STANDARD.decode(signature).unwrap()), Ok(()));
        }
    }

    #[test]
    fn one_changed_bit_is_refused() {
        for (pem, signature, _) in VECTORS {
            let key = DeviceKey::from_pem(pem, 2048).unwrap();
            let good = STANDARD.decode(signature).unwrap();
            let mut bad = good.clone();
            *bad.last_mut().unwrap() ^= 1;
            assert_eq!(key.verify(MESSAGE, &bad), Err(BadSignature));
            assert_eq!(key.verify(MESSAGE, &[]), Err(BadSignature));
            assert_eq!(key.verify(&[MESSAGE, b" "].concat(), &good), Err(BadSignature));
        }
    }

    #[test]
    fn pem_is_written_as_openssl_writes_it() {
        for pem in [RSA, P256, ED25519] {
            assert_eq!(DeviceKey::from_pem(pem, 2048).unwrap().to_pem(), pem);
        }
    }

    #[test]
    fn line_width_and_surrounding_text_do_not_matter() {
        let body: String = RSA.lines().filter(|line| !line.starts_with('-')).collect();
        let wide = format!(
            "a comment\n-----BEGIN PUBLIC KEY-----\r\n{body}\r\n-----END PUBLIC KEY-----\r\nand more text"
        );
        let key = DeviceKey::from_pem(&wide, 2048).unwrap();
        assert_eq!(key, DeviceKey::from_pem(RSA, 2048).unwrap());
        assert_eq!(key.to_pem(), RSA);
    }

    #[test]
    fn each_refusal_has_its_name() {
        let error = |pem: &str| DeviceKey::from_pem(pem, 2048).unwrap_err();
        assert_eq!(error(""), DeviceKeyError::NotPem);
        assert_eq!(error("ssh-ed25519 AAAA"), DeviceKeyError::NotPem);
        assert_eq!(error("-----BEGIN PUBLIC KEY-----\nAAAA"), DeviceKeyError::NotPem);
        assert_eq!(error(RSA_PKCS1), DeviceKeyError::WrongLabel);
        assert_eq!(error(&format!("{RSA_PKCS1}{P256}")), DeviceKeyError::WrongLabel);
        assert_eq!(
            error("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"),
            DeviceKeyError::Malformed
        );
        assert_eq!(error(&"-".repeat(20_000)), DeviceKeyError::Malformed);
        assert_eq!(error(P384), DeviceKeyError::Unsupported);
        assert_eq!(error(P256_COMPRESSED), DeviceKeyError::Malformed);
        assert_eq!(error(RSA_1024), DeviceKeyError::Weak { bits: 1024, min_bits: 2048 });
    }

    #[test]
    fn the_rsa_minimum_can_be_raised_but_not_lowered() {
        assert_eq!(DeviceKey::from_pem(RSA, 4096), Err(DeviceKeyError::Weak { bits: 3072, min_bits: 4096 }));
        assert_eq!(
            DeviceKey::from_pem(RSA_1024, 512),
            Err(DeviceKeyError::Weak { bits: 1024, min_bits: 2048 })
        );
    }

    #[test]
    fn a_point_off_the_curve_is_malformed() {
        let mut der = DeviceKey::from_pem(P256, 2048).unwrap().spki_der().to_vec();
        *der.last_mut().unwrap() ^= 1;
        assert_eq!(DeviceKey::from_spki_der(&der, 2048), Err(DeviceKeyError::Malformed));
    }
}
