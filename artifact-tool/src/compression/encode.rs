//! Encoders with a chosen level, and their names on the command line.

use std::io::{self, Write};
use std::str::FromStr;
use std::thread;

use flate2::write::GzEncoder;
use liblzma::stream::{Check, MtStreamBuilder};
use liblzma::write::XzEncoder;

use super::Compression;
use super::gzip::ParallelGzip;

/// Input of one xz block: what several threads work on, three times the dictionary of level 6.
const XZ_BLOCK: u64 = 24 * 1024 * 1024;
/// More threads than these would take too much memory: 100 MiB each for xz at its usual level.
const MAX_XZ_JOBS: usize = 4;
const MAX_JOBS: usize = 32;
/// The usual level: 3 % larger files than those that the original tool makes of programs, for three quarters of the work.
/// Level 3 makes its size, level 6 3 % less for twice the work.
const GZIP_LEVEL: u8 = 2;

/// A compression and its level, written `gzip`, `gzip:9`, `none`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Encoding {
    compression: Compression,
    level: u8,
}

/// The text names no compression, or a level that it does not have.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseEncodingError {
    /// Unknown name before the colon.
    #[error("unknown compression {0:?}, expected none, gzip, lzma or zstd")]
    Unknown(String),
    /// The level is not a number in the range.
    #[error("{id} takes a level from {min} to {max}")]
    Level {
        /// Name of the compression.
        id: &'static str,
        /// Lowest level.
        min: u8,
        /// Highest level.
        max: u8,
    },
}

impl Encoding {
    /// No compression.
    pub const NONE: Self = Self { compression: Compression::None, level: 0 };
    /// gzip at its usual level.
    pub const GZIP: Self = Self { compression: Compression::Gzip, level: GZIP_LEVEL };

    /// Returns a compression at its usual level.
    #[must_use]
    pub const fn usual(compression: Compression) -> Self {
        let level = match compression {
            Compression::None => 0,
            Compression::Gzip => GZIP_LEVEL,
            Compression::Xz => 6,
            Compression::Zstd => 3,
        };
        Self { compression, level }
    }

    /// Returns the compression.
    #[must_use]
    pub const fn compression(self) -> Compression {
        self.compression
    }

    fn levels(compression: Compression) -> (u8, u8) {
        match compression {
            Compression::None => (0, 0),
            Compression::Gzip => (1, 9),
            Compression::Xz => (0, 9),
            Compression::Zstd => (1, 19),
        }
    }
}

impl Default for Encoding {
    fn default() -> Self {
        Self::GZIP
    }
}

impl FromStr for Encoding {
    type Err = ParseEncodingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, level) = match text.split_once(':') {
            Some((id, level)) => (id, Some(level)),
            None => (text, None),
        };
        let (compression, usual) = match id {
            "none" => (Compression::None, 0),
            "gzip" => (Compression::Gzip, GZIP_LEVEL),
            "lzma" | "xz" => (Compression::Xz, 6),
            "zstd_fastest" => (Compression::Zstd, 1),
            "zstd" | "zstd_fast" => (Compression::Zstd, 3),
            "zstd_better" => (Compression::Zstd, 7),
            "zstd_best" => (Compression::Zstd, 11),
            _ => return Err(ParseEncodingError::Unknown(id.to_owned())),
        };
        let Some(level) = level else { return Ok(Self { compression, level: usual }) };
        let (min, max) = Self::levels(compression);
        match level.parse() {
            Ok(level) if (min..=max).contains(&level) => Ok(Self { compression, level }),
            _ => Err(ParseEncodingError::Level { id: compression.id(), min, max }),
        }
    }
}

/// Compresses into `W` as one complete stream.
pub(crate) enum Encoder<W: Write> {
    Plain(W),
    Gzip(GzEncoder<W>),
    ParallelGzip(ParallelGzip<W>),
    Xz(XzEncoder<W>),
    Zstd(zstd::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    pub(crate) fn new(encoding: Encoding, output: W) -> io::Result<Self> {
        let level = u32::from(encoding.level);
        Ok(match encoding.compression {
            Compression::None => Self::Plain(output),
            Compression::Gzip => Self::Gzip(GzEncoder::new(output, flate2::Compression::new(level))),
            Compression::Xz => Self::Xz(XzEncoder::new(output, level)),
            Compression::Zstd => {
                let mut encoder = zstd::Encoder::new(output, i32::from(encoding.level))?;
                encoder.include_checksum(true)?;
                Self::Zstd(encoder)
            }
        })
    }

    /// Makes an encoder for much data, which compresses in `jobs` threads, 0 for one a processor.
    ///
    /// The bytes do not depend on their number.
    pub(crate) fn parallel(encoding: Encoding, jobs: usize, output: W) -> io::Result<Self> {
        let jobs = if jobs == 0 { thread::available_parallelism().map_or(1, usize::from) } else { jobs };
        let jobs = jobs.min(MAX_JOBS);
        let level = u32::from(encoding.level);
        Ok(match encoding.compression {
            Compression::None => Self::Plain(output),
            Compression::Gzip => Self::ParallelGzip(ParallelGzip::new(output, level, jobs)?),
            Compression::Xz => {
                let threads = u32::try_from(jobs.min(MAX_XZ_JOBS)).unwrap_or(1);
                let mut builder = MtStreamBuilder::new();
                builder.threads(threads).preset(level).check(Check::Crc64).block_size(XZ_BLOCK);
                Self::Xz(XzEncoder::new_stream(output, builder.encoder()?))
            }
            Compression::Zstd => {
                let mut encoder = zstd::Encoder::new(output, i32::from(encoding.level))?;
                encoder.include_checksum(true)?;
                // Without workers it would cut blocks elsewhere, so there is at least one.
                encoder.multithread(u32::try_from(jobs).unwrap_or(1))?;
                Self::Zstd(encoder)
            }
        })
    }

    /// Writes what is left and returns the output.
    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(output) => Ok(output),
            Self::Gzip(encoder) => encoder.finish(),
            Self::ParallelGzip(encoder) => encoder.finish(),
            Self::Xz(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(output) => output.write(buf),
            Self::Gzip(encoder) => encoder.write(buf),
            Self::ParallelGzip(encoder) => encoder.write(buf),
            Self::Xz(encoder) => encoder.write(buf),
            Self::Zstd(encoder) => encoder.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(output) => output.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::ParallelGzip(encoder) => encoder.flush(),
            Self::Xz(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    #[test]
    fn the_number_of_threads_is_not_in_the_bytes() {
        let plain: Vec<u8> = (0..3_000_000_u32).flat_map(|index| (index / 5).to_le_bytes()).collect();
        for text in ["none", "gzip:1", "lzma:0", "zstd:1", "zstd:7"] {
            let encode = |jobs| {
                let mut encoder = Encoder::parallel(text.parse().unwrap(), jobs, Vec::new()).unwrap();
                encoder.write_all(&plain).unwrap();
                Digest::of(&encoder.finish().unwrap())
            };
            assert_eq!(encode(1), encode(3), "{text}");
        }
    }

    #[test]
    fn names_and_levels() {
        assert_eq!("gzip".parse(), Ok(Encoding::GZIP));
        assert_eq!("none".parse(), Ok(Encoding::NONE));
        assert_eq!("gzip:9".parse(), Ok(Encoding { compression: Compression::Gzip, level: 9 }));
        assert!("gzip:10".parse::<Encoding>().is_err());
        assert!("none:1".parse::<Encoding>().is_err());
        assert!("brotli".parse::<Encoding>().is_err());
    }
}
