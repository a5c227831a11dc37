use std::path::PathBuf;

use artifact::ReadOptions;
use serde_json::json;

use super::{Failure, files, print};

/// Check a whole artifact: structure, checksums, signature.
///
/// With keys, one of them must have made the signature. A signed artifact without a key is not valid, because its
/// signature was not checked.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
artifact-tool validate -k release.public.pem app.mender\n  \
artifact-tool validate -k old.public.pem -k new.public.pem --json app.mender")]
pub(crate) struct Args {
    /// Public key in PEM form; may be repeated, any one that fits is enough
    #[arg(short, long = "key", value_name = "PUB")]
    keys: Vec<PathBuf>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
    /// Artifact
    file: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let keys = files::verifying_keys(&args.keys)?;
    let (file, size) = files::artifact(&args.file)?;
    let options = ReadOptions { keys, size, allow_augmented: true, ..ReadOptions::default() };
    let answer = artifact::read::read(file, &options).map_err(|error| Failure::of(&args.file, error));
    let answer = answer.and_then(|artifact| match artifact.header.signature {
        Some(_) if args.keys.is_empty() => Err(Failure::no(format!(
            "{}: the artifact is signed, give the key (-k) to verify its signature with",
            args.file.display()
        ))),
        Some(_) | None => Ok(()),
    });
    if args.json {
        let error = answer.as_ref().err().filter(|failure| failure.status == 1);
        if answer.is_ok() || error.is_some() {
            let error = error.map(|failure| failure.message.as_str());
            print::data(&format!("{}\n", json!({"valid": error.is_none(), "error": error})))?;
        }
    } else if answer.is_ok() {
        print::data(&format!("Artifact file '{}' validated successfully\n", args.file.display()))?;
    }
    answer
}
