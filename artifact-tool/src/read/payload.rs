use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read, Seek};

use super::outer::{MAX_FAULTS, Outer};
use super::{Fault, ReadOptions, Rule};
use crate::compression::{Compression, Decoder};
use crate::description::{Header, PayloadFile};
use crate::digest::{Digest, Hasher};
use crate::manifest::Manifest;
use crate::names;
use crate::tar::{Entry, TarReader};

const BUFFER: usize = 64 * 1024;

/// Takes payload bytes as they stream past.
///
/// A file is good once [`end`](Self::end) was called for it, the artifact once the reader returned without an
/// error; until then everything received is void.
pub trait PayloadSink {
    /// Begins a file; its digest is the one that it must have.
    fn begin(&mut self, file: &PayloadFile) -> io::Result<()>;

    /// Takes the next bytes of the file.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Ends a file whose size and digest were right.
    fn end(&mut self, file: &PayloadFile) -> io::Result<()>;
}

/// Throws payload bytes away.
#[derive(Clone, Copy, Debug)]
pub struct Discard;

impl PayloadSink for Discard {
    fn begin(&mut self, _: &PayloadFile) -> io::Result<()> {
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, _: &PayloadFile) -> io::Result<()> {
        Ok(())
    }
}

/// What the data members are checked against.
#[derive(Clone, Copy)]
pub(super) struct Lists<'a> {
    pub(super) manifest: &'a Manifest,
    pub(super) manifest_augment: Option<&'a Manifest>,
    /// Number of payloads, if it is known.
    pub(super) payloads: Option<usize>,
}

impl<'a> Lists<'a> {
    pub(super) fn of(header: &'a Header) -> Self {
        Self {
            manifest: &header.manifest,
            manifest_augment: header.manifest_augment.as_ref(),
            payloads: Some(header.payloads.len()),
        }
    }

    fn find(self, name: &str) -> Option<(Digest, bool)> {
        match self.manifest.digest(name) {
            Some(digest) => Some((digest, false)),
            None => {
                self.manifest_augment.and_then(|manifest| manifest.digest(name)).map(|digest| (digest, true))
            }
        }
    }

    /// Returns payload and name of every listed file.
    fn files(self) -> impl Iterator<Item = (usize, &'a str)> {
        self.manifest.files().chain(self.manifest_augment.into_iter().flat_map(Manifest::files))
    }
}

/// Reads all data members and everything after them (artifact format §13, steps 9 and 10).
///
/// The header of the first data member, if there is one, was read already.
pub(super) fn read_all<R: Read, S: PayloadSink>(
    outer: &mut Outer<R>,
    lists: Lists<'_>,
    options: &ReadOptions,
    sink: &mut S,
) -> Result<Vec<PayloadFile>, Fault> {
    let mut files = Vec::new();
    // Files that occurred, good or not, and payloads of which not every file was seen.
    let (mut seen, mut unread) = (BTreeSet::new(), BTreeSet::new());
    let mut budget = options.limits.payload;
    let mut due = 0;
    while let Some((index, compression)) = next_member(outer, lists, &mut due)? {
        outer.begin(compression);
        let mut collector =
            Collector { lists, options, budget: &mut budget, files: &mut files, seen: &mut seen, sink };
        if let Err(fault) = read_member(outer, index, &mut collector) {
            outer.give_up_member(fault)?;
            unread.insert(index);
        }
        outer.advance()?;
    }
    for (payload, name) in lists.files() {
        if !unread.contains(&payload) && !seen.contains(&(payload, name.to_owned())) {
            outer.fault(Rule::ListedButMissing(format!("data/{payload:04}/{name}")))?;
        }
    }
    Ok(files)
}

/// The same without unpacking: order and form of the members are checked, not what is in them.
pub(super) fn pass_over<R: Read + Seek>(outer: &mut Outer<R>, lists: Lists<'_>) -> Result<(), Fault> {
    let mut due = 0;
    while let Some((_, compression)) = next_member(outer, lists, &mut due)? {
        outer.begin(compression);
        outer.skip()?;
        outer.advance()?;
    }
    Ok(())
}

/// The payload and the compression of the member whose header was read; `due` is the least that it may be.
fn next_member<R: Read>(
    outer: &mut Outer<R>,
    lists: Lists<'_>,
    due: &mut usize,
) -> Result<Option<(usize, Compression)>, Fault> {
    let Some(name) = outer.peek() else { return Ok(None) };
    let (index, compression) =
        data_member(name).ok_or_else(|| outer.unexpected("data/NNNN.tar or the end of the file"))?;
    if index < *due {
        return Err(outer.unexpected("the next data/NNNN.tar").into());
    }
    if lists.payloads.is_some_and(|payloads| index >= payloads) {
        outer.fault(Rule::Payloads(format!("data for payload {index}, which does not exist")))?;
    }
    *due = index + 1;
    Ok(Some((index, compression)))
}

struct Collector<'a, S> {
    lists: Lists<'a>,
    options: &'a ReadOptions,
    budget: &'a mut u64,
    files: &'a mut Vec<PayloadFile>,
    seen: &'a mut BTreeSet<(usize, String)>,
    sink: &'a mut S,
}

