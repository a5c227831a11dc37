//! Bodies of requests: how slowly they may come, and how much memory they may have.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::Request;
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use actix_web::web::{Bytes, BytesMut};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::Instant;

use super::connection::Vitals;
use super::error::{ApiError, Code};
use crate::throttle::{Cause, Lease, Source, Throttle};

/// Bodies of up to this many bytes are not counted: there is no more than one for each connection.
const UNCOUNTED_BYTES: usize = 4 * 1024;

/// Seconds after which a body may come again that found no memory left.
const MEMORY_RETRY_SECS: u32 = 5;

/// How slowly a body may come: what counts is the time for which the server has nothing to do but to wait for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BodyPace {
    /// Waits that every body is granted.
    pub grace: Duration,
    /// Bytes that buy one second more.
    pub bytes_per_sec: u64,
    /// The longest wait for a body that is read whole.
    pub most: Duration,
}

impl Default for BodyPace {
    fn default() -> Self {
        Self { grace: Duration::from_secs(10), bytes_per_sec: 1_024, most: Duration::from_mins(1) }
    }
}

/// What bodies are read by; put into the application's data.
#[derive(Clone)]
pub struct BodyRules {
    /// How slowly they may come.
    pub pace: BodyPace,
    /// Knows how much memory is left.
    pub throttle: Arc<Throttle>,
}

impl BodyRules {
    /// Those of the application; none where a handler is tested alone.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Option<&Self> {
        request.app_data()
    }
}

/// Reads a body of at most `limit` bytes, exactly as it was sent, with a length or chunked.
pub async fn read_body(
    request: &HttpRequest,
    payload: &mut Payload,
    limit: usize,
) -> Result<Bytes, ApiError> {
    let sender = Sender {
        headers: request.headers(),
        vitals: request.conn_data(),
        peer: request.peer_addr(),
        rules: BodyRules::of(request),
    };
    sender.read(payload, limit).await
}

/// The same before routing, where the request is not the framework's yet. The body is gone from the request then.
pub(super) async fn read_unrouted_body(
    request: &mut Request,
    rules: &BodyRules,
    limit: usize,
) -> Result<Bytes, ApiError> {
    let mut payload = request.take_payload();
    let sender = Sender {
        headers: request.head().headers(),
        vitals: request.conn_data(),
        peer: request.peer_addr(),
        rules: Some(rules),
    };
    sender.read(&mut payload, limit).await
}

/// Who sends a body, and by which rules.
struct Sender<'a> {
    headers: &'a HeaderMap,
    vitals: Option<&'a Rc<Vitals>>,
    peer: Option<SocketAddr>,
    rules: Option<&'a BodyRules>,
}

impl Sender<'_> {
    async fn read(self, payload: &mut Payload, limit: usize) -> Result<Bytes, ApiError> {
        let announced = announced_length(self.headers)?;
        if announced.is_some_and(|length| length > u64::try_from(limit).unwrap_or(u64::MAX)) {
            return Err(too_large(limit));
        }
        let pace = self.rules.map(|rules| rules.pace).unwrap_or_default();
        let throttle = self.rules.map(|rules| &*rules.throttle);
        let outcome = collect(payload, limit, BodyClock::new(pace), throttle).await;
        if outcome.is_ok()
            && let Some(vitals) = self.vitals
        {
            vitals.body_read();
        }
        outcome.map_err(|fault| {
            if let (Some(cause), Some(throttle)) = (fault.cause(), throttle) {
                throttle.counts.refused(cause, self.peer.map(|peer| Source::from(peer.ip())));
            }
            fault.into()
        })
    }
}

