use std::path::PathBuf;

use artifact::{Artifact, ReadOptions};

use super::{Failure, describe, files, print};

/// Check an artifact and print what it contains.
///
/// With keys, one of them must have made the signature; without, the signature is only mentioned.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  artifact-tool read --json app.mender | jq .payloads")]
pub(crate) struct Args {
    /// Public key in PEM form; may be repeated, any one that fits is enough
    #[arg(short, long = "key", value_name = "PUB")]
    keys: Vec<PathBuf>,
    /// Print everything as JSON, digests of the file and its members included
    #[arg(long)]
    json: bool,
    /// Accepted for scripts; nothing here shows progress
    #[arg(long, hide = true)]
    no_progress: bool,
    /// Artifact
    file: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let keys = files::verifying_keys(&args.keys)?;
    let (file, size) = files::artifact(&args.file)?;
    let options =
        ReadOptions { keys, size, allow_augmented: true, fingerprints: args.json, ..ReadOptions::default() };
    let artifact = artifact::read::read(file, &options).map_err(|error| Failure::of(&args.file, error))?;
    if args.json {
        let name = args.file.file_name().unwrap_or_default().to_string_lossy();
        let description = describe::json(&artifact, &name, verifying_path(&artifact, &args.keys).as_deref());
        print::data(&format!("{description:#}\n"))
    } else {
        print::data(&describe::text(&artifact))
    }
}

/// Returns the path of the key that verified the signature, as it was given.
fn verifying_path(artifact: &Artifact, keys: &[PathBuf]) -> Option<String> {
    let verified = artifact.header.signature.as_ref()?.verified?;
    keys.get(verified.key_index).map(|path| path.display().to_string())
}
