//! The name of one request, on which client, log and support agree.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::http::header::{HeaderName, HeaderValue};
use uuid::Uuid;

use crate::crypto::random::{RandomError, SecureRandom, random_bytes};

/// The header that carries it, both ways (management API §0).
pub const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-men-requestid");

/// The longest id that is taken from a client.
const MAX_BYTES: usize = 64;

tokio::task_local! {
    /// The id of the request that this task answers.
    static CURRENT: RequestId;
}

/// The id of a request: visible ASCII, at most 64 characters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// Takes the id that a client sent, if it is fit for a log line.
    #[must_use]
    pub fn from_client(value: &HeaderValue) -> Option<Self> {
        let text = value.to_str().ok()?;
        let is_fit =
            !text.is_empty() && text.len() <= MAX_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_fit.then(|| Self(value.clone()))
    }

    /// The id of the request that the running task answers.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Runs a future as the answer to the request with this id.
    pub async fn scope<F: Future>(self, answer: F) -> F::Output {
        CURRENT.scope(self, answer).await
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// The id as a header's value.
    #[must_use]
    pub fn to_header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Makes ids for requests that come without: UUIDs of a random and a counted half. They name requests
/// and protect nothing, so one draw of randomness serves a process.
#[derive(Debug)]
pub struct RequestIds {
    random: u64,
    next: AtomicU64,
}

impl RequestIds {
    /// Draws the random half.
    pub fn new(random: &dyn SecureRandom) -> Result<Self, RandomError> {
        Ok(Self { random: u64::from_be_bytes(random_bytes(random)?), next: AtomicU64::new(0) })
    }

    /// Returns an id that no other request has.
    #[must_use]
    pub fn issue(&self) -> RequestId {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let bits = u128::from(self.random) << 64 | u128::from(number);
        let id = uuid::Builder::from_custom_bytes(bits.to_be_bytes()).into_uuid();
        let text = HeaderValue::from_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        RequestId(text.unwrap_or_else(|_| HeaderValue::from_static("-")))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use uuid::Uuid;

    use super::{RequestId, RequestIds};
    use crate::crypto::random::testing::CountingRandom;

    #[test]
    fn only_sane_ids_are_taken() {
        let taken = |text: &[u8]| RequestId::from_client(&HeaderValue::from_bytes(text).unwrap()).is_some();
        assert!(taken(b"4f1b0f5e-0d43-4ad8-8a5a-6ea2c6d7f0a1"));
        assert!(taken(&[b'a'; 64]));
        for refused in [b"".as_slice(), &[b'a'; 65], b"two words", b"\xc3\xa4", b"tab\there"] {
            assert!(!taken(refused), "{refused:?}");
        }
    }

    #[test]
    fn issued_ids_are_uuids_and_differ() {
        let ids = RequestIds::new(&CountingRandom::default()).unwrap();
        let (first, second) = (ids.issue(), ids.issue());
        assert_ne!(first, second);
        assert!(Uuid::parse_str(first.as_str()).is_ok());
    }

    #[tokio::test]
    async fn the_id_is_known_inside_its_scope_only() {
        let ids = RequestIds::new(&CountingRandom::default()).unwrap();
        let id = ids.issue();
        assert_eq!(id.clone().scope(async { RequestId::current() }).await, Some(id));
        assert_eq!(RequestId::current(), None);
    }
}
