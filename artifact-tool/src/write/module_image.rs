use std::io::Write;
use std::path::Path;

use super::assemble::{Plan, write_plan};
use super::output::{replace, spool_beside, unnamed_spool};
use super::{Common, InputFile, WriteError, WriteOptions};

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
}

impl ModuleImage {
    /// Writes the artifact to `output`; the compressed payload passes through an unnamed temporary file.
    pub fn write(&self, output: impl Write, options: &WriteOptions<'_>) -> Result<(), WriteError> {
        write_plan(&self.plan(), unnamed_spool()?, output, options)
    }

    /// Writes the artifact to a file, which appears or is replaced only when it is complete.
    pub fn write_file(&self, path: &Path, options: &WriteOptions<'_>) -> Result<(), WriteError> {
        let spool = spool_beside(path)?;
        replace(path, |output| write_plan(&self.plan(), spool, output, options))
    }

    fn plan(&self) -> Plan<'_> {
        let (provides, clears) = self.common.with_defaults(Some(&self.payload_type));
        Plan {
            common: &self.common,
            kind: &self.payload_type,
            files: self.files.iter().collect(),
            meta_data: self.meta_data.as_deref(),
            provides,
            clears,
            checksum_key: None,
        }
    }
}
