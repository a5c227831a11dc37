//! Public keys as tokens keep them.

use artifact::{KeyError, VerifyingKey};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectHandle};
use cryptoki::session::Session;
use p256::pkcs8::EncodePublicKey as _;
use rsa::pkcs8::EncodePublicKey as _;

/// An octet string of the length that follows (X.690 §8.7), which PKCS#11 puts around points.
const OCTET_STRING: u8 = 4;

/// Reads a public key; that of ECDSA and Ed25519 is in the public object only.
pub(super) fn read(session: &Session, key: ObjectHandle) -> Result<VerifyingKey, String> {
    let wanted = [
        AttributeType::KeyType,
        AttributeType::Modulus,
        AttributeType::PublicExponent,
        AttributeType::EcPoint,
    ];
    let (mut kind, mut modulus, mut exponent, mut point) = (None, None, None, None);
    let attributes = session.get_attributes(key, &wanted).map_err(|error| error.to_string())?;
    for attribute in &attributes {
        if let Attribute::KeyType(found) = attribute {
            kind = Some(*found);
        }
        if let Attribute::Modulus(bytes) = attribute {
            modulus = Some(rsa::BigUint::from_bytes_be(bytes));
        }
        if let Attribute::PublicExponent(bytes) = attribute {
            exponent = Some(rsa::BigUint::from_bytes_be(bytes));
        }
        if let Attribute::EcPoint(bytes) = attribute {
            point = Some(bytes.as_slice());
        }
    }
    let spki = match (kind, modulus, exponent, point.and_then(unwrapped)) {
        (Some(KeyType::RSA), Some(modulus), Some(exponent), _) => rsa_spki(modulus, exponent),
        (Some(KeyType::EC), _, _, Some(point)) => p256_spki(point),
        (Some(KeyType::EC_EDWARDS), _, _, Some(point)) => ed25519_spki(point),
        _ => None,
    };
    let spki = spki.ok_or_else(|| KeyError::Unsupported.to_string())?;
    VerifyingKey::from_der(&spki).map_err(|error| error.to_string())
}

/// Takes the point out of the octet string around it; some tokens leave it away.
fn unwrapped(value: &[u8]) -> Option<&[u8]> {
    match value {
        [OCTET_STRING, length, point @ ..] if usize::from(*length) == point.len() => Some(point),
        [_, ..] => Some(value),
        [] => None,
    }
}

fn rsa_spki(modulus: rsa::BigUint, exponent: rsa::BigUint) -> Option<Vec<u8>> {
    let key = rsa::RsaPublicKey::new(modulus, exponent).ok()?;
    Some(key.to_public_key_der().ok()?.as_bytes().to_vec())
}

fn p256_spki(point: &[u8]) -> Option<Vec<u8>> {
    let key = p256::PublicKey::from_sec1_bytes(point).ok()?;
    Some(key.to_public_key_der().ok()?.as_bytes().to_vec())
}

fn ed25519_spki(point: &[u8]) -> Option<Vec<u8>> {
    let key = ed25519_dalek::VerifyingKey::from_bytes(point.try_into().ok()?).ok()?;
    Some(key.to_public_key_der().ok()?.as_bytes().to_vec())
}
