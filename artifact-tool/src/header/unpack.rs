//! The tar inside the header member: which entries, in which order.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};

use crate::compression::{Compression, Decoder};
use crate::description::Script;
use crate::digest::{Digest, Hasher};
use crate::limits::Limits;
use crate::names;
use crate::read::{Fault, Rule};
use crate::tar::TarReader;

/// Entries of a header, their contents not interpreted yet.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    pub(crate) entries: Vec<String>,
    pub(crate) info: Vec<u8>,
    pub(crate) scripts: Vec<Script>,
    pub(crate) buckets: Vec<Bucket>,
}

/// What `headers/NNNN/` holds for one payload.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    /// Format version 2 only.
    pub(crate) files: Option<Vec<u8>>,
    pub(crate) type_info: Option<Vec<u8>>,
    pub(crate) meta_data: Option<Vec<u8>>,
}

/// What is kept of the contents of state scripts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scripts {
    /// Only their digests.
    Digests,
    /// All of them, as much as the limits allow.
    Contents,
}

/// Decompresses a header member whose digest was compared, and sorts out its entries.
pub(crate) fn unpack(
    member: &[u8],
    compression: Compression,
    limits: &Limits,
    scripts: Scripts,
) -> Result<Raw, Fault> {
    let mut rest = member;
    let mut plain = Decoder::new(compression, &mut rest, limits)?.take(limits.header);
    let read = read_entries(&mut plain, limits, scripts);
    if plain.limit() == 0 {
        return Err(Rule::TooLarge { what: "header", size: limits.header, limit: limits.header }.into());
    }
    drop(plain);
    let raw = read?;
    if rest.is_empty() { Ok(raw) } else { Err(Rule::AfterStream.into()) }
}

fn read_entries(plain: &mut impl Read, limits: &Limits, scripts: Scripts) -> Result<Raw, Fault> {
    let mut tar = TarReader::new(BufReader::new(plain), limits, limits.zero_tail);
    let mut raw = Raw::default();
    let mut script_names = BTreeSet::new();
    let mut texts = 0_u64;
    while let Some(entry) = tar.next_entry()? {
        raw.entries.push(entry.name.clone());
        let wrong = |why| Rule::HeaderEntry { name: entry.name.clone(), why };
        if raw.entries.len() == 1 {
            if entry.name != "header-info" {
                return Err(wrong("comes first, where header-info belongs").into());
            }
            raw.info = tar.contents("header-info", limits.header_info)?;
        } else if let Some(name) = entry.name.strip_prefix("scripts/") {
            if !raw.buckets.is_empty() {
                return Err(wrong("is a script after the first payload").into());
            }
            if !names::is_script(name) || !script_names.insert(name.to_owned()) {
                return Err(Rule::ScriptName(name.to_owned()).into());
            }
            if raw.scripts.len() == limits.scripts {
                return Err(Rule::TooMany { what: "scripts", limit: limits.scripts }.into());
            }
            let (sha256, contents) = match scripts {
                Scripts::Digests => (script_digest(&mut tar, entry.size, limits)?, None),
                Scripts::Contents => {
                    let contents = tar.contents("script", limits.script)?;
                    (Digest::of(&contents), Some(contents))
                }
            };
            let (name, size, mode) = (name.to_owned(), entry.size, entry.mode);
            raw.scripts.push(Script { name, size, mode, sha256, contents });
        } else {
            let (index, name) = bucket_entry(&entry.name).ok_or_else(|| wrong("does not belong here"))?;
            if index == raw.buckets.len() {
                if index == limits.payloads {
                    return Err(Rule::TooMany { what: "payloads", limit: limits.payloads }.into());
                }
                raw.buckets.push(Bucket::default());
            }
            let is_current = index + 1 == raw.buckets.len();
            let bucket = raw.buckets.last_mut().filter(|_| is_current);
            let (slot, what, limit) = bucket
                .and_then(|bucket| bucket.slot(name, limits))
                .ok_or_else(|| wrong("is out of order, unknown, or occurs twice"))?;
            *slot = Some(tar.contents(what, limit)?);
            // As values they take some 25 times as much memory.
            texts = texts.saturating_add(entry.size);
            if texts > limits.payload_texts {
                let (what, limit) = ("type-info and meta-data of all payloads", limits.payload_texts);
                return Err(Rule::TooLarge { what, size: texts, limit }.into());
            }
        }
    }
    if raw.entries.is_empty() {
        return Err(Rule::HeaderLacks("header-info".to_owned()).into());
    }
    Ok(raw)
}

impl Bucket {
    /// Returns where the entry `name` belongs, if it may come next.
    fn slot(&mut self, name: &str, limits: &Limits) -> Option<(&mut Option<Vec<u8>>, &'static str, u64)> {
        match (name, &self.files, &self.type_info, &self.meta_data) {
            ("files", None, None, None) => Some((&mut self.files, "files", limits.type_info)),
            ("type-info", _, None, None) => Some((&mut self.type_info, "type-info", limits.type_info)),
            ("meta-data", _, Some(_), None) => Some((&mut self.meta_data, "meta-data", limits.meta_data)),
            _ => None,
        }
    }
}

fn script_digest<R: BufRead>(tar: &mut TarReader<R>, size: u64, limits: &Limits) -> Result<Digest, Fault> {
    if size > limits.script {
        return Err(Rule::TooLarge { what: "script", size, limit: limits.script }.into());
    }
    let mut hasher = Hasher::new();
    loop {
        let bytes = tar.fill_buf()?;
        if bytes.is_empty() {
            return Ok(hasher.finish());
        }
        hasher.update(bytes);
        let length = bytes.len();
        tar.consume(length);
    }
}

/// Splits `headers/NNNN/NAME`.
fn bucket_entry(path: &str) -> Option<(usize, &str)> {
    let (index, name) = path.strip_prefix("headers/")?.split_once('/')?;
    let is_index = index.len() == 4 && index.bytes().all(|byte| byte.is_ascii_digit());
    is_index.then_some(())?;
    Some((index.parse().ok()?, name))
}
