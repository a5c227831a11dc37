use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::assemble::{Fresh, depends, write_fresh};
use super::output::{replace, spool_beside, unnamed_spool};
use super::{Blueprint, Common, InputFile, WriteError, WriteOptions};
use crate::description::FormatVersion;

/// An artifact with the image of a root file system.
#[derive(Clone, Debug)]
pub struct RootfsImage {
    /// Name, device types and the like.
    pub common: Common,
    /// The image.
    pub image: InputFile,
    /// How the digest of the image is recorded on the device.
    pub checksum: ChecksumKey,
    /// Format version; version 2 has no place for group, depends, provides and clears, which are left out.
    pub version: FormatVersion,
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
        self.write_with(unnamed_spool(options)?, output, options)
    }

    /// Writes the artifact to a file, which appears or is replaced only when it is complete.
    pub fn write_file(&self, path: &Path, options: &WriteOptions<'_>) -> Result<(), WriteError> {
        let spool = spool_beside(path, options)?;
        replace(path, |output| self.write_with(spool, output, options))
    }

    fn write_with(
        &self,
        spool: File,
        output: impl Write,
        options: &WriteOptions<'_>,
    ) -> Result<(), WriteError> {
        if self.common.name.chars().any(char::is_whitespace) {
            return Err(WriteError::Input(format!(
                "the artifact name {:?} contains white space",
                self.common.name
            )));
        }
        let (provides, clears) = self.common.with_defaults(None);
        let blueprint = Blueprint {
            version: self.version,
            kind: Some("rootfs-image".to_owned()),
            provides,
            clears,
            depends: depends(&self.common.depends),
            meta_data: Some(Vec::new()),
            ..self.common.blueprint()?
        };
        let checksum_keys = match (self.version, self.checksum) {
            (FormatVersion::V2, _) | (FormatVersion::V3, ChecksumKey::Nothing) => Vec::new(),
            (FormatVersion::V3, ChecksumKey::Usual) => vec!["rootfs-image.checksum".to_owned()],
            (FormatVersion::V3, ChecksumKey::Legacy) => vec!["rootfs_image_checksum".to_owned()],
        };
        let (files, added_files) = (vec![&self.image], Vec::new());
        write_fresh(&blueprint, Fresh { files, added_files, checksum_keys, spool }, output, options)
    }
}
