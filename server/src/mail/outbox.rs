//! Letters on their way.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::{Letter, MailError, Transport};
use crate::config::{Config, PublicUrl};

/// Letters that are on their way at once; what comes then is dropped.
const MAX_LETTERS: usize = 256;

/// Connections to the mail server at once.
const MAX_CONNECTIONS: usize = 4;

/// How long to wait before each further attempt.
const WAITS: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(30), Duration::from_mins(3), Duration::from_mins(15)];

/// Takes letters and sends them, if there is a mail server.
#[derive(Clone, Debug)]
pub struct Outbox(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    transport: Transport,
    places: Arc<Semaphore>,
    connections: Semaphore,
}

impl Outbox {
    /// Makes the outbox that the configuration asks for.
    pub fn open(config: &Config) -> Result<Self, MailError> {
        let server = config.public_url.as_ref().map_or("localhost", PublicUrl::as_str);
        Transport::open(&config.mail, server).map(Self::new)
    }

    /// Makes the outbox; without a transport it sends nothing.
    #[must_use]
    pub fn new(transport: Option<Transport>) -> Self {
        Self(transport.map(|transport| {
            let (places, connections) = (Semaphore::new(MAX_LETTERS), Semaphore::new(MAX_CONNECTIONS));
            Arc::new(Inner { transport, places: Arc::new(places), connections })
        }))
    }

    /// Whether anything is sent.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// Takes a letter; nobody waits for it.
    pub fn post(&self, letter: Letter) {
        self.post_later(async move { Some(letter) });
    }

    /// Takes what is yet to be written: who asked cannot tell how long that took, or whether anything was written.
    pub fn post_later(&self, letter: impl Future<Output = Option<Letter>> + Send + 'static) {
        let Some(inner) = &self.0 else { return };
        let Ok(place) = Arc::clone(&inner.places).try_acquire_owned() else {
            tracing::warn!("too many mails wait to be sent: one is dropped");
            return;
        };
        let inner = Arc::clone(inner);
        tokio::spawn(async move {
            if let Some(letter) = letter.await {
                inner.deliver(&letter).await;
            }
            drop(place);
        });
    }
}

impl Inner {
    async fn deliver(&self, letter: &Letter) {
        let kind = letter.matter.as_str();
        for wait in WAITS.into_iter().map(Some).chain([None]) {
            let sent = match self.connections.acquire().await {
                Ok(_connection) => self.transport.send(letter).await,
                Err(_) => return,
            };
            let Err(err) = sent else {
                tracing::info!(mail.kind = kind, "mail sent");
                return;
            };
            let Some(wait) = wait.filter(|_| err.is_passing()) else {
                tracing::error!(mail.kind = kind, error = err.told(), "a mail could not be sent");
                return;
            };
            tracing::warn!(mail.kind = kind, error = err.told(), "a mail is tried again later");
            tokio::time::sleep(wait).await;
        }
    }
}
