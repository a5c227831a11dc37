//! The whole file from its parts.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};

use super::payload::{self, Spooled};
use super::{Blueprint, InputFile, WriteError, WriteOptions, json};
use crate::compression::{Compression, Encoder, Encoding};
use crate::description::FormatVersion;
use crate::digest::Digest;
use crate::header::{self, Parts, Scripts, Stored};
use crate::limits::Limits;
use crate::manifest::{self, Manifest, Part};
use crate::read::{Fault, Rule};
use crate::signature;
use crate::tar::{Meta, TarWriter};

/// Size of a block of a tar.
const BLOCK: u64 = 512;

/// Payload files that are still to be read, and where they go meanwhile.
pub(super) struct Fresh<'a> {
    pub(super) files: Vec<&'a InputFile>,
    /// Files that only the unsigned manifest lists.
    pub(super) added_files: Vec<&'a InputFile>,
    /// Provides keys that hold the digest of the first file.
    pub(super) checksum_keys: Vec<String>,
    /// An empty file for the data member.
    pub(super) spool: File,
}

/// Writes an artifact with new payload files.
pub(super) fn write_fresh(
    blueprint: &Blueprint,
    fresh: Fresh<'_>,
    output: impl Write,
    options: &WriteOptions<'_>,
) -> Result<(), WriteError> {
    payload::check_names(fresh.files.iter().chain(&fresh.added_files).copied())?;
    // What the reader would refuse is found before the payload is read, which may take long.
    let unknown = |files: &[&InputFile]| -> Vec<(String, Digest)> {
        files.iter().map(|file| (file.name().to_owned(), Digest::of(&[]))).collect()
    };
    let names = Listed { files: unknown(&fresh.files), added_files: unknown(&fresh.added_files) };
    Front::build(&with_checksum(blueprint, &fresh.checksum_keys, &names), &names, None, options)?;
    let spooled = payload::spool(&fresh.files, &fresh.added_files, fresh.spool, options)?;
    let blueprint = with_checksum(blueprint, &fresh.checksum_keys, &spooled.listed);
    write_spooled(&blueprint, spooled, None, output, options)
}

/// Writes an artifact whose data member is there already; `additions` are copied as they are.
pub(super) fn write_spooled(
    blueprint: &Blueprint,
    spooled: Spooled<'_>,
    additions: Option<StoredAdditions>,
    output: impl Write,
    options: &WriteOptions<'_>,
) -> Result<(), WriteError> {
    let front = Front::build(blueprint, &spooled.listed, additions, options)?;
    if let Some(limit) = options.max_size.filter(|limit| front.size(&spooled, options) > *limit) {
        return Err(WriteError::TooLarge(limit));
    }
    let signature = options.key.map(|key| key.sign(&front.manifest)).transpose()?;
    front.write(signature.as_deref(), spooled, output, options).map_err(WriteError::output)
}

fn with_checksum<'a>(blueprint: &'a Blueprint, keys: &[String], listed: &Listed) -> Cow<'a, Blueprint> {
    let mut blueprint = Cow::Borrowed(blueprint);
    if let Some((_, digest)) = listed.files.first() {
        for key in keys {
            blueprint.to_mut().provides.insert(key.clone(), digest.to_string());
        }
    }
    blueprint
}

/// Files of the payload with their digests.
#[derive(Clone, Debug, Default)]
pub(super) struct Listed {
    pub(super) files: Vec<(String, Digest)>,
    /// Those that only the unsigned manifest lists.
    pub(super) added_files: Vec<(String, Digest)>,
}

/// The unsigned members of an artifact that was read.
pub(crate) struct StoredAdditions {
    pub(crate) manifest: Vec<u8>,
    pub(crate) header_name: String,
    pub(crate) header: Vec<u8>,
}

/// Everything before the data.
struct Front {
    version: &'static [u8],
    manifest: Vec<u8>,
    header_name: String,
    header: Vec<u8>,
    additions: Option<StoredAdditions>,
}

