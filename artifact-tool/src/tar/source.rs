use std::io::{self, BufRead, ErrorKind, Read, Seek, SeekFrom};

use crate::digest::{Digest, Hasher};

const BUFFER: usize = 64 * 1024;

/// A buffered input that counts, optionally hashes, and remembers its own failure.
///
/// Decoders turn every error into one of theirs; what the input itself said is kept here, so that a broken
/// connection is never mistaken for a corrupt file.
pub(crate) struct Source<R> {
    input: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    offset: u64,
    hasher: Option<Hasher>,
    failure: Option<io::Error>,
}

impl<R: Read> Source<R> {
    pub(crate) fn new(input: R, is_hashed: bool) -> Self {
        Self {
            input,
            buffer: vec![0; BUFFER],
            start: 0,
            end: 0,
            offset: 0,
            hasher: is_hashed.then(Hasher::new),
            failure: None,
        }
    }

    /// Returns how many bytes were consumed.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the digest of the bytes consumed, if it is computed.
    pub(crate) fn digest(&self) -> Option<Digest> {
        self.hasher.clone().map(Hasher::finish)
    }

    /// Takes the error that the input returned, if it did.
    pub(crate) fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Returns true if the input returned an error that was not taken yet.
    pub(crate) const fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Keeps an error of the input; returns what a decoder is shown instead.
    fn fail(&mut self, error: io::Error) -> io::Error {
        let shown = io::Error::new(error.kind(), "the input failed");
        self.failure = Some(error);
        shown
    }

    fn buffered(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }
}

impl<R: Read + Seek> Source<R> {
    /// Goes on behind the next `length` bytes, of which those that are not buffered are neither read nor hashed.
    pub(crate) fn skip(&mut self, length: u64) -> io::Result<()> {
        let buffered = u64::try_from(self.buffered().len()).unwrap_or_default();
        let Some(beyond) = length.checked_sub(buffered) else {
            self.start += usize::try_from(length).unwrap_or_default();
            self.offset += length;
            return Ok(());
        };
        self.start = self.end;
        let beyond = i64::try_from(beyond).map_err(io::Error::other)?;
        if let Err(error) = self.input.seek(SeekFrom::Current(beyond)) {
            return Err(self.fail(error));
        }
        self.offset = self.offset.saturating_add(length);
        Ok(())
    }
}

impl<R: Read> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.start == self.end {
            match self.input.read(&mut self.buffer) {
                Ok(0) => return Ok(&[]),
                Ok(read) => (self.start, self.end) = (0, read),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.fail(error)),
            }
        }
        Ok(self.buffered())
    }

    fn consume(&mut self, amount: usize) {
        let taken = self.buffer.get(self.start..self.end).and_then(|bytes| bytes.get(..amount));
        if let Some(hasher) = &mut self.hasher {
            hasher.update(taken.unwrap_or_default());
        }
        self.start = (self.start + amount).min(self.end);
        self.offset += u64::try_from(amount).unwrap_or_default();
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buf)?;
        self.consume(read);
        Ok(read)
    }
}
