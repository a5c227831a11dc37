use std::path::PathBuf;

use serde_json::json;

use super::{Failure, files, pkcs11, print};

/// Print the public half of a private key.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  artifact-tool pubkey -k release.private.pem > release.public.pem")]
pub(crate) struct Args {
    /// Private key in PEM form, or a key in a token as pkcs11: URI
    #[arg(short, long, alias = "key-pkcs11", value_name = "KEY")]
    key: PathBuf,
    /// File with the passphrase of the key [default: `SEALIFT_KEY_PASSPHRASE`, else the terminal is asked]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    module: pkcs11::Module,
    /// Print algorithm, fingerprint (SHA-256 of the DER form) and key as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let key = if pkcs11::is_uri(&args.key) {
        pkcs11::public_key(&args.key, &args.module)
    } else {
        let key = files::signing_key(&args.key, args.passphrase_file.as_deref())?;
        key.verifying_key().map_err(|error| Failure::usage(error.to_string()))
    }?;
    if !args.json {
        return print::data(&key.to_pem());
    }
    print::json(&json!({
        "algorithm": key.algorithm().id(),
        "fingerprint": key.fingerprint().to_string(),
        "public_key": key.to_pem(),
    }))
}
