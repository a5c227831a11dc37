//! A request body that is read by one after the other.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use futures_util::{Stream, StreamExt as _};
use tokio::time::{Instant, Sleep, sleep};

use super::body::{BodyClock, BodyPace, BodyRules, slow};

/// What is read of a refused body, so that a client which is still sending sees the answer instead of a reset.
const DRAIN_BYTES: usize = 8 << 20;

/// How long a refused body is read.
const DRAIN_PATIENCE: Duration = Duration::from_secs(2);

/// A body that may not come too slowly. Clones read from the same place.
#[derive(Clone)]
pub struct SharedPayload(Rc<RefCell<Body>>);

struct Body {
    payload: Payload,
    clock: BodyClock,
    /// Since when it is waited for, and until when it may.
    wait: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl SharedPayload {
    /// Shares a body.
    #[must_use]
    pub fn new(payload: Payload, pace: BodyPace) -> Self {
        Self(Rc::new(RefCell::new(Body { payload, clock: BodyClock::new(pace), wait: None })))
    }

    /// Shares the body of a request, by the rules of the application.
    #[must_use]
    pub fn of(request: &HttpRequest, payload: Payload) -> Self {
        Self::new(payload, BodyRules::of(request).map(|rules| rules.pace).unwrap_or_default())
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
        let body = &mut *self.0.borrow_mut();
        let outcome = Pin::new(&mut body.payload).poll_next(cx);
        if let Poll::Ready(next) = &outcome {
            let waited = body.wait.take().map_or(Duration::ZERO, |(since, _)| since.elapsed());
            let bytes = next.as_ref().and_then(|next| next.as_ref().ok()).map_or(0, Bytes::len);
            body.clock.came(bytes, waited);
            return outcome;
        }
        let left = body.clock.left();
        let (_, alarm) = body.wait.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(left))));
        alarm.as_mut().poll(cx).map(|()| Some(Err(slow())))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::FromRequest as _;
    use actix_web::error::PayloadError;
    use actix_web::test::TestRequest;
    use actix_web::web::{Bytes, Payload};
    use futures_util::{StreamExt as _, stream};
    use tokio::time::{Instant, sleep};

    use super::{BodyPace, SharedPayload};

    #[tokio::test]
    async fn the_rest_can_be_forgotten() {
        let (request, mut payload) = TestRequest::post().set_payload("body").to_http_parts();
        let payload = Payload::from_request(&request, &mut payload).await.unwrap();
        let mut first = SharedPayload::new(payload, BodyPace::default());
        let second = first.clone();
        second.drain().await;
        assert!(first.next().await.is_none());
    }

    /// Reads a body of pieces that come once a second; returns what came, and after how long it ended.
    async fn read(count: usize, bytes: usize) -> (usize, bool, Duration) {
        let pieces = stream::unfold(0, move |sent| async move {
            if sent == count {
                return None;
            }
            sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, PayloadError>(Bytes::from(vec![7; bytes])), sent + 1))
        });
        let (request, _) = TestRequest::post().to_http_parts();
        let pieces: actix_http::BoxedPayloadStream = Box::pin(pieces);
        let mut payload = actix_web::dev::Payload::Stream { payload: pieces };
        let payload = Payload::from_request(&request, &mut payload).await.unwrap();
        let mut body = SharedPayload::new(payload, BodyPace::default());
        let began = Instant::now();
        let mut read = 0;
        loop {
            match body.next().await {
                Some(Ok(chunk)) => read += chunk.len(),
                Some(Err(_)) => return (read, false, began.elapsed()),
                None => return (read, true, began.elapsed()),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_may_be_slow_but_not_trickle() {
        let (read, is_whole, _) = self::read(10_000, 2_000).await;
        assert!(is_whole && read == 20_000_000);
        let (read, is_whole, elapsed) = self::read(1_000, 100).await;
        assert!(!is_whole && (1_000..1_300).contains(&read), "{read}");
        assert!(elapsed < Duration::from_secs(13), "{elapsed:?}");
    }
}
