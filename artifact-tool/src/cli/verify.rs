use std::path::{Path, PathBuf};

use artifact::{Artifact, ReadOptions, VerifyingKey, glob};
use serde::Deserialize;
use serde_json::json;

use super::{Failure, files, print, size};

/// Largest policy.
const MAX_POLICY: u64 = 256 * 1024;

/// Check an artifact against a policy: which keys may sign, which devices it may be for, what it may be called.
///
/// Every rule of the policy that is broken is told.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The policy is a TOML file; every key is optional:
  keys = [\"release.public.pem\"]       one of them must have signed; paths from the policy's folder
  require_signature = true            the default as soon as there are keys
  device_types = [\"beaglebone\"]       it is for no others
  name = \"release-*\"                  * is any run of characters
  payload_types = [\"rootfs-image\"]    it has no others
  max_size = \"200MB\"
  allow_unsigned_additions = false

Example:
  artifact-tool verify --policy release.toml app.mender")]
pub(crate) struct Args {
    /// Policy
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
    /// Artifact; `-` is standard input
    file: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Policy {
    #[serde(default)]
    keys: Vec<PathBuf>,
    require_signature: Option<bool>,
    device_types: Option<Vec<String>>,
    name: Option<String>,
    payload_types: Option<Vec<String>>,
    max_size: Option<String>,
    #[serde(default)]
    allow_unsigned_additions: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let policy = Policy::read(&args.policy)?;
    let keys = policy.read_keys(&args.policy)?;
    let max_size = policy.max_size.as_deref().map(size::parse).transpose();
    let max_size =
        max_size.map_err(|error| Failure::usage(format!("{}: max_size: {error}", args.policy.display())))?;
    let (file, size) = files::artifact(&args.file)?;
    let must_be_signed = policy.require_signature.unwrap_or(!keys.is_empty());
    let has_keys = !keys.is_empty();
    let options = ReadOptions { keys, size, allow_augmented: true, ..ReadOptions::default() };
    let survey = artifact::read::survey(file, &options).map_err(|error| Failure::of(&args.file, error))?;
    // A policy may have keys and still allow unsigned artifacts; a wrong signature is never allowed.
    let is_allowed = |fault: &artifact::read::Refusal| {
        !must_be_signed && matches!(fault.rule, artifact::Rule::SignatureMissing)
    };
    let mut breaches: Vec<String> =
        survey.faults.iter().filter(|fault| !is_allowed(fault)).map(ToString::to_string).collect();
    if must_be_signed && !has_keys && survey.is_signed == Some(false) {
        breaches.push("the artifact is not signed".to_owned());
    }
    if let Some(artifact) = &survey.artifact {
        breaches.extend(policy.breaches(artifact, max_size));
    } else if breaches.is_empty() {
        // It was refused for nothing but the missing signature, so it is read without keys.
        let (file, size) = files::artifact(&args.file)?;
        let options = ReadOptions { size, allow_augmented: true, ..ReadOptions::default() };
        let artifact =
            artifact::read::read(file, &options).map_err(|error| Failure::of(&args.file, error))?;
        breaches.extend(policy.breaches(&artifact, max_size));
    }
    if args.json {
        print::json(&json!({"passed": breaches.is_empty(), "breaches": breaches}))?;
    } else if breaches.is_empty() {
        print::data(&format!("{} keeps to the policy\n", args.file.display()))?;
    }
    let Some((last, others)) = breaches.split_last() else { return Ok(()) };
    for breach in others {
        print::error(&format!("{}: {breach}", args.file.display()));
    }
    Err(Failure::no(last.clone()).about(&args.file))
}

impl Policy {
    fn read(path: &Path) -> Result<Self, Failure> {
        let wrong = |error: String| Failure::usage(format!("{}: {error}", path.display()));
        let text = String::from_utf8(files::bytes(path, MAX_POLICY)?)
            .map_err(|_| wrong("it is not text".to_owned()))?;
        toml::from_str(&text).map_err(|error| wrong(error.to_string()))
    }

    fn read_keys(&self, path: &Path) -> Result<Vec<VerifyingKey>, Failure> {
        let folder = path.parent().unwrap_or(Path::new("."));
        self.keys.iter().map(|key| files::verifying_key(&folder.join(key))).collect()
    }

    fn breaches(&self, artifact: &Artifact, max_size: Option<u64>) -> Vec<String> {
        let header = &artifact.header;
        let mut breaches = Vec::new();
        if let Some(pattern) = self.name.as_ref().filter(|pattern| !glob::matches(pattern, &header.name)) {
            breaches.push(format!("the name {:?} does not match {pattern:?}", header.name));
        }
        if let Some(allowed) = &self.device_types {
            let others = header.device_types.iter().filter(|kind| !allowed.contains(kind));
            breaches.extend(others.map(|kind| format!("the device type {kind:?} is not allowed")));
        }
        if let Some(allowed) = &self.payload_types {
            for payload in &header.payloads {
                match &payload.kind {
                    Some(kind) if !allowed.contains(kind) => {
                        breaches.push(format!("the payload type {kind:?} is not allowed"));
                    }
                    Some(_) | None => {}
                }
            }
        }
        if let Some(limit) = max_size.filter(|limit| artifact.size > *limit) {
            breaches.push(format!("{} bytes, the limit is {limit}", artifact.size));
        }
        if header.manifest_augment.is_some() && !self.allow_unsigned_additions {
            breaches.push("unsigned additions are not allowed".to_owned());
        }
        breaches
    }
}
