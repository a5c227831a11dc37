//! Releases: what can be rolled out.
//!
//! An *artifact* is one signed update file; a *release* is all artifacts of one name, usually one for each device
//! type. A release appears with its first artifact and goes with its last. Two artifacts of a release never fit the
//! same device: each takes a *slot* for every device type and combination of other depends.

mod artifact;
mod compare;
mod content;
mod description;
mod generate;
mod inspect;
mod labels;
mod publish;
mod service;
mod slots;
#[cfg(test)]
mod tests;
mod trust;
mod trust_service;
mod upload;
mod uploads;
mod verification;

pub use artifact::{Artifact, Contents, Depends, Payload, PayloadFile, Release, SignatureState};
pub use compare::compare_rest;
pub use content::{Content, settle_blobs, sweep};
pub use description::{InvalidDescription, MAX_DESCRIPTION_BYTES};
pub use generate::{GenerateError, RawFile, Recipe};
pub use labels::{InvalidLabel, MAX_NOTES_CHARS, MAX_TAGS, MAX_TAGS_PER_RELEASE, Notes, Tags};
pub use service::{ReleaseError, Releases};
pub use slots::{MAX_SLOTS, Slot, TooManySlots, slots};
pub use trust::{KeyState, SignaturePolicy, Trust, UnknownPolicy, Validity};
pub use trust_service::{KeyRefusal, MAX_KEY_NAME, MAX_KEYS, NewKey, ReleaseTrust};
pub use upload::{Upload, UploadError, UploadRequest};
pub use uploads::{
    Checksum, ChecksumAlgorithm, InvalidMetadata, NewUpload, Part, PartialUpload, PartialUploadError,
    Received, UploadBounds, UploadLeases, Uploads, expire_uploads,
};
pub use verification::{SignatureError, Signer, VerificationKey};

pub use crate::storage::artifacts::{
    ArtifactFilter, ArtifactOrder, ArtifactSort, TextMatch, fits_of_release,
};
pub use crate::storage::releases::{ReleaseFilter, ReleaseOrder, ReleaseSort, ReleasedArtifact};
