//! The deterministic writer: equal inputs give equal bytes.
//!
//! Writes the profile that every client and tool reads (artifact format §14) unless asked for more: version 3, one
//! payload, no unsigned additions, sorted scripts, owners and times zeroed.
//!
//! ```
//! use artifact::write::{Common, InputFile, ModuleImage, WriteOptions};
//!
//! let image = ModuleImage {
//!     common: Common::new("app-1.0", ["beaglebone"]),
//!     payload_type: "single-file".to_owned(),
//!     files: vec![InputFile::bytes("app.bin", b"contents".to_vec())],
//!     ..ModuleImage::default()
//! };
//! let mut bytes = Vec::new();
//! image.write(&mut bytes, &WriteOptions::default())?;
//! # let artifact = artifact::read::read(bytes.as_slice(), &artifact::ReadOptions::default()).unwrap();
//! # assert_eq!(artifact.header.name, "app-1.0");
//! # Ok::<(), artifact::write::WriteError>(())
//! ```

mod assemble;
mod blueprint;
mod bootstrap;
mod common;
mod input;
mod json;
mod module_image;
mod output;
mod payload;
mod rewrite;
mod rootfs_image;

use std::io;
use std::path::{Path, PathBuf};

pub(crate) use assemble::StoredAdditions;
pub use blueprint::{Additions, Blueprint, ScriptFile};
pub use bootstrap::BootstrapArtifact;
pub use common::{Common, Defaults, Software};
pub use input::InputFile;
pub use module_image::ModuleImage;
pub(crate) use output::replace;
pub(crate) use rewrite::{Recompressed, Stored, write_replaced, write_stored};
pub use rootfs_image::{ChecksumKey, RootfsImage};

use crate::compression::Encoding;
use crate::key::{KeyError, Signer};
use crate::read::Rule;

/// How to write, whatever is written.
#[derive(Clone, Copy, Default)]
pub struct WriteOptions<'a> {
    /// Compression of header and payload.
    pub encoding: Encoding,
    /// What signs it.
    pub key: Option<&'a dyn Signer>,
    /// Time of every file in the artifact, in seconds since 1970 (`SOURCE_DATE_EPOCH`).
    pub mtime: u64,
    /// Told about each piece of payload that was read, in bytes.
    pub progress: Option<&'a dyn Fn(u64)>,
    /// Threads that compress the payload, 0 for one a processor; the bytes do not depend on it.
    pub jobs: usize,
    /// Folder for temporary files as large as the payload; without it they lie beside the output, or in the
    /// system's folder for such.
    pub temporary: Option<&'a Path>,
    /// Largest artifact that is written, in bytes.
    pub max_size: Option<u64>,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The result would not be an acceptable artifact.
    #[error("this would not be a valid artifact: {0}")]
    Refused(#[from] Rule),
    /// A file that is not usable as what it was given for.
    #[error("{0}")]
    Input(String),
    /// It would be larger than allowed.
    #[error("the artifact would be larger than {0} bytes")]
    TooLarge(u64),
    /// A file could not be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// File.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The output or a temporary file beside it could not be written.
    #[error("failed to write {}", path.display())]
    Output {
        /// File, or what it is.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key does not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl WriteError {
    fn output(source: io::Error) -> Self {
        Self::Output { path: PathBuf::from("the artifact"), source }
    }
}
