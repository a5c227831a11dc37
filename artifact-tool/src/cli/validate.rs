use std::path::PathBuf;

use artifact::ReadOptions;
use artifact::read::Refusal;
use serde_json::{Value, json};

use super::{Failure, files, print, verifying};

/// Check a whole artifact: structure, checksums, signature.
///
/// With keys, one of them must have made the signature. A signed artifact without a key is not valid, because its
/// signature was not checked.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
artifact-tool validate -k release.public.pem app.mender\n  \
artifact-tool validate -k old.public.pem -k new.public.pem --json app.mender")]
pub(crate) struct Args {
    #[command(flatten)]
    verifying: verifying::Args,
    /// An artifact without a signature is not valid
    #[arg(long)]
    require_signature: bool,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
    /// Artifact; `-` is standard input
    file: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let trusted = args.verifying.trusted()?;
    let (file, size) = files::artifact(&args.file)?;
    let has_keys = !trusted.keys.is_empty();
    let options =
        ReadOptions { keys: trusted.keys.clone(), size, allow_augmented: true, ..ReadOptions::default() };
    let survey = artifact::read::survey(file, &options).map_err(|error| Failure::of(&args.file, error))?;
    let mut faults: Vec<String> = survey.faults.iter().map(ToString::to_string).collect();
    match survey.is_signed {
        Some(true) if !has_keys => {
            faults.push("the artifact is signed, give the key (-k) to verify its signature with".to_owned());
        }
        Some(false) if args.require_signature && !has_keys => {
            faults.push("the artifact is not signed".to_owned());
        }
        Some(_) | None => {}
    }
    let verified_by = trusted.verifier(survey.artifact.as_ref().and_then(|it| it.header.signature.as_ref()));
    if args.json {
        print::json(&json!({
            "valid": faults.is_empty(),
            "error": faults.first(),
            "errors": faults,
            "broken": survey.faults.iter().map(broken).collect::<Vec<_>>(),
            "signed": survey.is_signed,
            "verified_by": verified_by,
        }))?;
    } else if faults.is_empty() {
        print::data(&format!("Artifact file '{}' validated successfully\n", args.file.display()))?;
    }
    let Some((last, others)) = faults.split_last() else { return Ok(()) };
    for fault in others {
        print::error(&format!("{}: {fault}", args.file.display()));
    }
    Err(Failure::no(last.clone()).about(&args.file))
}

/// Describes a broken rule of the format for programs.
fn broken(refusal: &Refusal) -> Value {
    json!({
        "rule": refusal.rule.code(),
        "member": refusal.member,
        "entry": refusal.entry,
        "offset": refusal.offset,
        "message": refusal.rule.to_string(),
    })
}
