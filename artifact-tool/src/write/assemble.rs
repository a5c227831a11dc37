//! The whole file from its parts.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};

use super::{Common, InputFile, WriteError, WriteOptions, json, payload};
use crate::compression::Encoder;
use crate::description::FormatVersion;
use crate::digest::Digest;
use crate::header::{self, Parts, Stored};
use crate::limits::Limits;
use crate::manifest::{self, Manifest};
use crate::names;
use crate::read::{Fault, Rule};
use crate::signature;
use crate::tar::{Meta, TarWriter};

const VERSION: &[u8] = br#"{"format":"mender","version":3}"#;

/// An artifact with one payload, before anything was read.
pub(super) struct Plan<'a> {
    pub(super) common: &'a Common,
    pub(super) kind: &'a str,
    pub(super) files: Vec<&'a InputFile>,
    pub(super) meta_data: Option<&'a [u8]>,
    pub(super) provides: BTreeMap<String, String>,
    pub(super) clears: Vec<String>,
    /// Provides key for the digest of the first file.
    pub(super) checksum_key: Option<&'static str>,
}

/// Writes the artifact; its data member passes through `spool`.
pub(super) fn write_plan(
    plan: &Plan<'_>,
    spool: File,
    output: impl Write,
    options: &WriteOptions<'_>,
) -> Result<(), WriteError> {
    payload::check_names(&plan.files)?;
    let scripts = read_scripts(&plan.common.scripts)?;
    // What the reader would refuse is found before the payload is read, which may take long.
    let unknown = vec![Digest::of(&[]); plan.files.len()];
    front(plan, &scripts, &unknown, options)?;
    let spooled = payload::spool(&plan.files, spool, options)?;
    let front = front(plan, &scripts, &spooled.digests, options)?;
    let signature = options.key.map(|key| key.sign(&front.manifest)).transpose()?;
    write_members(&front, signature.as_deref(), spooled, output, options).map_err(WriteError::output)
}

struct Front {
    manifest: Vec<u8>,
    header_name: String,
    header: Vec<u8>,
}

struct LoadedScript<'a> {
    name: &'a str,
    contents: Vec<u8>,
}

/// Makes header and manifest, and has them checked by the reader's own rules.
fn front(
    plan: &Plan<'_>,
    scripts: &[LoadedScript<'_>],
    digests: &[Digest],
    options: &WriteOptions<'_>,
) -> Result<Front, WriteError> {
    let limits = Limits::default();
    let compression = options.encoding.compression();
    let header_name = format!("header.tar{}", compression.suffix());
    let header = header(plan, scripts, digests.first(), options).map_err(WriteError::output)?;
    let paths: Vec<_> = plan.files.iter().map(|file| format!("data/0000/{}", file.name())).collect();
    let manifest = manifest::render(
        paths
            .iter()
            .map(String::as_str)
            .zip(digests.iter().copied())
            .chain([(header_name.as_str(), Digest::of(&header)), ("version", Digest::of(VERSION))]),
    );
    let raw = header::unpack(&header, compression, &limits).map_err(|fault| match fault {
        Fault::Rule(rule) => WriteError::Refused(rule),
        Fault::Io(source) | Fault::Sink { source, .. } => WriteError::output(source),
    })?;
    let parts = Parts {
        version: FormatVersion::V3,
        manifest: Manifest::parse(&manifest, &limits)?,
        manifest_sha256: Digest::of(&manifest),
        manifest_augment: None,
        signature: None,
        stored: Stored { name: header_name.clone(), compression, raw },
        augment: None,
    };
    header::assemble(parts, &limits)?;
    Ok(Front { manifest, header_name, header })
}

fn header(
    plan: &Plan<'_>,
    scripts: &[LoadedScript<'_>],
    image: Option<&Digest>,
    options: &WriteOptions<'_>,
) -> io::Result<Vec<u8>> {
    let mut provides = plan.provides.clone();
    if let (Some(key), Some(digest)) = (plan.checksum_key, image) {
        provides.insert(key.to_owned(), digest.to_string());
    }
    let file = Meta { mode: 0o600, mtime: options.mtime };
    let script = Meta { mode: 0o755, mtime: options.mtime };
    let mut tar = TarWriter::new(Encoder::new(options.encoding, Vec::new())?);
    tar.file("header-info", file, &json::header_info(plan.common, plan.kind)?)?;
    for LoadedScript { name, contents } in scripts {
        tar.file(&format!("scripts/{name}"), script, contents)?;
    }
    let type_info = json::type_info(plan.kind, &plan.common.depends, &provides, &plan.clears)?;
    tar.file("headers/0000/type-info", file, &type_info)?;
    if let Some(meta_data) = plan.meta_data {
        tar.file("headers/0000/meta-data", file, meta_data)?;
    }
    tar.finish()?.finish()
}

/// Reads the scripts, sorted by name.
fn read_scripts(scripts: &[InputFile]) -> Result<Vec<LoadedScript<'_>>, WriteError> {
    let limit = Limits::default().script;
    let mut loaded = Vec::new();
    for script in scripts {
        let name = script.name();
        if !names::is_script(name) {
            return Err(Rule::ScriptName(name.to_owned()).into());
        }
        let opened = script.open()?;
        if opened.size > limit {
            return Err(Rule::TooLarge { what: "script", size: opened.size, limit }.into());
        }
        let mut contents = Vec::new();
        opened.reader.take(limit).read_to_end(&mut contents).map_err(|source| script.read_error(source))?;
        loaded.push(LoadedScript { name, contents });
    }
    loaded.sort_by_key(|script| script.name);
    Ok(loaded)
}

fn write_members(
    front: &Front,
    signature: Option<&[u8]>,
    mut spooled: payload::Spooled,
    output: impl Write,
    options: &WriteOptions<'_>,
) -> io::Result<()> {
    let meta = Meta { mode: 0o600, mtime: options.mtime };
    let mut tar = TarWriter::new(output);
    tar.file("version", meta, VERSION)?;
    tar.file("manifest", meta, &front.manifest)?;
    if let Some(signature) = signature {
        tar.file("manifest.sig", meta, signature::render(signature).as_bytes())?;
    }
    tar.file(&front.header_name, meta, &front.header)?;
    let data = format!("data/0000.tar{}", options.encoding.compression().suffix());
    tar.begin(&data, meta, spooled.size)?;
    io::copy(&mut spooled.member, &mut tar)?;
    tar.end()?;
    tar.finish()?.flush()
}
