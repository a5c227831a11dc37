use std::io::{self, Write};

use tar::{EntryType, Header};

use super::{BLOCK, padding};

/// The longest name that a header itself holds.
const NAME_BYTES: usize = 100;

/// Permission bits and time of an entry; owners are always 0 and nameless.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meta {
    pub(crate) mode: u32,
    pub(crate) mtime: u64,
}

/// Writes a tar of regular files: ustar headers, PAX where a name or a size does not fit.
pub(crate) struct TarWriter<W> {
    output: W,
    remaining: u64,
    padding: u64,
}

const ZEROS: [u8; BLOCK] = [0; BLOCK];

/// The largest number that eleven octal digits hold.
const MAX_OCTAL: u64 = 0o777_7777_7777;

impl<W: Write> TarWriter<W> {
    pub(crate) const fn new(output: W) -> Self {
        Self { output, remaining: 0, padding: 0 }
    }

    /// Writes an entry whole.
    pub(crate) fn file(&mut self, name: &str, meta: Meta, contents: &[u8]) -> io::Result<()> {
        self.begin(name, meta, u64::try_from(contents.len()).unwrap_or(u64::MAX))?;
        self.write_all(contents)?;
        self.end()
    }

    /// Writes an entry's header; exactly `size` bytes must be written next, then [`end`](Self::end).
    pub(crate) fn begin(&mut self, name: &str, meta: Meta, size: u64) -> io::Result<()> {
        let mut records = Vec::new();
        if name.len() > NAME_BYTES {
            records.extend(record("path", name));
        }
        if size > MAX_OCTAL {
            records.extend(record("size", &size.to_string()));
        }
        if !records.is_empty() {
            let length = u64::try_from(records.len()).unwrap_or(u64::MAX);
            let meta = Meta { mode: 0o644, mtime: 0 };
            let extension = header("PaxHeaders", meta, length, EntryType::XHeader)?;
            self.output.write_all(extension.as_bytes())?;
            self.output.write_all(&records)?;
            self.pad(padding(length))?;
        }
        let header = header(name, meta, if size > MAX_OCTAL { 0 } else { size }, EntryType::Regular)?;
        self.output.write_all(header.as_bytes())?;
        (self.remaining, self.padding) = (size, padding(size));
        Ok(())
    }

    /// Ends an entry.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        if self.remaining != 0 {
            return Err(io::Error::other("an entry is shorter than its header says"));
        }
        self.pad(self.padding)
    }

    /// Writes the end blocks and returns the output.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.output.write_all(&ZEROS)?;
        self.output.write_all(&ZEROS)?;
        Ok(self.output)
    }

    fn pad(&mut self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).unwrap_or_default();
        self.output.write_all(ZEROS.get(..length).unwrap_or_default())
    }
}

impl<W: Write> Write for TarWriter<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let limit = usize::try_from(self.remaining).unwrap_or(usize::MAX);
        if buf.len() > limit {
            return Err(io::Error::other("an entry is longer than its header says"));
        }
        let written = self.output.write(buf)?;
        self.remaining -= u64::try_from(written).unwrap_or_default();
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// A ustar header with nothing of the machine that makes it. A name that is too long stands cut here, and whole in
/// the PAX record before.
fn header(name: &str, meta: Meta, size: u64, kind: EntryType) -> io::Result<Header> {
    let mut header = Header::new_ustar();
    header.set_path(name.get(..name.len().min(NAME_BYTES)).unwrap_or_default())?;
    header.set_entry_type(kind);
    header.set_mode(meta.mode & 0o7777);
    header.set_uid(0);
    header.set_gid(0);
    header.set_device_major(0)?;
    header.set_device_minor(0)?;
    header.set_mtime(meta.mtime.min(MAX_OCTAL));
    header.set_size(size);
    header.set_cksum();
    Ok(header)
}

/// Returns a PAX record; its length counts its own digits.
fn record(key: &str, value: &str) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    format!("{length} {key}={value}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_lengths_count_themselves() {
        for length in [1, 85, 90, 91, 92, 93, 94, 95, 988, 989, 990, 991] {
            let record = record("path", &"x".repeat(length));
            let text = String::from_utf8(record.clone()).unwrap();
            assert_eq!(text.split(' ').next().unwrap().parse::<usize>().unwrap(), record.len());
        }
    }
}
