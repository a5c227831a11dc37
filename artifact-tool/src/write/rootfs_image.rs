use std::io::Write;
use std::path::Path;

use super::assemble::{Plan, write_plan};
use super::output::{replace, spool_beside, unnamed_spool};
use super::{Common, InputFile, WriteError, WriteOptions};

/// An artifact with the image of a root file system.
#[derive(Clone, Debug)]
pub struct RootfsImage {
    /// Name, device types and the like.
    pub common: Common,
    /// The image.
    pub image: InputFile,
    /// How the digest of the image is recorded on the device.
    pub checksum: ChecksumKey,
}

/// The provides key for the digest of a root file system image.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ChecksumKey {
    /// `rootfs-image.checksum`.
    #[default]
    Usual,
    /// `rootfs_image_checksum`, for clients before 2.5.
    Legacy,
    /// Not recorded.
    Nothing,
}

impl RootfsImage {
    /// Writes the artifact to `output`; the compressed payload passes through an unnamed temporary file.
    pub fn write(&self, output: impl Write, options: &WriteOptions<'_>) -> Result<(), WriteError> {
        write_plan(&self.plan()?, unnamed_spool()?, output, options)
    }

    /// Writes the artifact to a file, which appears or is replaced only when it is complete.
    pub fn write_file(&self, path: &Path, options: &WriteOptions<'_>) -> Result<(), WriteError> {
        let plan = self.plan()?;
        let spool = spool_beside(path)?;
        replace(path, |output| write_plan(&plan, spool, output, options))
    }

    fn plan(&self) -> Result<Plan<'_>, WriteError> {
        if self.common.name.chars().any(char::is_whitespace) {
            return Err(WriteError::Input(format!(
                "the artifact name {:?} contains white space",
                self.common.name
            )));
        }
        let (provides, clears) = self.common.with_defaults(None);
        Ok(Plan {
            common: &self.common,
            kind: "rootfs-image",
            files: vec![&self.image],
            meta_data: Some(&[]),
            provides,
            clears,
            checksum_key: match self.checksum {
                ChecksumKey::Usual => Some("rootfs-image.checksum"),
                ChecksumKey::Legacy => Some("rootfs_image_checksum"),
                ChecksumKey::Nothing => None,
            },
        })
    }
}
