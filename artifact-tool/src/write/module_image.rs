use std::io::Write;
use std::path::Path;

use super::assemble::{Fresh, depends, write_fresh};
use super::output::{replace, spool_beside, unnamed_spool};
use super::{Additions, Blueprint, Common, InputFile, WriteError, WriteOptions};

/// An artifact for an update module.
#[derive(Clone, Debug, Default)]
pub struct ModuleImage {
    /// Name, device types and the like.
    pub common: Common,
    /// Name of the update module.
    pub payload_type: String,
    /// Files, in the order in which they are stored; may be empty.
    pub files: Vec<InputFile>,
    /// Meta-data, a JSON object, kept byte for byte.
    pub meta_data: Option<Vec<u8>>,
    /// Unsigned additions (artifact format §8), which clients from version 4 refuse.
    pub additions: Option<Additions>,
    /// Files of the unsigned additions.
    pub added_files: Vec<InputFile>,
}

impl ModuleImage {
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
        spool: std::fs::File,
        output: impl Write,
        options: &WriteOptions<'_>,
    ) -> Result<(), WriteError> {
        let (provides, clears) = self.common.with_defaults(Some(&self.payload_type));
        let blueprint = Blueprint {
            kind: Some(self.payload_type.clone()),
            provides,
            clears,
            depends: depends(&self.common.depends),
            meta_data: self.meta_data.clone(),
            additions: self.additions.clone(),
            ..self.common.blueprint()?
        };
        let fresh = Fresh {
            files: self.files.iter().collect(),
            added_files: self.added_files.iter().collect(),
            checksum_keys: Vec::new(),
            spool,
        };
        write_fresh(&blueprint, fresh, output, options)
    }
}