/// Returns what `Content-Length` says; `None` if there is none, as with a chunked body.
pub(super) fn announced_length(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get(CONTENT_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    length.map(Some).ok_or_else(|| ApiError::new(Code::BadRequest, "content length is not a number"))
}

/// Counts how long a body was waited for.
#[derive(Debug)]
pub(super) struct BodyClock {
    pace: BodyPace,
    bytes: u64,
    waited: Duration,
}

impl BodyClock {
    pub(super) fn new(pace: BodyPace) -> Self {
        Self { pace, bytes: 0, waited: Duration::ZERO }
    }

    /// How much longer it may be waited for.
    pub(super) fn left(&self) -> Duration {
        let bought = Duration::from_millis(self.bytes.saturating_mul(1_000) / self.pace.bytes_per_sec.max(1));
        (self.pace.grace + bought).saturating_sub(self.waited)
    }

    /// Bytes came after a wait.
    pub(super) fn came(&mut self, bytes: usize, waited: Duration) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.waited += waited;
    }

    /// The next bytes of a body that is read whole; what is there already costs no look at a clock.
    async fn next(&mut self, payload: &mut Payload) -> Result<Option<Bytes>, BodyFault> {
        let (next, waited) = if let Some(next) = payload.next().now_or_never() {
            (next, Duration::ZERO)
        } else {
            let began = Instant::now();
            let left = self.left().min(self.pace.most.saturating_sub(self.waited));
            let next = tokio::time::timeout(left, payload.next()).await.map_err(|_| BodyFault::Slow)?;
            (next, began.elapsed())
        };
        let chunk = next.transpose().map_err(BodyFault::Broken)?;
        self.came(chunk.as_ref().map_or(0, Bytes::len), waited);
        Ok(chunk)
    }
}

/// Why a body was not read.
#[derive(Debug)]
enum BodyFault {
    Slow,
    TooLarge(usize),
    NoMemory,
    Broken(PayloadError),
}

impl BodyFault {
    const fn cause(&self) -> Option<Cause> {
        match self {
            Self::Slow => Some(Cause::SlowBody),
            Self::NoMemory => Some(Cause::Memory),
            Self::TooLarge(_) | Self::Broken(_) => None,
        }
    }
}

impl From<BodyFault> for ApiError {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::Slow => too_slow(),
            BodyFault::TooLarge(limit) => too_large(limit),
            BodyFault::NoMemory => {
                Self::retry_after(Code::Unavailable, "too many request bodies at once", MEMORY_RETRY_SECS)
            }
            BodyFault::Broken(error) => {
                Self::new(Code::BadRequest, format!("request body could not be read: {error}"))
            }
        }
    }
}

/// Bytes and the memory that they were granted.
struct Leased {
    bytes: Bytes,
    _lease: Lease,
}

