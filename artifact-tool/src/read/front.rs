//! Everything before the first payload byte (artifact format §13, steps 1 to 7).

use std::io::Read;

use serde_json::Value;

use super::outer::Outer;
use super::{Fault, ReadOptions, Rule};
use crate::description::{FormatVersion, Header, Signature, Verified};
use crate::digest::Digest;
use crate::header::{self, Parts, Stored};
use crate::json;
use crate::limits::Limits;
use crate::manifest::{self, Manifest, Part};
use crate::signature;

/// Reads up to and including the tar header of the first data member.
pub(super) fn read<R: Read>(outer: &mut Outer<R>, options: &ReadOptions) -> Result<Header, Fault> {
    let limits = &options.limits;
    outer.advance()?;
    expect(outer, "version")?;
    let version_bytes = outer.take("version", limits.version)?;
    let version = parse_version(&version_bytes, limits)?;

    outer.advance()?;
    expect(outer, "manifest")?;
    let manifest_bytes = outer.take("manifest", limits.manifest)?;
    let manifest = Manifest::parse(&manifest_bytes, limits)?;

    outer.advance()?;
    let signature = read_signature(outer, &manifest_bytes, options)?;
    if manifest.digest("version") != Some(Digest::of(&version_bytes)) {
        return Err(Rule::Checksum("version".to_owned()).into());
    }
    let manifest_augment = read_manifest_augment(outer, version, &manifest, options)?;

    let stored = read_header(
        outer,
        "header.tar",
        "header.tar, with the suffix of its compression",
        &manifest,
        limits,
    )?;
    outer.advance()?;
    let augment = read_header_augment(outer, &stored, manifest_augment.as_ref(), limits)?;
    let parts = Parts {
        version,
        manifest,
        manifest_sha256: Digest::of(&manifest_bytes),
        manifest_augment,
        signature,
        stored,
        augment,
    };
    Ok(header::assemble(parts, limits)?)
}

fn expect<R: Read>(outer: &Outer<R>, name: &'static str) -> Result<(), Rule> {
    if outer.peek() == Some(name) { Ok(()) } else { Err(outer.unexpected(name)) }
}

/// Parses the member `version` (artifact format §2).
fn parse_version(bytes: &[u8], limits: &Limits) -> Result<FormatVersion, Rule> {
    let map = json::object(bytes, limits.json_depth).map_err(|error| Rule::Version(error.to_string()))?;
    if map.get("format").and_then(Value::as_str) != Some("mender") {
        return Err(Rule::Version("the format is not \"mender\"".to_owned()));
    }
    if let Some(key) = map.keys().find(|key| !matches!(key.as_str(), "format" | "version")) {
        return Err(Rule::Version(format!("unknown key {key:?}")));
    }
    match map.get("version").and_then(Value::as_u64) {
        Some(2) => Ok(FormatVersion::V2),
        Some(3) => Ok(FormatVersion::V3),
        Some(other) => Err(Rule::UnsupportedVersion(other)),
        None => Err(Rule::Version("the version is not an integer".to_owned())),
    }
}

fn read_signature<R: Read>(
    outer: &mut Outer<R>,
    manifest: &[u8],
    options: &ReadOptions,
) -> Result<Option<Signature>, Fault> {
    if outer.peek() != Some("manifest.sig") {
        return if options.keys.is_empty() { Ok(None) } else { Err(Rule::SignatureMissing.into()) };
    }
    let text = outer.take("manifest.sig", options.limits.signature)?;
    let (bytes, base64_length) = signature::parse(&text).ok_or(Rule::SignatureEncoding)?;
    let fits = options.keys.iter().enumerate().find(|(_, key)| key.verifies(manifest, &bytes));
    let verified = fits.map(|(key_index, key)| Verified { key_index, algorithm: key.algorithm() });
    if verified.is_none() && !options.keys.is_empty() {
        return Err(Rule::SignatureMismatch.into());
    }
    outer.advance()?;
    Ok(Some(Signature { bytes, base64_length, verified }))
}

fn read_manifest_augment<R: Read>(
    outer: &mut Outer<R>,
    version: FormatVersion,
    manifest: &Manifest,
    options: &ReadOptions,
) -> Result<Option<Manifest>, Fault> {
    if outer.peek() != Some("manifest-augment") {
        return Ok(None);
    }
    if version == FormatVersion::V2 {
        return Err(outer.unexpected("header.tar").into());
    }
    if !options.allow_augmented {
        return Err(Rule::Augmented.into());
    }
    let bytes = outer.take("manifest-augment", options.limits.manifest)?;
    let augment = Manifest::parse_part(&bytes, Part::Augment, &options.limits)?;
    if let Some(entry) = augment.entries().iter().find(|entry| manifest.digest(&entry.name).is_some()) {
        return Err(Rule::ListedTwice(entry.name.clone()).into());
    }
    outer.advance()?;
    Ok(Some(augment))
}

/// Reads a header member whole and compares its digest; it is not decompressed yet.
fn read_header<R: Read>(
    outer: &mut Outer<R>,
    stem: &'static str,
    expected: &'static str,
    manifest: &Manifest,
    limits: &Limits,
) -> Result<Stored, Fault> {
    let name = outer.peek().unwrap_or_default().to_owned();
    let compression = manifest::header_compression(&name, stem).ok_or_else(|| outer.unexpected(expected))?;
    let bytes = outer.take("header", limits.header_compressed)?;
    let digest = manifest.digest(&name).ok_or_else(|| Rule::NotListed(name.clone()))?;
    if digest != Digest::of(&bytes) {
        return Err(Rule::Checksum(name).into());
    }
    outer.compression = compression;
    let raw = header::unpack(&bytes, compression, limits)?;
    Ok(Stored { name, compression, raw })
}

fn read_header_augment<R: Read>(
    outer: &mut Outer<R>,
    stored: &Stored,
    manifest: Option<&Manifest>,
    limits: &Limits,
) -> Result<Option<Stored>, Fault> {
    let is_present = outer.peek().is_some_and(|name| name.starts_with("header-augment.tar"));
    match manifest {
        None if is_present => Err(Rule::AugmentPair.into()),
        Some(_) if !is_present => Err(Rule::AugmentPair.into()),
        None => Ok(None),
        Some(manifest) => {
            let expected = "header-augment.tar, compressed like the header";
            if outer.peek().map(|name| name.replacen("-augment", "", 1)).as_deref() != Some(&stored.name) {
                return Err(outer.unexpected(expected).into());
            }
            let augment = read_header(outer, "header-augment.tar", expected, manifest, limits)?;
            outer.advance()?;
            Ok(Some(augment))
        }
    }
}
