use std::io::{Read, Seek};

use super::front::{self, Front};
use super::outer::Outer;
use super::payload::{self, Discard, Lists, PayloadSink};
use super::{Fault, ReadError, ReadOptions, Rule};
use crate::description::{Artifact, Header, Member};

/// Reads and checks a whole artifact, to the end of the input.
pub fn read(input: impl Read, options: &ReadOptions) -> Result<Artifact, ReadError> {
    Reader::open(input, options)?.payloads(&mut Discard)
}

/// An artifact of which everything before the first payload byte was read and checked.
///
/// The caller decides by [`header`](Self::header) whether the device type and the depends fit, then goes on with
/// [`payloads`](Self::payloads), or drops the reader.
pub struct Reader<R> {
    outer: Outer<R>,
    options: ReadOptions,
    header: Header,
}

impl<R: Read> Reader<R> {
    /// Reads `version`, `manifest`, its signature and the header (artifact format §13, steps 1 to 7).
    ///
    /// If keys are given, the signature is verified over the exact bytes of the manifest before anything after
    /// it is looked at.
    pub fn open(input: R, options: &ReadOptions) -> Result<Self, ReadError> {
        let mut outer = Outer::new(input, options);
        match front::read(&mut outer, options) {
            Ok(Front::Whole(header)) => Ok(Self { outer, options: options.clone(), header: *header }),
            // Only a survey gets lists without a header; the words are for a reader that would, too.
            Ok(Front::Lists { .. }) => {
                Err(outer.locate(Fault::Rule(Rule::HeaderLacks("header-info".to_owned()))))
            }
            Err(fault) => Err(outer.locate(fault)),
        }
    }

    /// Returns what is known before the payloads.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the outer members so far; the last one may be incomplete.
    pub(crate) fn members(&self) -> &[Member] {
        &self.outer.members
    }

    /// Reads the payloads and everything up to the end of the input (artifact format §13, steps 9 and 10),
    /// handing file contents to `sink`.
    pub fn payloads<S: PayloadSink>(mut self, sink: &mut S) -> Result<Artifact, ReadError> {
        match payload::read_all(&mut self.outer, Lists::of(&self.header), &self.options, sink) {
            Ok(files) => Ok(Artifact {
                files,
                size: self.outer.source().offset(),
                sha256: self.outer.source().digest(),
                members: self.outer.members,
                header: self.header,
            }),
            Err(fault) => Err(self.outer.locate(fault)),
        }
    }
}

impl<R: Read + Seek> Reader<R> {
    /// Passes over the payloads without reading them, up to the end of the input; returns the outer members. Their order
    /// and form are checked, and nothing of what is in the payloads.
    pub(crate) fn pass_over_payloads(mut self) -> Result<Vec<Member>, ReadError> {
        match payload::pass_over(&mut self.outer, Lists::of(&self.header)) {
            Ok(()) => Ok(self.outer.members),
            Err(fault) => Err(self.outer.locate(fault)),
        }
    }
}
