//! Signatures of artifacts that are changed: never dropped without being told.

use artifact::{Artifact, Signer};

use super::{Failure, signing};

/// Flags of commands that change an artifact.
#[derive(Debug, clap::Args)]
#[group(id = "resign")]
pub(crate) struct Args {
    #[command(flatten)]
    signing: signing::Args,
    /// Drop the signature, which no longer fits
    #[arg(long, conflicts_with = "signer")]
    unsign: bool,
}

impl Args {
    /// Returns what signs the changed artifact.
    ///
    /// # Errors
    ///
    /// If the artifact was signed, and would not be any longer without that having been asked for.
    pub(super) fn signer(&self, artifact: &Artifact) -> Result<Option<Box<dyn Signer>>, Failure> {
        let signer = self.signing.signer()?;
        if signer.is_none() && artifact.header.signature.is_some() && !self.unsign {
            return Err(Failure::usage(
                "the artifact is signed, and the change voids its signature: sign it again with -k, or drop the \
                 signature with --unsign",
            ));
        }
        Ok(signer)
    }
}
