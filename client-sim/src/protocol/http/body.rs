//! Bodies of requests.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Bytes, Frame, SizeHint};

/// What a request carries.
#[derive(Clone, Debug, Default)]
pub enum Body {
    /// Nothing; neither `Content-Length` nor `Transfer-Encoding` for a method without a body.
    #[default]
    Empty,
    /// Sent with `Content-Length`.
    Sized(Bytes),
    /// Sent with `Transfer-Encoding: chunked`, one chunk for each piece.
    Chunked(Vec<Bytes>),
}

impl Body {
    pub(super) fn into_outgoing(self) -> Outgoing {
        match self {
            Self::Empty => Outgoing { pieces: VecDeque::new(), sized: true },
            Self::Sized(bytes) => Outgoing { pieces: VecDeque::from([bytes]), sized: true },
            Self::Chunked(pieces) => Outgoing { pieces: pieces.into(), sized: false },
        }
    }
}

/// A [`Body`] on its way out; hyper chunks it when the size is not known.
#[derive(Debug)]
pub(super) struct Outgoing {
    pieces: VecDeque<Bytes>,
    sized: bool,
}

impl hyper::body::Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.pieces.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.sized && self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if !self.sized {
            return SizeHint::default();
        }
        let bytes: usize = self.pieces.iter().map(Bytes::len).sum();
        SizeHint::with_exact(u64::try_from(bytes).unwrap_or(u64::MAX))
    }
}
