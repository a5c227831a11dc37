use std::path::PathBuf;

use artifact::sign::{Existing, sign_file};

use super::{Failure, files};

/// Add a signature to an artifact, or replace it.
///
/// The artifact is checked whole first; everything but the signature is copied as it is.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  artifact-tool sign -k release.private.pem -o signed.mender app.mender")]
pub(crate) struct Args {
    /// Private key in PEM form: PKCS#1, SEC1 or PKCS#8
    #[arg(short, long, value_name = "KEY")]
    key: PathBuf,
    /// Where the signed artifact goes; without it the input is replaced
    #[arg(short, long, value_name = "FILE")]
    output_path: Option<PathBuf>,
    /// Replace a signature that is there
    #[arg(short, long)]
    force: bool,
    /// Artifact
    file: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let key = files::signing_key(&args.key)?;
    let existing = if args.force { Existing::Replace } else { Existing::Keep };
    let output = args.output_path.as_ref().unwrap_or(&args.file);
    sign_file(&args.file, output, &key, existing).map_err(Failure::from)
}
