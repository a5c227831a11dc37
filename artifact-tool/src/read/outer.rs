use std::io::{BufRead, Read, Seek};

use super::{Fault, ReadError, ReadOptions, Refusal, Rule};
use crate::compression::Compression;
use crate::description::Member;
use crate::digest::Hasher;
use crate::tar::{Entry, Source, TarReader};

/// No more broken rules than these are kept of one artifact.
pub(super) const MAX_FAULTS: usize = 1000;

/// The outer tar with its position: knows which member is being read, and turns faults into errors.
pub(super) struct Outer<R> {
    tar: TarReader<Source<R>>,
    next: Option<Entry>,
    start: u64,
    hasher: Option<Hasher>,
    declared: Option<u64>,
    limit: u64,
    fingerprints: bool,
    /// Entry inside the member, for messages.
    pub(super) entry: Option<String>,
    /// Compression of the member, for messages.
    pub(super) compression: Compression,
    /// Members read so far; the last one may be incomplete.
    pub(super) members: Vec<Member>,
    /// Whether there is a signature, once that is known.
    pub(super) is_signed: Option<bool>,
    faults: Faults,
}

/// What happens at a broken rule that the reader can go on after.
enum Faults {
    /// Reading ends.
    End,
    /// It is kept, and reading goes on.
    Kept(Vec<Refusal>),
}

impl<R: Read> Outer<R> {
    pub(super) fn new(input: R, options: &ReadOptions) -> Self {
        let source = Source::new(input, options.fingerprints);
        Self {
            tar: TarReader::new(source, &options.limits, options.limits.artifact),
            next: None,
            start: 0,
            hasher: None,
            declared: options.size,
            limit: options.limits.artifact,
            fingerprints: options.fingerprints,
            entry: None,
            compression: Compression::None,
            members: Vec::new(),
            is_signed: None,
            faults: Faults::End,
        }
    }

    /// Makes a reader that goes on after broken rules where it can.
    pub(super) fn surveying(input: R, options: &ReadOptions) -> Self {
        Self { faults: Faults::Kept(Vec::new()), ..Self::new(input, options) }
    }

    /// Returns true if reading goes on after broken rules.
    pub(super) const fn goes_on(&self) -> bool {
        matches!(self.faults, Faults::Kept(_))
    }

    /// Ends reading with a broken rule, or keeps it and goes on.
    pub(super) fn fault(&mut self, rule: Rule) -> Result<(), Fault> {
        let entry = self.entry.clone();
        self.fault_in(entry, rule)
    }

    /// The same for an entry inside the member.
    pub(super) fn fault_in(&mut self, entry: Option<String>, rule: Rule) -> Result<(), Fault> {
        if matches!(self.faults, Faults::End) {
            self.entry = entry;
            return Err(rule.into());
        }
        let refusal = Refusal { entry, ..self.refusal(rule) };
        self.keep(refusal);
        Ok(())
    }

    /// Keeps a broken rule.
    pub(super) fn keep(&mut self, refusal: Refusal) {
        if let Faults::Kept(faults) = &mut self.faults
            && faults.len() < MAX_FAULTS
        {
            faults.push(refusal);
        }
    }

    /// Keeps a fault after which the reader of a member cannot go on, but the next member can be looked at; ends
    /// reading if nothing is kept.
    pub(super) fn give_up_member(&mut self, fault: Fault) -> Result<(), Fault> {
        if matches!(self.faults, Faults::End) || self.tar.is_cut() || self.tar.input().has_failed() {
            return Err(fault);
        }
        match self.locate(fault) {
            ReadError::Refused(refusal) => {
                self.keep(*refusal);
                Ok(())
            }
            ReadError::Input { source, .. } | ReadError::Sink { source, .. } => Err(Fault::Io(source)),
        }
    }

    /// Takes the broken rules that were kept.
    pub(super) fn take_faults(&mut self) -> Vec<Refusal> {
        match &mut self.faults {
            Faults::End => Vec::new(),
            Faults::Kept(faults) => std::mem::take(faults),
        }
    }

