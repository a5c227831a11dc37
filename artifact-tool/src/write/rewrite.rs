//! Artifacts whose payload comes out of another artifact.

use std::io::{self, Read, Write};
use std::path::Path;

use super::assemble::{Fresh, Listed, StoredAdditions, write_fresh, write_spooled};
use super::output::{spool_beside, unnamed_spool};
use super::payload::{self, DataTar, Spooled};
use super::{Blueprint, InputFile, WriteError, WriteOptions};
use crate::compression::Compression;
use crate::description::PayloadFile;
use crate::tar::Meta;

/// Provides keys that hold the digest of the image.
const CHECKSUM_KEYS: [&str; 2] = ["rootfs-image.checksum", "rootfs_image_checksum"];

/// A data member to be copied as it is.
pub(crate) struct Stored<'a> {
    pub(crate) member: Box<dyn Read + 'a>,
    pub(crate) compression: Compression,
    pub(crate) size: u64,
    pub(crate) files: &'a [PayloadFile],
}

/// Writes an artifact around a data member that is copied.
pub(crate) fn write_stored(
    blueprint: &Blueprint,
    stored: Stored<'_>,
    additions: Option<StoredAdditions>,
    output: impl Write,
    options: &WriteOptions<'_>,
) -> Result<(), WriteError> {
    let spooled = Spooled {
        member: stored.member,
        compression: stored.compression,
        size: stored.size,
        listed: listed(stored.files),
    };
    write_spooled(blueprint, spooled, additions, output, options)
}

/// Writes an artifact with another payload file.
pub(crate) fn write_replaced(
    blueprint: &Blueprint,
    file: &InputFile,
    beside: Option<&Path>,
    output: impl Write,
    options: &WriteOptions<'_>,
) -> Result<(), WriteError> {
    let keys = CHECKSUM_KEYS.iter().filter(|key| blueprint.provides.contains_key(**key));
    let fresh = Fresh {
        files: vec![file],
        added_files: Vec::new(),
        checksum_keys: keys.map(|key| (*key).to_owned()).collect(),
        spool: spool(beside, options)?,
    };
    write_fresh(blueprint, fresh, output, options)
}

/// A data member that is compressed again.
pub(crate) struct Recompressed<'a> {
    tar: DataTar,
    files: Vec<PayloadFile>,
    options: WriteOptions<'a>,
}

impl<'a> Recompressed<'a> {
    pub(crate) fn begin(beside: Option<&Path>, options: &WriteOptions<'a>) -> Result<Self, WriteError> {
        let tar = payload::begin(spool(beside, options)?, options)?;
        Ok(Self { tar, files: Vec::new(), options: *options })
    }

    pub(crate) fn begin_file(&mut self, file: &PayloadFile) -> io::Result<()> {
        let mtime = u64::try_from(file.mtime).unwrap_or_default();
        self.tar.begin(&file.name, Meta { mode: file.mode, mtime }, file.size)
    }

    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(progress) = self.options.progress {
            progress(u64::try_from(bytes.len()).unwrap_or_default());
        }
        self.tar.write_all(bytes)
    }

    pub(crate) fn end_file(&mut self, file: &PayloadFile) -> io::Result<()> {
        self.files.push(file.clone());
        self.tar.end()
    }

    pub(crate) fn write(
        self,
        blueprint: &Blueprint,
        output: impl Write,
        options: &WriteOptions<'_>,
    ) -> Result<(), WriteError> {
        let spooled = payload::finish(self.tar, listed(&self.files), options)?;
        write_spooled(blueprint, spooled, None, output, options)
    }
}

fn spool(beside: Option<&Path>, options: &WriteOptions<'_>) -> Result<std::fs::File, WriteError> {
    beside.map_or_else(|| unnamed_spool(options), |path| spool_beside(path, options))
}

fn listed(files: &[PayloadFile]) -> Listed {
    let pair = |file: &PayloadFile| (file.name.clone(), file.sha256);
    Listed {
        files: files.iter().filter(|file| !file.is_augmented).map(pair).collect(),
        added_files: files.iter().filter(|file| file.is_augmented).map(pair).collect(),
    }
}