impl Front {
    /// Makes header and manifest, and has them checked by the reader's own rules.
    fn build(
        blueprint: &Blueprint,
        listed: &Listed,
        stored: Option<StoredAdditions>,
        options: &WriteOptions<'_>,
    ) -> Result<Self, WriteError> {
        let compression = options.encoding.compression();
        let header_name = format!("header.tar{}", compression.suffix());
        let header = header(blueprint, listed, options).map_err(WriteError::output)?;
        let version: &[u8] = match blueprint.version {
            FormatVersion::V2 => br#"{"format":"mender","version":2}"#,
            FormatVersion::V3 => br#"{"format":"mender","version":3}"#,
        };
        let manifest = manifest(&listed.files, &[(&header_name, &header), ("version", version)]);
        let additions = match stored {
            Some(stored) => Some(stored),
            None => additions(blueprint, listed, compression, options).map_err(WriteError::output)?,
        };
        let front = Self { version, manifest, header_name, header, additions };
        front.check(blueprint.version)?;
        Ok(front)
    }

    fn check(&self, version: FormatVersion) -> Result<(), WriteError> {
        let limits = Limits::default();
        let manifest_augment = self.additions.as_ref().map(|additions| {
            let manifest = Manifest::parse_part(&additions.manifest, Part::Augment, &limits)?;
            Ok::<_, Rule>((
                manifest,
                stored(&additions.header_name, "header-augment.tar", &additions.header)?,
            ))
        });
        let (manifest_augment, augment) = manifest_augment.transpose()?.unzip();
        let parts = Parts {
            version,
            manifest: Manifest::parse(&self.manifest, &limits)?,
            manifest_sha256: Digest::of(&self.manifest),
            manifest_augment,
            signature: None,
            stored: stored(&self.header_name, "header.tar", &self.header)?,
            augment,
        };
        header::assemble(parts, &limits)?;
        Ok(())
    }

