//! Encoders with a chosen level, and their names on the command line.

use std::io::{self, Write};
use std::str::FromStr;

use flate2::write::GzEncoder;
use liblzma::write::XzEncoder;

use super::Compression;

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
    pub const GZIP: Self = Self { compression: Compression::Gzip, level: 6 };

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
            "gzip" => (Compression::Gzip, 6),
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

    /// Writes what is left and returns the output.
    pub(crate) fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(output) => Ok(output),
            Self::Gzip(encoder) => encoder.finish(),
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
            Self::Xz(encoder) => encoder.write(buf),
            Self::Zstd(encoder) => encoder.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(output) => output.flush(),
            Self::Gzip(encoder) => encoder.flush(),
            Self::Xz(encoder) => encoder.flush(),
            Self::Zstd(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
