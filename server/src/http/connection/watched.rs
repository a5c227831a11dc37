//! Bodies of answers, watched for their end.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use tokio::time::Instant;

use super::Vitals;

/// A request that is being served; dropped, it has ended.
#[derive(Debug)]
pub struct InService(Option<Rc<Vitals>>);

/// A body, and with it the request that it is the answer to.
#[derive(Debug)]
pub struct Watched<B> {
    body: B,
    _request: InService,
}

impl InService {
    /// Takes a request up. Without vitals, as in tests of handlers, nothing is watched.
    #[must_use]
    pub fn begin(vitals: Option<&Rc<Vitals>>) -> Self {
        if let Some(vitals) = vitals {
            vitals.begin();
        }
        Self(vitals.cloned())
    }

    /// The request is answered. Tells whether that was before its body was read to its end, if it has one: then it is
    /// the last one of its connection.
    #[must_use]
    pub fn leaves_body(&self) -> bool {
        let Some(vitals) = self.0.as_ref().filter(|vitals| !vitals.is_body_read()) else { return false };
        vitals.leave_body();
        true
    }

    /// Lets the request end with a body.
    #[must_use]
    pub fn until_sent<B>(self, body: B) -> Watched<B> {
        Watched { body, _request: self }
    }
}

impl Drop for InService {
    fn drop(&mut self) {
        if let Some(vitals) = &self.0 {
            vitals.finish(Instant::now());
        }
    }
}

impl<B: MessageBody + Unpin> MessageBody for Watched<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(cx)
    }
}
