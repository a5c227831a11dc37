//! RSA-3072 keys that devices share: making one takes a quarter of a second.

use std::fs;
use std::path::Path;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealift::crypto::device_key::DeviceKey;
use sealift::crypto::hex;
use sha2::{Digest as _, Sha256};

use crate::numbers::narrow;
use crate::{Outcome, files, say};

/// The keys.
pub(crate) struct KeyPool {
    keys: Vec<PooledKey>,
}

/// One of them.
pub(crate) struct PooledKey {
    pair: RsaKeyPair,
    /// As devices send it.
    pub(crate) pem: String,
    /// SHA-256 of its SPKI.
    pub(crate) spki_sha256: [u8; 32],
    spki: Vec<u8>,
}

impl KeyPool {
    /// Opens the keys of the cache, and makes those that are missing.
    pub(crate) fn open(count: usize) -> Outcome<Self> {
        let directory = files::cache().join("keys");
        fs::create_dir_all(&directory)?;
        let mut keys = Vec::with_capacity(count);
        for at in 0..count {
            let path = directory.join(format!("{at:02}.pk8"));
            if !path.is_file() {
                say(&format!("making RSA-3072 key {} of {count}", at + 1));
                let pair = RsaKeyPair::generate(KeySize::Rsa3072)?;
                let pkcs8: Pkcs8V1Der<'_> = pair.as_der()?;
                files::put(&path, pkcs8.as_ref())?;
            }
            keys.push(PooledKey::parse(&fs::read(&path)?)?);
        }
        Ok(Self { keys })
    }

    /// How many they are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Tells these keys from others.
    pub(crate) fn name(&self) -> String {
        let mut hasher = Sha256::new();
        for key in &self.keys {
            hasher.update(key.spki_sha256);
        }
        hex(&hasher.finalize())
    }

    /// The place of a device's key.
    pub(crate) fn place_of(&self, device: u64) -> usize {
        narrow(device) % self.keys.len()
    }

    /// The key of a device.
    pub(crate) fn of(&self, device: u64) -> Outcome<&PooledKey> {
        self.keys.get(self.place_of(device)).ok_or_else(|| "no keys".into())
    }

    /// Leaves the public keys where a floor finds them.
    pub(crate) fn publish(&self, directory: &Path) -> Outcome<()> {
        for (at, key) in self.keys.iter().enumerate() {
            fs::write(directory.join(format!("{at:02}.spki")), &key.spki)?;
        }
        Ok(())
    }

    /// The public keys that were left there, as SPKI.
    pub(crate) fn public_keys(directory: &Path) -> Outcome<Vec<Vec<u8>>> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "spki") {
                paths.push(path);
            }
        }
        paths.sort();
        paths.into_iter().map(|path| Ok(fs::read(path)?)).collect()
    }
}

impl PooledKey {
    fn parse(pkcs8: &[u8]) -> Outcome<Self> {
        let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|err| format!("a pooled key: {err}"))?;
        let spki: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
        let key = DeviceKey::from_spki_der(spki.as_ref(), 3072)?;
        let spki = key.spki_der().to_vec();
        Ok(Self { pair, pem: key.to_pem(), spki_sha256: key.spki_sha256(), spki })
    }

    /// Signs a login, in base64.
    pub(crate) fn sign(&self, body: &[u8]) -> Outcome<String> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), body, &mut signature)?;
        Ok(STANDARD.encode(signature))
    }
}