    /// Returns the size of the artifact, a signature counted as one block.
    fn size(&self, spooled: &Spooled<'_>, options: &WriteOptions<'_>) -> u64 {
        let added = self.additions.iter().flat_map(|added| [&added.manifest, &added.header]);
        let members =
            [self.version, &self.manifest, &self.header].into_iter().chain(added.map(Vec::as_slice));
        let members = members.map(|bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let signature = options.key.map(|_| BLOCK);
        let size = |contents: u64| BLOCK.saturating_add(contents.next_multiple_of(BLOCK));
        let contents = members.chain(signature).chain([spooled.size]);
        contents.map(size).fold(2 * BLOCK, u64::saturating_add)
    }

    fn write(
        &self,
        signature: Option<&[u8]>,
        mut spooled: Spooled<'_>,
        output: impl Write,
        options: &WriteOptions<'_>,
    ) -> io::Result<()> {
        let meta = Meta { mode: 0o600, mtime: options.mtime };
        let mut tar = TarWriter::new(output);
        tar.file("version", meta, self.version)?;
        tar.file("manifest", meta, &self.manifest)?;
        if let Some(signature) = signature {
            tar.file("manifest.sig", meta, signature::render(signature).as_bytes())?;
        }
        if let Some(additions) = &self.additions {
            tar.file("manifest-augment", meta, &additions.manifest)?;
        }
        tar.file(&self.header_name, meta, &self.header)?;
        if let Some(additions) = &self.additions {
            tar.file(&additions.header_name, meta, &additions.header)?;
        }
        let data = format!("data/0000.tar{}", spooled.compression.suffix());
        tar.begin(&data, meta, spooled.size)?;
        io::copy(&mut spooled.member, &mut tar)?;
        tar.end()?;
        tar.finish()?.flush()
    }
}

/// Unpacks a header member again, as the reader does.
fn stored(name: &str, stem: &str, header: &[u8]) -> Result<Stored, Rule> {
    let compression = manifest::header_compression(name, stem).unwrap_or(Compression::None);
    let raw = header::unpack(header, compression, &Limits::default(), Scripts::Digests);
    let raw = raw.map_err(|fault| match fault {
        Fault::Rule(rule) => rule,
        Fault::Io(source) | Fault::Sink { source, .. } => {
            Rule::Corrupt { compression: compression.id(), why: source.to_string() }
        }
    })?;
    Ok(Stored { compression, raw })
}

fn manifest(files: &[(String, Digest)], members: &[(&str, &[u8])]) -> Vec<u8> {
    let files = files.iter().map(|(name, digest)| (format!("data/0000/{name}"), *digest));
    let members = members.iter().map(|(name, contents)| ((*name).to_owned(), Digest::of(contents)));
    let lines: Vec<_> = files.chain(members).collect();
    manifest::render(lines.iter().map(|(name, digest)| (name.as_str(), *digest)))
}

fn header(blueprint: &Blueprint, listed: &Listed, options: &WriteOptions<'_>) -> io::Result<Vec<u8>> {
    let file = Meta { mode: 0o600, mtime: options.mtime };
    let kind = blueprint.kind.as_deref();
    let mut tar = header_tar(options.encoding)?;
    tar.file("header-info", file, &json::header_info(blueprint, kind)?)?;
    let mut scripts: Vec<_> = blueprint.scripts.iter().collect();
    scripts.sort_by_key(|script| &script.name);
    for script in scripts {
        let meta = Meta { mode: script.mode, mtime: options.mtime };
        tar.file(&format!("scripts/{}", script.name), meta, &script.contents)?;
    }
    let type_info = match blueprint.version {
        FormatVersion::V2 => {
            let names = listed.files.iter().map(|(name, _)| name.as_str());
            tar.file("headers/0000/files", file, &json::files_v2(names)?)?;
            json::type_info_v2(kind)?
        }
        FormatVersion::V3 => {
            json::type_info(kind, &blueprint.depends, &blueprint.provides, &blueprint.clears)?
        }
    };
    tar.file("headers/0000/type-info", file, &type_info)?;
    if let Some(meta_data) = &blueprint.meta_data {
        tar.file("headers/0000/meta-data", file, meta_data)?;
    }
    tar.finish()?.finish()
}

fn additions(
    blueprint: &Blueprint,
    listed: &Listed,
    compression: Compression,
    options: &WriteOptions<'_>,
) -> io::Result<Option<StoredAdditions>> {
    let Some(additions) = &blueprint.additions else { return Ok(None) };
    let file = Meta { mode: 0o600, mtime: options.mtime };
    let kind = Some(additions.kind.as_str());
    let mut tar = header_tar(options.encoding)?;
    tar.file("header-info", file, &json::header_info(blueprint, kind)?)?;
    let type_info = json::type_info(kind, &additions.depends, &additions.provides, &[])?;
    tar.file("headers/0000/type-info", file, &type_info)?;
    if let Some(meta_data) = &additions.meta_data {
        tar.file("headers/0000/meta-data", file, meta_data)?;
    }
    let header = tar.finish()?.finish()?;
    let header_name = format!("header-augment.tar{}", compression.suffix());
    let manifest = manifest(&listed.added_files, &[(&header_name, &header)]);
    Ok(Some(StoredAdditions { manifest, header_name, header }))
}

fn header_tar(encoding: Encoding) -> io::Result<TarWriter<Encoder<Vec<u8>>>> {
    Ok(TarWriter::new(Encoder::new(encoding, Vec::new())?))
}

/// Turns depends as commands give them into what a blueprint holds.
pub(super) fn depends(pairs: &BTreeMap<String, String>) -> BTreeMap<String, crate::depends::DependsValue> {
    pairs.iter().map(|(key, value)| (key.clone(), crate::depends::DependsValue::One(value.clone()))).collect()
}
