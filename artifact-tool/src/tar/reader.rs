use std::io::{self, BufRead, ErrorKind, Read, Seek};

use super::block::Header;
use super::extension::Extensions;
use super::source::Source;
use super::{BLOCK, padding, path};
use crate::limits::Limits;
use crate::read::{Cut, Fault, Rule};

/// A regular file in a tar.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) mode: u32,
    pub(crate) mtime: i64,
}

/// Walks a tar from its first byte to the end of the input.
///
/// After [`next_entry`](Self::next_entry) returned an entry, the reader itself yields the contents of it.
pub(crate) struct TarReader<R> {
    input: R,
    remaining: u64,
    padding: u64,
    is_cut: bool,
    extension_limit: u64,
    extensions_limit: usize,
    tail_limit: u64,
}

impl<R: BufRead> TarReader<R> {
    /// Starts at the first byte; at most `tail_limit` zero bytes may follow the end blocks.
    pub(crate) const fn new(input: R, limits: &Limits, tail_limit: u64) -> Self {
        Self {
            input,
            remaining: 0,
            padding: 0,
            is_cut: false,
            extension_limit: limits.tar_extension,
            extensions_limit: limits.tar_extensions,
            tail_limit,
        }
    }

    /// Returns the next entry; `None` after the end blocks, once everything up to the end of the input was
    /// read and is zero.
    ///
    /// Contents that were not read are skipped.
    pub(crate) fn next_entry(&mut self) -> Result<Option<Entry>, Fault> {
        self.end_entry()?;
        let mut extensions = Extensions::default();
        let mut is_extended = false;
        let mut headers = 0;
        loop {
            let block = self.block()?;
            if block.iter().all(|byte| *byte == 0) {
                if is_extended {
                    return Err(Rule::Pax("no entry follows").into());
                }
                self.end()?;
                return Ok(None);
            }
            let header = Header::parse(&block)?;
            if headers > self.extensions_limit {
                let limit = self.extensions_limit;
                return Err(Rule::TooMany { what: "tar extension headers of one entry", limit }.into());
            }
            headers += 1;
            match header.kind {
                b'x' => extensions.add_pax(&self.extension(header.size)?, false)?,
                b'g' => extensions.add_pax(&self.extension(header.size)?, true)?,
                b'L' => extensions.add_long_name(&self.extension(header.size)?)?,
                b'0' | 0 => return self.begin_entry(header, extensions).map(Some),
                other => return Err(Rule::EntryType(char::from(other)).into()),
            }
            is_extended = header.kind != b'g';
        }
    }

    /// Reads the rest of the entry's contents and checks its padding.
    pub(crate) fn end_entry(&mut self) -> Result<(), Fault> {
        while self.remaining > 0 {
            let available = self.fill_buf()?.len();
            self.consume(available);
        }
        while self.padding > 0 {
            let buffer = self.input.fill_buf()?;
            let length = buffer.len().min(usize::try_from(self.padding).unwrap_or(BLOCK));
            let Some(bytes @ [_, ..]) = buffer.get(..length) else { return Err(self.cut().into()) };
            if bytes.iter().any(|byte| *byte != 0) {
                return Err(Rule::Padding.into());
            }
            self.input.consume(length);
            self.padding -= u64::try_from(length).unwrap_or_default();
        }
        Ok(())
    }

    /// Reads the contents of the entry whole.
    pub(crate) fn contents(&mut self, what: &'static str, limit: u64) -> Result<Vec<u8>, Fault> {
        if self.remaining > limit {
            return Err(Rule::TooLarge { what, size: self.remaining, limit }.into());
        }
        let mut contents =
            Vec::with_capacity(usize::try_from(self.remaining.min(1 << 16)).unwrap_or_default());
        self.read_to_end(&mut contents)?;
        Ok(contents)
    }

    /// Returns how much of the entry's contents was not read yet.
    pub(crate) const fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Returns true if the input ended in the middle of the tar.
    pub(crate) const fn is_cut(&self) -> bool {
        self.is_cut
    }

    pub(crate) const fn input(&self) -> &R {
        &self.input
    }

    pub(crate) const fn input_mut(&mut self) -> &mut R {
        &mut self.input
    }

    fn begin_entry(&mut self, header: Header, extensions: Extensions) -> Result<Entry, Fault> {
        let size = extensions.size.unwrap_or(header.size);
        let name = path::check(extensions.path.unwrap_or(header.name))?;
        self.remaining = size;
        self.padding = padding(size);
        Ok(Entry { name, size, mode: header.mode, mtime: header.mtime })
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>, Fault> {
        self.remaining = size;
        self.padding = padding(size);
        let contents = self.contents("tar extension header", self.extension_limit)?;
        self.end_entry()?;
        Ok(contents)
    }

    fn end(&mut self) -> Result<(), Fault> {
        if self.block()?.iter().any(|byte| *byte != 0) {
            return Err(Rule::EndBlocks.into());
        }
        let mut tail = 0_u64;
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                break;
            }
            if buffer.iter().any(|byte| *byte != 0) {
                return Err(Rule::TrailingData.into());
            }
            let length = buffer.len();
            self.input.consume(length);
            tail += u64::try_from(length).unwrap_or_default();
            if tail > self.tail_limit {
                return Err(Rule::TooLarge { what: "zero tail", size: tail, limit: self.tail_limit }.into());
            }
        }
        if padding(tail) == 0 { Ok(()) } else { Err(Rule::TrailingData.into()) }
    }

    fn block(&mut self) -> Result<[u8; BLOCK], Fault> {
        let mut block = [0; BLOCK];
        match self.input.read_exact(&mut block) {
            Ok(()) => Ok(block),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(self.cut().into()),
            Err(error) => Err(error.into()),
        }
    }

    const fn cut(&mut self) -> Rule {
        self.is_cut = true;
        Rule::Truncated
    }
}

impl<R: Read + Seek> TarReader<Source<R>> {
    /// Goes on behind the rest of the entry's contents without reading it. That the input ends in it shows at what
    /// follows.
    pub(crate) fn skip_contents(&mut self) -> io::Result<()> {
        self.input.skip(self.remaining)?;
        self.remaining = 0;
        Ok(())
    }
}

impl<R: BufRead> BufRead for TarReader<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.remaining == 0 {
            return Ok(&[]);
        }
        let buffer = self.input.fill_buf()?;
        if buffer.is_empty() {
            self.is_cut = true;
            return Err(io::Error::new(ErrorKind::UnexpectedEof, Cut));
        }
        let length = buffer.len().min(usize::try_from(self.remaining).unwrap_or(usize::MAX));
        Ok(buffer.get(..length).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.input.consume(amount);
        self.remaining = self.remaining.saturating_sub(u64::try_from(amount).unwrap_or_default());
    }
}

impl<R: BufRead> Read for TarReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buf)?;
        self.consume(read);
        Ok(read)
    }
}
