use std::io::{self, Read, Write};

use crate::description::Member;

const ZEROS: [u8; 4096] = [0; 4096];

/// Copies an artifact while somebody reads it, with another signature.
///
/// Zeros are held back until something follows them: after the last member there may be any number, of which the
/// copy has only what it needs.
pub(super) struct SigningCopy<R, W> {
    input: R,
    output: W,
    /// Where in the input the next byte is.
    at: u64,
    /// Where the new signature goes: after the manifest.
    insert_at: u64,
    /// Where the old signature ends; the same if there is none.
    skip_to: u64,
    /// The new signature with its tar header, until it is written.
    member: Vec<u8>,
    zeros: u64,
    failure: Option<io::Error>,
}

impl<R: Read, W: Write> SigningCopy<R, W> {
    /// Starts at the first byte of both; `members` are those up to the old signature.
    pub(super) fn new(input: R, output: W, members: &[Member], member: Vec<u8>) -> Self {
        let end = |name: &str| members.iter().find(|member| member.name == name).map(|member| member.end);
        let insert_at = end("manifest").unwrap_or_default();
        let skip_to = end("manifest.sig").unwrap_or(insert_at);
        Self { input, output, at: 0, insert_at, skip_to, member, zeros: 0, failure: None }
    }

    /// Takes the error of the output, if it failed.
    pub(super) fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Writes the zeros that belong to the last member, which ends at `end` of the input.
    pub(super) fn finish(&mut self, end: u64) -> io::Result<()> {
        let written = self.at.saturating_sub(self.zeros);
        self.zeros = end.saturating_sub(written);
        self.write_zeros()
    }

    fn copy(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            // What comes before the signature, in its place, and after it.
            let next = if self.at < self.insert_at {
                self.insert_at
            } else if self.at < self.skip_to {
                self.skip_to
            } else {
                u64::MAX
            };
            let room = usize::try_from(next - self.at).unwrap_or(usize::MAX);
            let (part, rest) = bytes.split_at(room.min(bytes.len()));
            if self.at < self.insert_at || self.at >= self.skip_to {
                self.write(part)?;
            }
            self.at += u64::try_from(part.len()).unwrap_or_default();
            if self.at == self.insert_at {
                self.write_zeros()?;
                self.output.write_all(&self.member)?;
            }
            bytes = rest;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let (kept, zeros) = bytes.split_at(end);
        if !kept.is_empty() {
            self.write_zeros()?;
            self.output.write_all(kept)?;
        }
        self.zeros += u64::try_from(zeros.len()).unwrap_or_default();
        Ok(())
    }

    fn write_zeros(&mut self) -> io::Result<()> {
        while self.zeros > 0 {
            let length = usize::try_from(self.zeros).unwrap_or(usize::MAX).min(ZEROS.len());
            self.output.write_all(ZEROS.get(..length).unwrap_or_default())?;
            self.zeros -= u64::try_from(length).unwrap_or_default();
        }
        Ok(())
    }
}

impl<R: Read, W: Write> Read for SigningCopy<R, W> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buf)?;
        match self.copy(buf.get(..read).unwrap_or_default()) {
            Ok(()) => Ok(read),
            Err(error) => {
                let shown = io::Error::new(error.kind(), "the output failed");
                self.failure = Some(error);
                Err(shown)
            }
        }
    }
}
