//! Everything before the first payload byte (artifact format §13, steps 1 to 7).

use std::io::Read;

use serde_json::Value;

use super::outer::Outer;
use super::{Fault, ReadOptions, Rule};
use crate::description::{FormatVersion, Header, Signature, Verified};
use crate::digest::Digest;
use crate::header::{self, Parts, Scripts, Stored};
use crate::json;
use crate::limits::Limits;
use crate::manifest::{self, Manifest, Part};
use crate::signature;

/// What is known before the first payload byte.
pub(super) enum Front {
    /// All of it, and it fits together.
    Whole(Box<Header>),
    /// A header that is not good, which only a survey goes on after.
    Lists { manifest: Manifest, manifest_augment: Option<Manifest> },
}

/// Reads up to and including the tar header of the first data member.
pub(super) fn read<R: Read>(outer: &mut Outer<R>, options: &ReadOptions) -> Result<Front, Fault> {
    let limits = &options.limits;
    outer.advance()?;
    expect(outer, "version")?;
    let version_bytes = outer.take("version", limits.version)?;
    let version = match parse_version(&version_bytes, limits) {
        Err(rule @ Rule::Version(_)) => {
            outer.fault(rule)?;
            FormatVersion::V3
        }
        other => other?,
    };

    outer.advance()?;
    expect(outer, "manifest")?;
    let manifest_bytes = outer.take("manifest", limits.manifest)?;
    let manifest = Manifest::parse(&manifest_bytes, limits)?;

    outer.advance()?;
    let signature = read_signature(outer, &manifest_bytes, options)?;
    if manifest.digest("version") != Some(Digest::of(&version_bytes)) {
        outer.fault(Rule::Checksum("version".to_owned()))?;
    }
    let manifest_augment = read_manifest_augment(outer, version, &manifest, options)?;

    let expected = "header.tar, with the suffix of its compression";
    let (name, stored) = read_header(outer, "header.tar", expected, &manifest, options)?;
    outer.advance()?;
    let augment = read_header_augment(outer, &name, manifest_augment.as_ref(), options)?;
    let (Some(stored), Additions::Read(augment)) = (stored, augment) else {
        return Ok(Front::Lists { manifest, manifest_augment });
    };
    let parts = Parts {
        version,
        manifest: manifest.clone(),
        manifest_sha256: Digest::of(&manifest_bytes),
        manifest_augment: manifest_augment.clone(),
        signature,
        stored,
        augment,
    };
    match header::assemble(parts, limits) {
        Ok(header) => Ok(Front::Whole(Box::new(header))),
        Err(rule) => {
            outer.fault(rule)?;
            Ok(Front::Lists { manifest, manifest_augment })
        }
    }
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
    let judge = |signature: Option<&[u8]>| {
        let judged = options.judge.as_ref().map_or(Ok(()), |judge| judge.judge(manifest, signature));
        judged.map_err(Rule::SignatureRefused)
    };
    let is_signed = outer.peek() == Some("manifest.sig");
    outer.is_signed = Some(is_signed);
    if !is_signed {
        judge(None)?;
        if !options.keys.is_empty() {
            outer.fault(Rule::SignatureMissing)?;
        }
        return Ok(None);
    }
    let text = outer.take("manifest.sig", options.limits.signature)?;
    let Some((bytes, base64_length)) = signature::parse(&text) else {
        outer.fault(Rule::SignatureEncoding)?;
        outer.advance()?;
        return Ok(None);
    };
    judge(Some(&bytes))?;
    let fits = options.keys.iter().enumerate().find(|(_, key)| key.verifies(manifest, &bytes));
    let verified = fits.map(|(key_index, key)| Verified { key_index, algorithm: key.algorithm() });
    if verified.is_none() && !options.keys.is_empty() {
        outer.fault(Rule::SignatureMismatch)?;
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

/// Reads a header member whole and compares its digest before it is decompressed; returns its name and, unless it
/// is beyond reading, what it holds.
fn read_header<R: Read>(
    outer: &mut Outer<R>,
    stem: &'static str,
    expected: &'static str,
    manifest: &Manifest,
    options: &ReadOptions,
) -> Result<(String, Option<Stored>), Fault> {
    let limits = &options.limits;
    let name = outer.peek().unwrap_or_default().to_owned();
    let compression = manifest::header_compression(&name, stem).ok_or_else(|| outer.unexpected(expected))?;
    let bytes = outer.take("header", limits.header_compressed)?;
    match manifest.digest(&name) {
        None => outer.fault(Rule::NotListed(name.clone()))?,
        Some(digest) if digest != Digest::of(&bytes) => outer.fault(Rule::Checksum(name.clone()))?,
        Some(_) => {}
    }
    outer.compression = compression;
    let scripts = if options.scripts { Scripts::Contents } else { Scripts::Digests };
    let stored = match header::unpack(&bytes, compression, limits, scripts) {
        Ok(raw) => Some(Stored { compression, raw }),
        Err(fault) => {
            outer.give_up_member(fault)?;
            None
        }
    };
    Ok((name, stored))
}

/// The unsigned header.
enum Additions {
    /// What it holds, if there is one.
    Read(Option<Stored>),
    /// It is beyond reading.
    Unreadable,
}

/// Reads the unsigned header, if there is one.
fn read_header_augment<R: Read>(
    outer: &mut Outer<R>,
    header_name: &str,
    manifest: Option<&Manifest>,
    options: &ReadOptions,
) -> Result<Additions, Fault> {
    let is_present = outer.peek().is_some_and(|name| name.starts_with("header-augment.tar"));
    match manifest {
        None if is_present => Err(Rule::AugmentPair.into()),
        Some(_) if !is_present => Err(Rule::AugmentPair.into()),
        None => Ok(Additions::Read(None)),
        Some(manifest) => {
            let expected = "header-augment.tar, compressed like the header";
            if outer.peek().map(|name| name.replacen("-augment", "", 1)).as_deref() != Some(header_name) {
                return Err(outer.unexpected(expected).into());
            }
            let (_, augment) = read_header(outer, "header-augment.tar", expected, manifest, options)?;
            outer.advance()?;
            Ok(augment.map_or(Additions::Unreadable, |stored| Additions::Read(Some(stored))))
        }
    }
}
