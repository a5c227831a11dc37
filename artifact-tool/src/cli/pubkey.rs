use std::path::PathBuf;

use serde_json::json;

use super::{Failure, files, print};

/// Print the public half of a private key.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  artifact-tool pubkey -k release.private.pem > release.public.pem")]
pub(crate) struct Args {
    /// Private key in PEM form
    #[arg(short, long, value_name = "KEY")]
    key: PathBuf,
    /// File with the passphrase of the key [default: `SEALIFT_KEY_PASSPHRASE`, else the terminal is asked]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Print algorithm, fingerprint (SHA-256 of the DER form) and key as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let key = files::signing_key(&args.key, args.passphrase_file.as_deref())?;
    let key = key.verifying_key().map_err(|error| Failure::usage(error.to_string()))?;
    if !args.json {
        return print::data(&key.to_pem());
    }
    print::json(&json!({
        "algorithm": key.algorithm().id(),
        "fingerprint": key.fingerprint().to_string(),
        "public_key": key.to_pem(),
    }))
}
