//! What a device proves itself with (device protocol §1.2).

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A private key.
pub enum DeviceKey {
    /// RSA, signs with PKCS#1 v1.5 and SHA-256.
    Rsa(Box<RsaKeyPair>),
    /// ECDSA on P-256, signs with SHA-256 and an ASN.1 signature.
    P256(Box<EcdsaKeyPair>),
    /// Ed25519, signs the message itself.
    Ed25519(Box<Ed25519KeyPair>),
}

impl DeviceKey {
    /// Makes an RSA key of 2048 bits.
    pub fn rsa() -> Self {
        Self::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key can be generated")))
    }

    /// Makes a P-256 key.
    pub fn p256() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING);
        Self::P256(Box::new(key.expect("a key can be generated")))
    }

    /// Makes an Ed25519 key.
    pub fn ed25519() -> Self {
        Self::Ed25519(Box::new(Ed25519KeyPair::generate().expect("a key can be generated")))
    }

    /// Returns the public key as the client sends it: SPKI PEM with a newline at the end.
    pub fn public_pem(&self) -> String {
        pem(&self.public_der(), 64)
    }

    /// Returns the public key as DER (RFC 5280 §4.1, `SubjectPublicKeyInfo`).
    pub fn public_der(&self) -> Vec<u8> {
        let der: Result<PublicKeyX509Der<'_>, _> = match self {
            Self::Rsa(key) => key.public_key().as_der(),
            Self::P256(key) => key.public_key().as_der(),
            Self::Ed25519(key) => key.public_key().as_der(),
        };
        der.expect("a public key has a DER form").as_ref().to_vec()
    }

    /// Signs the exact bytes of a request body; base64 with padding, one line.
    pub fn sign(&self, body: &[u8]) -> String {
        let random = SystemRandom::new();
        let signature = match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, body, &mut signature).expect("the key signs");
                signature
            }
            Self::P256(key) => key.sign(&random, body).expect("the key signs").as_ref().to_vec(),
            Self::Ed25519(key) => key.sign(body).as_ref().to_vec(),
        };
        STANDARD.encode(signature)
    }
}

/// Writes a public key as PEM with lines of this width.
pub fn pem(der: &[u8], width: usize) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(width)
        .map(|line| std::str::from_utf8(line).expect("base64 is ASCII"))
        .collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}