fn read_member<R: Read, S: PayloadSink>(
    outer: &mut Outer<R>,
    index: usize,
    collector: &mut Collector<'_, S>,
) -> Result<(), Fault> {
    let limits = &collector.options.limits;
    let compression = outer.compression;
    let allowance = match compression {
        Compression::None => u64::MAX,
        Compression::Gzip | Compression::Xz | Compression::Zstd => limits.expanded(outer.remaining()),
    };
    let mut progress =
        Progress { goes_on: outer.goes_on(), allowed: allowance, current: None, broken: Vec::new() };
    let read = (|| -> Result<(), Fault> {
        let mut plain = Decoder::new(compression, &mut *outer, limits)?.take(allowance);
        let result = read_files(&mut plain, index, collector, &mut progress);
        // Headers count too, of which an archive may have any number.
        if plain.limit() == 0 {
            let rule = Rule::TooLarge { what: "decompressed payload", size: allowance, limit: allowance };
            return Err(rule.into());
        }
        result
    })();
    for (entry, rule) in progress.broken {
        outer.fault_in(entry, rule)?;
    }
    outer.entry = progress.current;
    read?;
    if outer.is_consumed() { Ok(()) } else { Err(Rule::AfterStream.into()) }
}

/// How far a member was read.
struct Progress {
    /// A broken file does not end the reading.
    goes_on: bool,
    /// What the files that follow may have together, in bytes.
    allowed: u64,
    current: Option<String>,
    /// The decoder borrows the outer tar, so what is kept of a survey is handed over when it lets go.
    broken: Vec<(Option<String>, Rule)>,
}

fn read_files<S: PayloadSink>(
    plain: &mut impl Read,
    index: usize,
    collector: &mut Collector<'_, S>,
    progress: &mut Progress,
) -> Result<(), Fault> {
    let limits = &collector.options.limits;
    let mut tar = TarReader::new(BufReader::with_capacity(BUFFER, plain), limits, limits.zero_tail);
    let mut names = BTreeSet::new();
    // Each file counts, also one that a survey goes on after.
    let mut count = 0;
    while let Some(entry) = tar.next_entry()? {
        progress.current = Some(entry.name.clone());
        // By its claim alone, before a byte of it is decompressed.
        let (size, limit) = (entry.size, progress.allowed);
        progress.allowed =
            limit.checked_sub(size).ok_or(Rule::TooLarge { what: "decompressed payload", size, limit })?;
        if count == limits.files_per_payload {
            return Err(Rule::TooMany { what: "payload files", limit: limits.files_per_payload }.into());
        }
        count += 1;
        let checked = if names.insert(entry.name.clone()) {
            collector.file(index, entry, &mut tar)
        } else {
            Err(Rule::DuplicateFile(entry.name).into())
        };
        match checked {
            Err(Fault::Rule(rule)) if progress.goes_on && !matches!(rule, Rule::Truncated) => {
                progress.broken.push((progress.current.clone(), rule));
                progress.goes_on = progress.broken.len() < MAX_FAULTS;
            }
            other => other?,
        }
        progress.current = None;
    }
    Ok(())
}

impl<S: PayloadSink> Collector<'_, S> {
    fn file<R: BufRead>(
        &mut self,
        payload: usize,
        entry: Entry,
        tar: &mut TarReader<R>,
    ) -> Result<(), Fault> {
        if !names::is_file(&entry.name) {
            return Err(Rule::FileName(entry.name).into());
        }
        self.seen.insert((payload, entry.name.clone()));
        let listed = format!("data/{payload:04}/{}", entry.name);
        let (sha256, is_augmented) =
            self.lists.find(&listed).ok_or_else(|| Rule::NotListed(listed.clone()))?;
        let limit = self.options.limits.payload;
        *self.budget = self.budget.checked_sub(entry.size).ok_or(Rule::TooLarge {
            what: "payload",
            size: entry.size,
            limit,
        })?;
        let file = PayloadFile {
            payload,
            name: entry.name,
            size: entry.size,
            sha256,
            mode: entry.mode,
            mtime: entry.mtime,
            is_augmented,
        };
        let failed = |source| Fault::Sink { file: file.name.clone(), source };
        self.sink.begin(&file).map_err(failed)?;
        let mut hasher = Hasher::new();
        loop {
            let bytes = tar.fill_buf()?;
            if bytes.is_empty() {
                break;
            }
            hasher.update(bytes);
            self.sink.write(bytes).map_err(failed)?;
            let length = bytes.len();
            tar.consume(length);
        }
        if hasher.finish() != sha256 {
            return Err(Rule::Checksum(listed).into());
        }
        self.sink.end(&file).map_err(failed)?;
        self.files.push(file);
        Ok(())
    }
}

/// Splits `data/NNNN.tar` and a suffix.
fn data_member(name: &str) -> Option<(usize, Compression)> {
    let (index, suffix) = name.strip_prefix("data/")?.split_once(".tar")?;
    let is_index = index.len() == 4 && index.bytes().all(|byte| byte.is_ascii_digit());
    is_index.then_some(())?;
    Some((index.parse().ok()?, Compression::from_suffix(suffix)?))
}
