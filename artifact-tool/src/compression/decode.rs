//! Decoders that stop after exactly one complete stream.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;
use liblzma::bufread::XzDecoder;

use super::Compression;
use crate::limits::Limits;

/// Decompresses one stream; what follows it stays unread in the input.
pub(crate) enum Decoder<R: BufRead> {
    Plain(R),
    Gzip(Box<GzDecoder<R>>),
    Xz(XzDecoder<R>),
    Zstd(Box<zstd::Decoder<'static, R>>),
}

impl<R: BufRead> Decoder<R> {
    /// Makes a decoder whose memory is bounded by `limits`.
    pub(crate) fn new(compression: Compression, input: R, limits: &Limits) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::Plain(input),
            Compression::Gzip => Self::Gzip(Box::new(GzDecoder::new(input))),
            Compression::Xz => {
                let stream = liblzma::stream::Stream::new_stream_decoder(
                    limits.xz_memory,
                    liblzma::stream::TELL_UNSUPPORTED_CHECK,
                )?;
                Self::Xz(XzDecoder::new_stream(input, stream))
            }
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(input)?.single_frame();
                decoder.window_log_max(limits.zstd_window_log)?;
                Self::Zstd(Box::new(decoder))
            }
        })
    }
}

impl<R: BufRead> Read for Decoder<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(input) => input.read(buf),
            Self::Gzip(decoder) => decoder.read(buf),
            Self::Xz(decoder) => decoder.read(buf),
            Self::Zstd(decoder) => decoder.read(buf),
        }
    }
}
