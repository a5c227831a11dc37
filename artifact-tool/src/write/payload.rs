//! The data member, compressed and hashed in one pass into a spool file.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, Write};

use super::assemble::Listed;
use super::{InputFile, WriteError, WriteOptions};
use crate::compression::{Compression, Encoder};
use crate::digest::{Digest, Hasher};
use crate::names;
use crate::read::Rule;
use crate::tar::{Meta, TarWriter};

const BUFFER: usize = 128 * 1024;

/// A compressed data member, and the digests of the files in it.
pub(super) struct Spooled<'a> {
    pub(super) member: Box<dyn Read + 'a>,
    pub(super) compression: Compression,
    pub(super) size: u64,
    pub(super) listed: Listed,
}

/// Checks names before anything is read.
pub(super) fn check_names<'a>(files: impl Iterator<Item = &'a InputFile>) -> Result<(), Rule> {
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

/// A data member that is being written.
pub(super) type DataTar = TarWriter<Encoder<BufWriter<File>>>;

/// Starts a data member in `spool`, which is empty.
pub(super) fn begin(spool: File, options: &WriteOptions<'_>) -> Result<DataTar, WriteError> {
    let output = BufWriter::with_capacity(BUFFER, spool);
    let encoder = Encoder::parallel(options.encoding, options.jobs, output).map_err(WriteError::output)?;
    Ok(TarWriter::new(encoder))
}

/// Ends a data member.
pub(super) fn finish(
    tar: DataTar,
    listed: Listed,
    options: &WriteOptions<'_>,
) -> Result<Spooled<'static>, WriteError> {
    let output = tar.finish().and_then(Encoder::finish).map_err(WriteError::output)?;
    let mut member = output.into_inner().map_err(|error| WriteError::output(error.into_error()))?;
    let size = member.stream_position().map_err(WriteError::output)?;
    member.rewind().map_err(WriteError::output)?;
    Ok(Spooled { member: Box::new(member), compression: options.encoding.compression(), size, listed })
}

/// Writes the data member into `spool`, which is empty.
pub(super) fn spool(
    files: &[&InputFile],
    added_files: &[&InputFile],
    spool: File,
    options: &WriteOptions<'_>,
) -> Result<Spooled<'static>, WriteError> {
    let mut tar = begin(spool, options)?;
    let mut buffer = vec![0; BUFFER];
    let mut add_all = |files: &[&InputFile]| -> Result<Vec<_>, WriteError> {
        let add =
            |file: &&InputFile| Ok((file.name().to_owned(), add(file, &mut tar, &mut buffer, options)?));
        files.iter().map(add).collect()
    };
    let listed = Listed { files: add_all(files)?, added_files: add_all(added_files)? };
    finish(tar, listed, options)
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
