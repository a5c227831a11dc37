use std::io::Write;
use std::path::Path;

use super::assemble::{Fresh, depends, write_fresh};
use super::output::{replace, spool_beside, unnamed_spool};
use super::{Blueprint, Common, WriteError, WriteOptions};

/// An artifact with an empty payload, which only tells a device what it provides (artifact format §9).
///
/// Scripts and software of [`common`](Self::common) are not written.
#[derive(Clone, Debug, Default)]
pub struct BootstrapArtifact {
    /// Name, device types and the like.
    pub common: Common,
}

impl BootstrapArtifact {
    /// Writes the artifact to `output`.
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
        spool: std::fs::File,
        output: impl Write,
        options: &WriteOptions<'_>,
    ) -> Result<(), WriteError> {
        let blueprint = Blueprint {
            kind: None,
            scripts: Vec::new(),
            provides: self.common.provides.clone(),
            clears: self.common.clears.clone(),
            depends: depends(&self.common.depends),
            ..self.common.blueprint()?
        };
        let (files, added_files, checksum_keys) = (Vec::new(), Vec::new(), Vec::new());
        write_fresh(&blueprint, Fresh { files, added_files, checksum_keys, spool }, output, options)
    }
}
