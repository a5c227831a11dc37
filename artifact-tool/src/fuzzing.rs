//! Inner parts of the reader, for the fuzz targets in `fuzz/` alone. No interface: nothing here is kept.

use std::io::{BufReader, Read};

use crate::compression::{Compression, Decoder};
use crate::description::{FormatVersion, Header};
use crate::digest::Digest;
use crate::header::{Parts, Scripts, Stored, assemble, unpack};
use crate::limits::Limits;
use crate::manifest::{self, Manifest};
use crate::read::Rule;
use crate::signature;
use crate::tar::TarReader;

/// Reads a whole tar: names and contents of its entries, or `None` if it is refused.
#[must_use]
pub fn tar(bytes: &[u8], limits: &Limits) -> Option<Vec<(String, Vec<u8>)>> {
    let mut tar = TarReader::new(bytes, limits, limits.zero_tail);
    let mut entries = Vec::new();
    while let Some(entry) = tar.next_entry().ok()? {
        entries.push((entry.name, tar.contents("entry", u64::MAX).ok()?));
    }
    Some(entries)
}

/// Reads a header member as if its digest had been compared, in an artifact without payload files.
#[must_use]
pub fn header(
    member: &[u8],
    compression: Compression,
    version: FormatVersion,
    limits: &Limits,
) -> Option<Header> {
    let raw = unpack(member, compression, limits, Scripts::Contents).ok()?;
    let name = format!("header.tar{}", compression.suffix());
    let lines = [("version", Digest::of(b"")), (name.as_str(), Digest::of(member))];
    let text = manifest::render(lines);
    let parts = Parts {
        version,
        manifest: Manifest::parse(&text, limits).ok()?,
        manifest_sha256: Digest::of(&text),
        manifest_augment: None,
        signature: None,
        stored: Stored { compression, raw },
        augment: None,
    };
    assemble(parts, limits).ok()
}

/// The canonical text of a manifest.
#[must_use]
pub fn manifest(manifest: &Manifest) -> Vec<u8> {
    manifest::render(manifest.entries().iter().map(|entry| (entry.name.as_str(), entry.sha256)))
}

/// Parses the unsigned manifest.
pub fn manifest_augment(bytes: &[u8], limits: &Limits) -> Result<Manifest, Rule> {
    Manifest::parse_part(bytes, manifest::Part::Augment, limits)
}

/// Decompresses one stream that comes in pieces of `piece` bytes, up to `most` bytes of it; also returns how much
/// of the input was left over. `None` if it is refused.
#[must_use]
pub fn decompress(
    mut bytes: &[u8],
    compression: Compression,
    limits: &Limits,
    piece: usize,
    most: u64,
) -> Option<(Vec<u8>, usize)> {
    let mut plain = Vec::new();
    let mut pieces = BufReader::with_capacity(piece, &mut bytes);
    Decoder::new(compression, &mut pieces, limits).ok()?.take(most).read_to_end(&mut plain).ok()?;
    let buffered = pieces.buffer().len();
    Some((plain, buffered + bytes.len()))
}

/// Decodes the text of a signature.
#[must_use]
pub fn signature(member: &[u8]) -> Option<Vec<u8>> {
    signature::parse(member).map(|(signature, _)| signature)
}

/// Encodes a signature as text.
#[must_use]
pub fn signature_text(signature: &[u8]) -> String {
    signature::render(signature)
}
