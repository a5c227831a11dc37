//! The data member, compressed and hashed in one pass into a spool file.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, Write};

use super::{InputFile, WriteError, WriteOptions};
use crate::compression::Encoder;
use crate::digest::{Digest, Hasher};
use crate::names;
use crate::read::Rule;
use crate::tar::{Meta, TarWriter};

const BUFFER: usize = 128 * 1024;

/// A compressed data member, and the digests of the files in it.
pub(super) struct Spooled {
    pub(super) member: File,
    pub(super) size: u64,
    pub(super) digests: Vec<Digest>,
}

/// Checks names before anything is read.
pub(super) fn check_names(files: &[&InputFile]) -> Result<(), Rule> {
    let mut seen = BTreeSet::new();
    for file in files {
        if !names::is_file(file.name()) {
            return Err(Rule::FileName(file.name().to_owned()));
        }
        if !seen.insert(file.name()) {
            return Err(Rule::DuplicateFile(file.name().to_owned()));
        }
    }
    Ok(())
}

/// Writes the data member into `spool`, which is empty.
pub(super) fn spool(
    files: &[&InputFile],
    spool: File,
    options: &WriteOptions<'_>,
) -> Result<Spooled, WriteError> {
    let output = BufWriter::with_capacity(BUFFER, spool);
    let encoder = Encoder::new(options.encoding, output).map_err(WriteError::output)?;
    let mut tar = TarWriter::new(encoder);
    let mut buffer = vec![0; BUFFER];
    let digests =
        files.iter().map(|file| add(file, &mut tar, &mut buffer, options)).collect::<Result<_, _>>()?;
    let output = tar.finish().and_then(Encoder::finish).map_err(WriteError::output)?;
    let mut member = output.into_inner().map_err(|error| WriteError::output(error.into_error()))?;
    let size = member.stream_position().map_err(WriteError::output)?;
    member.rewind().map_err(WriteError::output)?;
    Ok(Spooled { member, size, digests })
}

fn add<W: Write>(
    file: &InputFile,
    tar: &mut TarWriter<W>,
    buffer: &mut [u8],
    options: &WriteOptions<'_>,
) -> Result<Digest, WriteError> {
    let mut opened = file.open()?;
    let mode = if opened.is_executable { 0o755 } else { 0o644 };
    tar.begin(file.name(), Meta { mode, mtime: options.mtime }, opened.size).map_err(WriteError::output)?;
    let mut hasher = Hasher::new();
    let mut left = opened.size;
    loop {
        let read = opened.reader.read(buffer).map_err(|source| file.read_error(source))?;
        let bytes = buffer.get(..read).unwrap_or_default();
        let length = u64::try_from(read).unwrap_or(u64::MAX);
        if length > left || (length == 0 && left > 0) {
            return Err(WriteError::Input(format!("{} changed its size while it was read", file.name())));
        }
        if length == 0 {
            break;
        }
        left -= length;
        hasher.update(bytes);
        tar.write_all(bytes).map_err(WriteError::output)?;
        if let Some(progress) = options.progress {
            progress(length);
        }
    }
    tar.end().map_err(WriteError::output)?;
    Ok(hasher.finish())
}
