//! Which keys are trusted.

use std::path::{Path, PathBuf};

use artifact::VerifyingKey;

use super::signing::Cloud;
use super::{Failure, files, pkcs11};

/// Keys to verify signatures with.
#[derive(Debug, clap::Args)]
#[group(id = "verifying")]
pub(crate) struct Args {
    /// Public key or certificate in PEM form, or a key in a token as pkcs11: URI; may be repeated, any one that fits is
    /// enough
    #[arg(short, long = "key", alias = "key-pkcs11", value_name = "PUB")]
    keys: Vec<PathBuf>,
    #[command(flatten)]
    module: pkcs11::Module,
    #[command(flatten)]
    cloud: Cloud,
}

/// The keys that were given, and what they were called.
pub(super) struct Trusted {
    pub(super) keys: Vec<VerifyingKey>,
    names: Vec<String>,
}

impl Args {
    pub(super) fn trusted(&self) -> Result<Trusted, Failure> {
        self.cloud.refuse("save the public key to a file and give it with -k")?;
        Ok(Trusted {
            keys: self.keys.iter().map(|key| self.read(key)).collect::<Result<_, _>>()?,
            names: self.keys.iter().map(|path| path.display().to_string()).collect(),
        })
    }

    fn read(&self, key: &Path) -> Result<VerifyingKey, Failure> {
        if pkcs11::is_uri(key) { pkcs11::public_key(key, &self.module) } else { files::verifying_key(key) }
    }
}

impl Trusted {
    /// Returns how the key that verified the signature was given.
    pub(super) fn verifier(&self, signature: Option<&artifact::Signature>) -> Option<&str> {
        let verified = signature?.verified?;
        self.names.get(verified.key_index).map(String::as_str)
    }
}