impl AsRef<[u8]> for Leased {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

async fn collect(
    payload: &mut Payload,
    limit: usize,
    mut clock: BodyClock,
    throttle: Option<&Throttle>,
) -> Result<Bytes, BodyFault> {
    let Some(first) = clock.next(payload).await? else { return Ok(Bytes::new()) };
    let mut lease = None;
    hold(first.len(), first.len(), limit, throttle, &mut lease)?;
    // Most bodies come in one piece, which is not copied.
    let bytes = match clock.next(payload).await? {
        None => first,
        Some(second) => {
            let mut body = BytesMut::from(first);
            let mut next = Some(second);
            while let Some(chunk) = next {
                hold(body.len() + chunk.len(), chunk.len(), limit, throttle, &mut lease)?;
                body.extend_from_slice(&chunk);
                next = clock.next(payload).await?;
            }
            body.freeze()
        }
    };
    Ok(match lease {
        Some(lease) => Bytes::from_owner(Leased { bytes, _lease: lease }),
        None => bytes,
    })
}

/// Makes room for `more` bytes of a body that has `total` with them.
fn hold(
    total: usize,
    more: usize,
    limit: usize,
    throttle: Option<&Throttle>,
    lease: &mut Option<Lease>,
) -> Result<(), BodyFault> {
    if total > limit {
        return Err(BodyFault::TooLarge(limit));
    }
    let Some(memory) = throttle.map(|throttle| &throttle.memory).filter(|_| total > UNCOUNTED_BYTES) else {
        return Ok(());
    };
    if let Some(lease) = lease {
        return memory.grow(lease, more).then_some(()).ok_or(BodyFault::NoMemory);
    }
    *lease = Some(memory.take(total).ok_or(BodyFault::NoMemory)?);
    Ok(())
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(Code::PayloadTooLarge, format!("request body is larger than {limit} bytes"))
}

/// The answer to a body that came too slowly.
pub(super) fn too_slow() -> ApiError {
    ApiError::new(Code::RequestTimeout, "request body did not arrive in time")
}

/// The end of a body that came too slowly, for those who read it as a stream.
pub(super) fn slow() -> PayloadError {
    PayloadError::Io(io::ErrorKind::TimedOut.into())
}

/// Whether it is that.
pub(super) fn is_slow(err: &PayloadError) -> bool {
    matches!(err, PayloadError::Io(err) if err.kind() == io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use actix_web::dev::Payload;
    use actix_web::error::PayloadError;
    use actix_web::test::TestRequest;
    use actix_web::web::Bytes;
    use futures_util::stream;
    use tokio::time::{Instant, sleep};

    use super::{BodyPace, BodyRules, Throttle, read_body};
    use crate::config::Limits;
    use crate::http::Code;

    const SECOND: Duration = Duration::from_secs(1);

    fn rules(max_buffered_bytes: usize) -> BodyRules {
        let limits = Limits { max_buffered_bytes, ..Limits::default() };
        BodyRules { pace: BodyPace::default(), throttle: Arc::new(Throttle::new(&limits)) }
    }

    /// A body of so many pieces of so many bytes, each after a wait.
    fn pieces(count: usize, bytes: usize, wait: Duration) -> Payload {
        let pieces = stream::unfold(0, move |sent| async move {
            if sent == count {
                return None;
            }
            if !wait.is_zero() {
                sleep(wait).await;
            }
            Some((Ok::<_, PayloadError>(Bytes::from(vec![7; bytes])), sent + 1))
        });
        Payload::Stream { payload: Box::pin(pieces) }
    }

    async fn read(rules: &BodyRules, mut payload: Payload, limit: usize) -> Result<Bytes, Code> {
        let request = TestRequest::post().app_data(rules.clone()).to_http_request();
        read_body(&request, &mut payload, limit).await.map_err(|error| error.code())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_given_up() {
        let began = Instant::now();
        assert_eq!(read(&rules(1 << 20), pieces(1_000, 1, SECOND), 10_000).await, Err(Code::RequestTimeout));
        assert!(began.elapsed() < SECOND * 12, "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_link_is_no_attack_but_has_its_time() {
        let body = read(&rules(1 << 20), pieces(40, 1_500, SECOND), 100_000).await.unwrap();
        assert_eq!(body.len(), 60_000);
        assert_eq!(
            read(&rules(1 << 20), pieces(70, 1_500, SECOND), 200_000).await,
            Err(Code::RequestTimeout)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_has_memory_as_long_as_it_lives() {
        let rules = rules(20_000);
        let small = read(&rules, pieces(1, 4_096, Duration::ZERO), 10_000).await.unwrap();
        assert_eq!(rules.throttle.memory.taken(), 0);
        let first = read(&rules, pieces(2, 5_000, Duration::ZERO), 10_000).await.unwrap();
        assert_eq!((first.len(), rules.throttle.memory.taken()), (10_000, 10_000));
        let second = read(&rules, pieces(1, 6_000, Duration::ZERO), 10_000).await.unwrap();
        assert_eq!(rules.throttle.memory.taken(), 16_000);
        assert_eq!(read(&rules, pieces(2, 3_000, Duration::ZERO), 10_000).await, Err(Code::Unavailable));
        assert_eq!(rules.throttle.memory.taken(), 16_000);
        drop((first.clone(), first));
        assert_eq!(rules.throttle.memory.taken(), 6_000);
        drop((second, small));
        assert_eq!(rules.throttle.memory.taken(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_large_is_refused_and_costs_nothing() {
        let rules = rules(1 << 20);
        assert_eq!(read(&rules, pieces(3, 5_000, Duration::ZERO), 10_000).await, Err(Code::PayloadTooLarge));
        assert_eq!(read(&rules, pieces(1, 10_001, Duration::ZERO), 10_000).await, Err(Code::PayloadTooLarge));
        assert_eq!(rules.throttle.memory.taken(), 0);
        assert_eq!(read(&rules, pieces(0, 0, Duration::ZERO), 10_000).await, Ok(Bytes::new()));
    }
}
