//! A request body that is read by one after the other.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use futures_util::{Stream, StreamExt as _};

/// What is read of a refused body, so that a client which is still sending sees the answer instead of a reset.
const DRAIN_BYTES: usize = 8 << 20;

/// How long a refused body is read.
const DRAIN_PATIENCE: Duration = Duration::from_secs(2);

/// A body. Clones read from the same place.
#[derive(Clone)]
pub struct SharedPayload(Rc<RefCell<Payload>>);

impl SharedPayload {
    /// Shares a body.
    #[must_use]
    pub fn new(payload: Payload) -> Self {
        Self(Rc::new(RefCell::new(payload)))
    }

    /// Reads on and forgets what comes, for a while.
    pub async fn drain(mut self) {
        let forget = async {
            let mut left = DRAIN_BYTES;
            while let Some(Ok(chunk)) = self.next().await {
                match left.checked_sub(chunk.len()) {
                    Some(rest) => left = rest,
                    None => break,
                }
            }
        };
        // Either way the answer follows.
        let _ = tokio::time::timeout(DRAIN_PATIENCE, forget).await;
    }
}

impl Stream for SharedPayload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(cx)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::FromRequest as _;
    use actix_web::test::TestRequest;
    use actix_web::web::Payload;
    use futures_util::StreamExt as _;

    use super::SharedPayload;

    #[tokio::test]
    async fn the_rest_can_be_forgotten() {
        let (request, mut payload) = TestRequest::post().set_payload("body").to_http_parts();
        let mut first = SharedPayload::new(Payload::from_request(&request, &mut payload).await.unwrap());
        let second = first.clone();
        second.drain().await;
        assert!(first.next().await.is_none());
    }
}
