//! Reading an artifact while it arrives; the only part of the server that knows the file format's reader.

use std::io::Read;

use artifact::{DependsValue, ReadError, ReadOptions, Rule, SignatureJudge};

use super::verification::{Evidence, Witness};
use super::{Contents, Depends, Payload, PayloadFile};

/// What the reader found.
#[derive(Debug)]
pub(super) struct Inspected {
    pub(super) name: String,
    pub(super) format_version: u8,
    pub(super) signed: bool,
    pub(super) contents: Contents,
}

/// Why the reader stopped.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The input failed; it knows why.
    Input,
    /// The bytes break a rule of the format.
    Format(String),
}

/// Reads a whole artifact, strictly and in constant memory; `size` is the size that was declared for it, `judge`
/// decides by its signature whether the rest is looked at.
pub(super) fn inspect(
    input: impl Read,
    size: Option<u64>,
    judge: SignatureJudge,
) -> Result<Inspected, Refusal> {
    let options = ReadOptions { size, judge: Some(judge), ..ReadOptions::default() };
    let found = artifact::read::read(input, &options).map_err(|err| refusal(&err))?;
    let merged = found.header.merged();
    let payloads = found
        .header
        .payloads
        .iter()
        .map(|payload| Payload {
            kind: payload.kind.clone(),
            files: found.files_of(payload.index).map(payload_file).collect(),
            metadata: payload.effective_meta_data.clone(),
        })
        .collect();
    Ok(Inspected {
        format_version: found.header.version.number(),
        signed: found.header.signature.is_some(),
        contents: Contents {
            device_types: found.header.device_types,
            provides: merged.provides,
            depends: merged
                .depends
                .into_iter()
                .filter(|(key, _)| key != "device_type")
                .map(|(key, wanted)| (key, depends(wanted)))
                .collect(),
            clears: merged.clears,
            payloads,
        },
        name: found.header.name,
    })
}

/// Reads the manifest of an artifact and its signature, and nothing else; empty if there is none to read.
pub(super) fn glance(input: impl Read) -> Evidence {
    let witness = Witness::default();
    let options = ReadOptions { judge: Some(witness.glance()), ..ReadOptions::default() };
    // It always ends early: at the latest when the witness has seen what it came for.
    let _ = artifact::read::Reader::open(input, &options);
    witness.take().unwrap_or_default()
}

fn refusal(err: &ReadError) -> Refusal {
    match err {
        ReadError::Input { .. } | ReadError::Sink { .. } => Refusal::Input,
        // Words that existing clients of the original know.
        ReadError::Refused(refused) => {
            Refusal::Format(if let Rule::UnsupportedVersion(version) = refused.rule {
                format!("unsupported version {version}")
            } else if let Rule::Checksum(file) = &refused.rule {
                format!("invalid checksum of {file:?}")
            } else {
                refused.to_string()
            })
        }
    }
}

fn depends(wanted: DependsValue) -> Depends {
    match wanted {
        DependsValue::One(value) => Depends::One(value),
        DependsValue::AnyOf(values) => Depends::AnyOf(values),
    }
}

fn payload_file(file: &artifact::PayloadFile) -> PayloadFile {
    PayloadFile {
        name: file.name.clone(),
        size: file.size,
        checksum: file.sha256.to_string(),
        modified: file.mtime,
    }
}
