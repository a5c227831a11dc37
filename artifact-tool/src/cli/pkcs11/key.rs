//! Signing inside a token.

use std::path::Path;

use artifact::{Algorithm, Digest, KeyError, Signer, VerifyingKey};
use cryptoki::error::Error;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};

use super::module::{Module, Opened};
use super::public;
use crate::cli::{Failure, print};

/// What stands before a SHA-256 in a signature of RSA PKCS#1 v1.5 (RFC 8017 §9.2, note 1).
const DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// A private key that stays in its token.
pub(in crate::cli) struct TokenKey {
    opened: Opened,
    private: ObjectHandle,
    algorithm: Algorithm,
    public: Option<VerifyingKey>,
}

impl TokenKey {
    /// Finds the private key that a URI names, and logs in for it.
    pub(in crate::cli) fn open(argument: &Path, module: &Module) -> Result<Self, Failure> {
        let opened = Opened::open(argument, module)?;
        opened.log_in()?;
        let private = opened.find(ObjectClass::PRIVATE_KEY, "private key")?;
        let (kind, id) = attributes(&opened, private)?;
        let algorithm = match kind {
            Some(KeyType::RSA) => Algorithm::RsaPkcs1Sha256,
            Some(KeyType::EC) => Algorithm::EcdsaP256Sha256,
            Some(KeyType::EC_EDWARDS) => Algorithm::Ed25519,
            _ => return Err(opened.failure(KeyError::Unsupported)),
        };
        let public = public_half(&opened, private, algorithm, id)?;
        if algorithm == Algorithm::Ed25519 {
            print::warning("no Mender client accepts Ed25519 signatures, they are an extension");
        }
        Ok(Self { opened, private, algorithm, public })
    }

    fn sign_raw(&self, manifest: &[u8]) -> Result<Vec<u8>, Error> {
        let session = &self.opened.session;
        match self.algorithm {
            Algorithm::RsaPkcs1Sha256 => {
                let mechanisms = self.opened.module.get_mechanism_list(self.opened.slot)?;
                if mechanisms.contains(&MechanismType::SHA256_RSA_PKCS) {
                    return session.sign(&Mechanism::Sha256RsaPkcs, self.private, manifest);
                }
                let hashed = [&DIGEST_INFO[..], Digest::of(manifest).as_bytes()].concat();
                session.sign(&Mechanism::RsaPkcs, self.private, &hashed)
            }
            // The token signs a digest and answers r ‖ s, which is what artifacts have.
            Algorithm::EcdsaP256Sha256 => {
                session.sign(&Mechanism::Ecdsa, self.private, Digest::of(manifest).as_bytes())
            }
            Algorithm::Ed25519 => {
                let pure = EddsaParams::new(EddsaSignatureScheme::Ed25519);
                session.sign(&Mechanism::Eddsa(pure), self.private, manifest)
            }
        }
    }
}

impl Signer for TokenKey {
    fn sign(&self, manifest: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = self.sign_raw(manifest).map_err(|error| {
            KeyError::External(format!("{}: the token did not sign: {error}", self.opened.uri.text))
        })?;
        match &self.public {
            Some(key) if !key.verifies(manifest, &signature) => Err(KeyError::Mismatch),
            Some(_) | None => Ok(signature),
        }
    }
}

/// Returns the kind and the id of a key.
fn attributes(opened: &Opened, key: ObjectHandle) -> Result<(Option<KeyType>, Option<Vec<u8>>), Failure> {
    let wanted = [AttributeType::KeyType, AttributeType::Id];
    let found = opened.session.get_attributes(key, &wanted).map_err(|error| opened.failure(error))?;
    let kind = found.iter().find_map(|it| if let Attribute::KeyType(kind) = it { Some(*kind) } else { None });
    let id = found.into_iter().find_map(|it| if let Attribute::Id(id) = it { Some(id) } else { None });
    Ok((kind, id.filter(|id| !id.is_empty())))
}

/// Finds the public half: in the private key itself for RSA, else in the public key of the same id.
fn public_half(
    opened: &Opened,
    private: ObjectHandle,
    algorithm: Algorithm,
    id: Option<Vec<u8>>,
) -> Result<Option<VerifyingKey>, Failure> {
    let key = match (algorithm, id) {
        (Algorithm::RsaPkcs1Sha256, _) => Some(private),
        (Algorithm::EcdsaP256Sha256 | Algorithm::Ed25519, Some(id)) => {
            let template = [Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::Id(id)];
            let found = opened.session.find_objects(&template).map_err(|error| opened.failure(error))?;
            found.first().copied()
        }
        (Algorithm::EcdsaP256Sha256 | Algorithm::Ed25519, None) => None,
    };
    key.map(|key| public::read(&opened.session, key)).transpose().map_err(|why| opened.failure(why))
}
