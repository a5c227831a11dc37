//! Releases: what can be rolled out.
//!
//! An *artifact* is one signed update file; a *release* is all artifacts of one name, usually one for each device
//! type. A release appears with its first artifact and goes with its last. Two artifacts of a release never fit the
//! same device: each takes a *slot* for every device type and combination of other depends.

mod artifact;
mod content;
mod description;
mod inspect;
mod service;
mod slots;
#[cfg(test)]
mod tests;
mod upload;

pub use artifact::{Artifact, Contents, Depends, Payload, PayloadFile, Release};
pub use content::{Content, sweep};
pub use description::{InvalidDescription, MAX_DESCRIPTION_BYTES};
pub use service::{ReleaseError, Releases};
pub use slots::{MAX_SLOTS, Slot, TooManySlots, slots};
pub use upload::{Upload, UploadError, UploadRequest};

pub use crate::storage::artifacts::{
    ArtifactFilter, ArtifactOrder, ArtifactSort, TextMatch, fits_of_release,
};
pub use crate::storage::releases::{ReleaseFilter, ReleaseOrder, ReleaseSort};
