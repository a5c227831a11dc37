use std::io::Read;

use super::front::{self, Front};
use super::outer::Outer;
use super::payload::{self, Discard, Lists};
use super::{ReadError, ReadOptions, Refusal};
use crate::description::Artifact;

/// Everything that is wrong with an artifact, as far as it can be told.
#[derive(Debug)]
pub struct Survey {
    /// Broken rules in the order in which they were noticed; none means that [`read`](super::read) takes it.
    pub faults: Vec<Refusal>,
    /// Whether there is a signature, if the file could be read that far.
    pub is_signed: Option<bool>,
    /// The artifact, if nothing is wrong with it.
    pub artifact: Option<Artifact>,
}

/// Reads an artifact like [`read`](super::read), but goes on after a broken rule where that makes sense: after a
/// wrong signature or checksum, at the next file, at the next member.
///
/// For telling people what to mend. What it returns of an artifact that breaks a rule is not to be acted upon.
///
/// # Errors
///
/// [`ReadError::Input`] if the input itself failed.
pub fn survey(input: impl Read, options: &ReadOptions) -> Result<Survey, ReadError> {
    let mut outer = Outer::surveying(input, options);
    let (header, read) = match front::read(&mut outer, options) {
        Ok(Front::Whole(header)) => {
            let read = payload::read_all(&mut outer, Lists::of(&header), options, &mut Discard);
            (Some(header), read)
        }
        Ok(Front::Lists { manifest, manifest_augment }) => {
            let manifest_augment = manifest_augment.as_ref();
            let lists = Lists { manifest: &manifest, manifest_augment, payloads: None };
            (None, payload::read_all(&mut outer, lists, options, &mut Discard))
        }
        Err(fault) => (None, Err(fault)),
    };
    let read = match read {
        Ok(files) => Some(files),
        Err(fault) => match outer.locate(fault) {
            ReadError::Refused(refusal) => {
                outer.keep(*refusal);
                None
            }
            other @ (ReadError::Input { .. } | ReadError::Sink { .. }) => return Err(other),
        },
    };
    let faults = outer.take_faults();
    let is_signed = outer.is_signed;
    let artifact = header.zip(read).filter(|_| faults.is_empty()).map(|(header, files)| Artifact {
        files,
        size: outer.source().offset(),
        sha256: outer.source().digest(),
        members: outer.members,
        header: *header,
    });
    Ok(Survey { faults, is_signed, artifact })
}
