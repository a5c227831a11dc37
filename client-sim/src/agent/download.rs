//! A download: opened, streamed into the artifact reader, resumed when it breaks (device protocol §3).

use std::sync::Arc;

use hyper::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, sleep};

use super::runner::Surroundings;
use super::store;
use crate::device::{FetchError, StoreError, StoreOrder, StoredArtifact};
use crate::protocol::call::RequestKind;
use crate::protocol::http::{Client, ClientOptions, HttpError, Request, Streaming, Timing, header};
use crate::protocol::{Generation, Origin};

/// The smallest download that client 3.4.0 takes for an artifact, in bytes.
const MIN_BYTES: u64 = 4096;
/// Pieces between the network and the reader; a piece is what TLS delivers, at most some 16 KiB.
const PIECES_AHEAD: usize = 16;

/// A download whose head has arrived.
pub(super) struct Download {
    around: Arc<Surroundings>,
    client: Client,
    target: String,
    response: Streaming,
    /// `Content-Length` of the first answer.
    size: u64,
    started: Instant,
    connect: Timing,
    _slot: Option<OwnedSemaphorePermit>,
}

impl Download {
    /// Asks for the whole artifact, without credentials: the link carries the authority.
    pub(super) async fn open(
        uri: &str,
        around: Arc<Surroundings>,
        slot: Option<OwnedSemaphorePermit>,
    ) -> Result<Self, FetchError> {
        let (origin, target) = Origin::split_link(uri).map_err(|_| FetchError::Link)?;
        let client = Client::new(around.dialer.clone(), origin, ClientOptions::default());
        let mut request = Request::get(target.as_str());
        if around.generation == Generation::V3 {
            // And yet it cannot read a compressed artifact: a server must not take it up on this (§0 rule 8).
            request = request.header("accept-encoding", "gzip");
        }
        let started = Instant::now();
        let response = client.stream(request).await.map_err(|err| {
            around.observer.failed(RequestKind::Download, err.kind());
            FetchError::Unreachable
        })?;
        match size_of(&response) {
            Ok(size) => {
                let connect = response.timing;
                Ok(Self { around, client, target, response, size, started, connect, _slot: slot })
            }
            Err(err) => {
                let code = response.status.as_u16();
                around.observer.answered(RequestKind::Download, code, response.timing);
                Err(err)
            }
        }
    }

    /// Reads, checks and stores the artifact; resumes as `order` says.
    pub(super) async fn store(mut self, order: StoreOrder) -> Result<StoredArtifact, StoreError> {
        let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
        let keys = Arc::clone(&self.around.verify_keys);
        let (size, checks) = (self.size, order.clone());
        let reader = tokio::task::spawn_blocking(move || store::store(receiver, size, &checks, &keys));
        let is_complete = self.pump(sender, &order).await;
        let stored =
            reader.await.unwrap_or_else(|_| Err(StoreError::Invalid("the reader failed".to_owned())));
        if is_complete {
            let timing = Timing { connect: self.connect.connect, exchange: self.started.elapsed() };
            self.around.observer.answered(RequestKind::Download, 200, timing);
        }
        stored
    }

    /// Hands every byte to the reader. False if the download broke for good.
    ///
    /// A reader that has seen enough (a wrong signature, say) ends it early; that is not a break.
    async fn pump(&mut self, reader: mpsc::Sender<Bytes>, order: &StoreOrder) -> bool {
        let mut offset = 0;
        let mut cut_at = order.cut.then_some(self.size / 2);
        let mut resumes = 0;
        loop {
            match self.response.piece().await {
                Ok(Some(mut piece)) => {
                    let is_cut = cut_at.is_some_and(|cut_at| cut(&mut piece, cut_at - offset));
                    let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
                    offset += length;
                    self.around.observer.received(length);
                    if reader.send(piece).await.is_err() || offset >= self.size {
                        return true;
                    }
                    if !is_cut {
                        continue;
                    }
                    cut_at = None;
                }
                Ok(None) => {}
                Err(err) => self.around.observer.failed(RequestKind::Download, err.kind()),
            }
            // The end before the end.
            loop {
                if resumes >= order.resume_attempts {
                    return false;
                }
                resumes += 1;
                sleep(order.resume_pause).await;
                if let Some(response) = self.resume(offset).await {
                    self.response = response;
                    break;
                }
            }
        }
    }

    /// Asks for the rest. `None` if that was not answered as a resume must be: 206 with a
    /// `Content-Range` from `offset` to the end of the same size.
    async fn resume(&self, offset: u64) -> Option<Streaming> {
        let range = match self.around.generation {
            Generation::V3 => format!("bytes={offset}-"),
            Generation::V5 => format!("bytes={offset}-{}", self.size.saturating_sub(1)),
        };
        let request = Request::get(self.target.as_str()).header(header::RANGE.as_str(), range);
        let result: Result<Streaming, HttpError> = self.client.stream(request).await;
        match result {
            Ok(response) => {
                let code = response.status.as_u16();
                let is_fitting = code == 206 && content_range(&response) == Some((offset, self.size));
                if !is_fitting {
                    self.around.observer.answered(RequestKind::Download, code, response.timing);
                }
                is_fitting.then_some(response)
            }
            Err(err) => {
                self.around.observer.failed(RequestKind::Download, err.kind());
                None
            }
        }
    }
}

/// Shortens a piece to at most `room` bytes. True if nothing of it may follow.
fn cut(piece: &mut Bytes, room: u64) -> bool {
    match usize::try_from(room) {
        Ok(room) if room <= piece.len() => {
            piece.truncate(room);
            true
        }
        Ok(_) | Err(_) => false,
    }
}

/// The announced size, if this is an answer that client 3.4.0 goes on with.
fn size_of(response: &Streaming) -> Result<u64, FetchError> {
    if response.status != 200 {
        return Err(FetchError::Status(response.status.as_u16()));
    }
    if response.headers.contains_key(header::CONTENT_ENCODING) {
        return Err(FetchError::UnknownSize);
    }
    let size =
        response.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    match size.ok_or(FetchError::UnknownSize)? {
        size if size < MIN_BYTES => Err(FetchError::TooSmall(size)),
        size => Ok(size),
    }
}

/// First byte and total size of `Content-Range: bytes A-B/SIZE` where B is the last byte (RFC 9110 §14.4).
fn content_range(response: &Streaming) -> Option<(u64, u64)> {
    let value = response.headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, size) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last, size): (u64, u64, u64) = (first.parse().ok()?, last.parse().ok()?, size.parse().ok()?);
    (last.checked_add(1)? == size).then_some((first, size))
}
