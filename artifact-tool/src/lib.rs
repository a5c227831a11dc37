//! The `.mender` artifact format: a strict streaming reader, a deterministic writer, signatures.
//!
//! The library is synchronous over [`std::io::Read`] and [`std::io::Write`] and knows nothing of servers.
//! Section numbers in the documentation ("artifact format §4") refer to the project's description of the
//! format.
//!
//! * [`read::read`] and [`read::Reader`] check an artifact while it streams past, in constant memory.
//! * [`write::ModuleImage`], [`write::RootfsImage`] and [`write::BootstrapArtifact`] build one; equal inputs give
//!   equal bytes.
//! * [`edit`] changes one, and keeps what is not changed.
//! * [`sign`] adds or replaces the signature of a finished file.
//! * [`depends`] decides whether a device may install an artifact.

pub mod compression;
pub mod depends;
mod description;
mod digest;
pub mod edit;
#[doc(hidden)]
pub mod fuzzing;
pub mod glob;
mod header;
mod json;
pub mod key;
mod limits;
mod manifest;
mod names;
pub mod read;
pub mod sign;
pub mod signature;
mod tar;
pub mod write;

pub use compression::Compression;
pub use depends::DependsValue;
pub use description::{
    Artifact, Augment, FormatVersion, Header, Member, Merged, Payload, PayloadFile, Script, Signature,
    Verified,
};
pub use digest::{Digest, Hasher, ParseDigestError};
pub use json::JsonError;
pub use key::{Algorithm, KeyError, KeyType, Signer, SigningKey, VerifyingKey};
pub use limits::Limits;
pub use manifest::{Manifest, ManifestEntry};
pub use read::{ReadError, ReadOptions, Reader, Rule, SignatureJudge};
