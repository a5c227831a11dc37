//! How header and payloads are compressed (artifact format §11).

mod decode;
mod encode;
mod gzip;
mod noise;

pub(crate) use decode::Decoder;
pub(crate) use encode::Encoder;
pub use encode::{Encoding, ParseEncodingError};

/// The compression of one member; the name's suffix tells it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Compression {
    /// Stored as it is.
    None,
    /// One gzip member (RFC 1952).
    Gzip,
    /// One xz stream; called `lzma` on command lines.
    Xz,
    /// One zstd frame (RFC 8878).
    Zstd,
}

impl Compression {
    /// Returns the suffix of member names, with its dot; empty for none.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Xz => ".xz",
            Self::Zstd => ".zst",
        }
    }

    /// Returns the name that the tools use: `none`, `gzip`, `lzma`, `zstd`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Xz => "lzma",
            Self::Zstd => "zstd",
        }
    }

    /// Returns the compression whose suffix is `suffix`.
    pub(crate) fn from_suffix(suffix: &str) -> Option<Self> {
        [Self::None, Self::Gzip, Self::Xz, Self::Zstd].into_iter().find(|kind| kind.suffix() == suffix)
    }
}