    /// Ends the current member and moves to the next header; `None` after the end of the file.
    pub(super) fn advance(&mut self) -> Result<(), Fault> {
        self.tar.end_entry()?;
        let end = self.tar.input().offset();
        if let Some(member) = self.members.last_mut().filter(|member| member.end == 0) {
            member.end = end;
            member.sha256 = self.hasher.take().map(Hasher::finish);
        }
        (self.start, self.entry, self.compression) = (end, None, Compression::None);
        self.next = self.tar.next_entry()?;
        let offset = self.tar.input().offset();
        let size = self.next.as_ref().map_or(0, |next| next.size);
        if offset.saturating_add(size) > self.limit {
            return Err(Rule::TooLarge {
                what: "artifact",
                size: offset.saturating_add(size),
                limit: self.limit,
            }
            .into());
        }
        match self.declared {
            Some(declared) if size > declared.saturating_sub(offset) => {
                Err(Rule::DeclaredSize { claimed: size, left: declared.saturating_sub(offset) }.into())
            }
            Some(declared) if self.next.is_none() && offset != declared => {
                Err(Rule::FileSize { found: offset, declared }.into())
            }
            _ => Ok(()),
        }
    }

    /// Returns the name of the member whose header was read.
    pub(super) fn peek(&self) -> Option<&str> {
        self.next.as_ref().map(|entry| entry.name.as_str())
    }

    /// Begins to read the member whose header was read, if there is one.
    pub(super) fn begin(&mut self, compression: Compression) {
        if let Some(entry) = self.next.take() {
            self.hasher = self.fingerprints.then(Hasher::new);
            self.compression = compression;
            let member =
                Member { name: entry.name, start: self.start, end: 0, size: entry.size, sha256: None };
            self.members.push(member);
        }
    }

    /// Begins a member and reads it whole.
    pub(super) fn take(&mut self, what: &'static str, limit: u64) -> Result<Vec<u8>, Fault> {
        self.begin(Compression::None);
        let contents = self.tar.contents(what, limit)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&contents);
        }
        Ok(contents)
    }

    /// Returns an error for the member whose header was read, or for the end of the file.
    pub(super) fn unexpected(&self, expected: &'static str) -> Rule {
        match self.peek() {
            Some(found) => Rule::MemberOrder { found: found.to_owned(), expected },
            None => Rule::MissingMember(expected),
        }
    }

    /// Returns true if all contents of the member were read.
    pub(super) const fn is_consumed(&self) -> bool {
        self.tar.remaining() == 0
    }

    /// Returns how much of the member was not read yet.
    pub(super) const fn remaining(&self) -> u64 {
        self.tar.remaining()
    }

    pub(super) const fn source(&self) -> &Source<R> {
        self.tar.input()
    }

    /// Gives a fault its position.
    pub(super) fn locate(&mut self, fault: Fault) -> ReadError {
        let offset = self.tar.input().offset();
        if let Some(source) = self.tar.input_mut().take_failure() {
            return ReadError::Input { offset, source };
        }
        let rule = match fault {
            Fault::Sink { file, source } => return ReadError::Sink { file, source },
            _ if self.tar.is_cut() => Rule::Truncated,
            Fault::Rule(rule) => rule,
            Fault::Io(error) => Rule::Corrupt { compression: self.compression.id(), why: error.to_string() },
        };
        ReadError::Refused(Box::new(Refusal { entry: self.entry.take(), ..self.refusal(rule) }))
    }

    fn refusal(&self, rule: Rule) -> Refusal {
        let is_inside = self.members.last().is_some_and(|member| member.end == 0);
        let member = if is_inside { self.members.last().map(|member| member.name.clone()) } else { None };
        let offset = self.tar.input().offset();
        Refusal { member: member.unwrap_or_default(), entry: None, offset, rule }
    }
}

impl<R: Read + Seek> Outer<R> {
    /// Goes on behind the rest of the member without reading it; its digest is not computed.
    pub(super) fn skip(&mut self) -> Result<(), Fault> {
        self.hasher = None;
        Ok(self.tar.skip_contents()?)
    }
}

impl<R: Read> BufRead for Outer<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.tar.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Some(hasher) = &mut self.hasher {
            // The bytes are buffered, so this neither fails nor reads.
            let buffered = self.tar.fill_buf().ok().and_then(|bytes| bytes.get(..amount));
            hasher.update(buffered.unwrap_or_default());
        }
        self.tar.consume(amount);
    }
}

impl<R: Read> Read for Outer<R> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let read = self.fill_buf()?.read(buf)?;
        self.consume(read);
        Ok(read)
    }
}
