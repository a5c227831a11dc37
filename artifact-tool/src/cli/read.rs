use std::path::{Path, PathBuf};

use artifact::{Artifact, ReadOptions};

use super::{Failure, describe, files, print, verifying};

/// Check an artifact and print what it contains.
///
/// With keys, one of them must have made the signature; without, the signature is only mentioned.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  artifact-tool read --json app.mender | jq .payloads")]
pub(crate) struct Args {
    #[command(flatten)]
    verifying: verifying::Args,
    /// Print everything as JSON, digests of the file and its members included
    #[arg(long)]
    json: bool,
    /// Accepted for scripts; nothing here shows progress
    #[arg(long, hide = true)]
    no_progress: bool,
    /// Artifact; `-` is standard input
    file: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let trusted = args.verifying.trusted()?;
    let (file, size) = files::artifact(&args.file)?;
    let options = ReadOptions {
        keys: trusted.keys.clone(),
        size,
        allow_augmented: true,
        fingerprints: args.json,
        ..ReadOptions::default()
    };
    let artifact = artifact::read::read(file, &options).map_err(|error| Failure::of(&args.file, error))?;
    if args.json {
        print_json(&artifact, &args.file, trusted.verifier(artifact.header.signature.as_ref()))
    } else {
        print::data(&describe::text(&artifact))
    }
}

/// Reads an artifact that was just written, and prints what it contains as JSON.
pub(super) fn describe_json(path: &Path) -> Result<(), Failure> {
    let (file, size) = files::artifact(path)?;
    let options = ReadOptions { size, allow_augmented: true, fingerprints: true, ..ReadOptions::default() };
    let artifact = artifact::read::read(file, &options).map_err(|error| Failure::of(path, error))?;
    print_json(&artifact, path, None)
}

fn print_json(artifact: &Artifact, path: &Path, verifier: Option<&str>) -> Result<(), Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    print::json(&describe::json(artifact, &name, verifier))
}
