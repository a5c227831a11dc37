//! Which keys are trusted.

use std::path::PathBuf;

use artifact::VerifyingKey;

use super::signing::Cloud;
use super::{Failure, files};

/// Keys to verify signatures with.
#[derive(Debug, clap::Args)]
#[group(id = "verifying")]
pub(crate) struct Args {
    /// Public key or certificate in PEM form; may be repeated, any one that fits is enough
    #[arg(short, long = "key", value_name = "PUB")]
    keys: Vec<PathBuf>,
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
            keys: self.keys.iter().map(|path| files::verifying_key(path)).collect::<Result<_, _>>()?,
            names: self.keys.iter().map(|path| path.display().to_string()).collect(),
        })
    }
}

impl Trusted {
    /// Returns how the key that verified the signature was given.
    pub(super) fn verifier(&self, signature: Option<&artifact::Signature>) -> Option<&str> {
        let verified = signature?.verified?;
        self.names.get(verified.key_index).map(String::as_str)
    }
}
