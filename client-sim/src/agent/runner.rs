//! Does what a device wants done, and tells it what happened.

use std::sync::Arc;

use artifact::VerifyingKey;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::time::sleep;

use super::download::Download;
use super::limits::Limits;
use super::observer::Observer;
use crate::clock::Clock;
use crate::device::{Action, Device, DeviceState, Event, FetchError, StoreError, StoreOrder, StoredArtifact};
use crate::protocol::authentication::{LoginRequest, token_of};
use crate::protocol::call::{Call, RequestKind};
use crate::protocol::http::{Client, ClientOptions, Connections, Dialer, HttpError, Response};
use crate::protocol::{Generation, Origin, SessionToken};

/// What all agents of a process share.
pub struct Surroundings {
    /// The server.
    pub origin: Origin,
    /// Makes their connections.
    pub dialer: Dialer,
    /// How their clients behave.
    pub generation: Generation,
    /// What may happen at the same time.
    pub limits: Limits,
    /// Who may sign artifacts; none means that signatures are not looked at.
    pub verify_keys: Arc<[VerifyingKey]>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Who is told.
    pub observer: Arc<dyn Observer>,
}

/// One device with its connection and its login.
pub struct Agent {
    device: Device,
    login: LoginRequest,
    client: Client,
    around: Arc<Surroundings>,
    rng: StdRng,
    download: Option<Download>,
    shown: DeviceState,
    is_settled: bool,
}

impl Agent {
    /// An agent for a device that is switched off.
    #[must_use]
    pub fn new(device: Device, login: LoginRequest, around: Arc<Surroundings>, rng: StdRng) -> Self {
        let connections = match around.generation {
            Generation::V3 => Connections::KeepAlive,
            Generation::V5 => Connections::Fresh,
        };
        // A device reads offers and tokens; nothing near a mebibyte.
        let options = ClientOptions { connections, max_body_bytes: 1 << 20, ..ClientOptions::default() };
        let client = Client::new(around.dialer.clone(), around.origin.clone(), options);
        let shown = DeviceState::Waiting;
        Self { device, login, client, around, rng, download: None, shown, is_settled: false }
    }

    /// The device, as it is now.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Runs the device until `leave` is true and it has nothing to do but to wait.
    ///
    /// Dropping the future is pulling the plug. Either way, what the device remembers is in
    /// [`Device::memory`].
    pub async fn run(&mut self, mut leave: watch::Receiver<bool>) {
        let mut event = Event::Started;
        loop {
            let action = self.device.advance(event, self.around.clock.now(), &mut self.rng);
            self.show();
            event = match action {
                Action::Wait(wait) => {
                    tokio::select! {
                        () = sleep(wait) => Event::Elapsed,
                        _ = leave.wait_for(|leave| *leave) => return,
                    }
                }
                Action::Login
                | Action::Send { .. }
                | Action::Open { .. }
                | Action::Store(_)
                | Action::Restart(_) => self.perform(action).await,
            };
        }
    }

    fn show(&mut self) {
        let state = self.device.state();
        if state != self.shown {
            self.around.observer.moved(self.shown, state);
            self.shown = state;
        }
        if state != DeviceState::Downloading {
            // An abort leaves an open download behind, and with it a slot.
            self.download = None;
        }
        if !self.is_settled
            && let Some(outcome) = self.device.first_outcome()
        {
            self.is_settled = true;
            self.around.observer.settled(outcome, self.device.failure());
        }
    }

    async fn perform(&mut self, action: Action) -> Event {
        match action {
            Action::Login => self.log_in().await,
            Action::Send { call, token } => self.send(&call, &token).await,
            Action::Open { uri } => Event::Opened(self.open(&uri).await),
            Action::Store(order) => Event::Stored(self.store(order).await),
            Action::Wait(wait) => {
                sleep(wait).await;
                Event::Elapsed
            }
            Action::Restart(away) => {
                self.client.disconnect();
                self.download = None;
                sleep(away).await;
                Event::Started
            }
        }
    }

    async fn log_in(&self) -> Event {
        let _slot = self.around.limits.logins.acquire().await;
        let result = self.client.send(self.login.to_request()).await;
        self.note(RequestKind::Login, &result);
        match result {
            Ok(response) => match token_of(&response) {
                Some(token) => Event::LoggedIn(token),
                None => Event::LoginRefused(response.status.as_u16()),
            },
            Err(_) => Event::Unreachable,
        }
    }

    async fn send(&self, call: &Call, token: &SessionToken) -> Event {
        let result = match call.to_request(token, self.around.generation) {
            Ok(request) => self.client.send(request).await,
            Err(err) => Err(err),
        };
        self.note(call.kind(), &result);
        match result {
            Ok(response) => Event::Answered { code: response.status.as_u16(), body: response.body },
            Err(_) => Event::Unreachable,
        }
    }

    async fn open(&mut self, uri: &str) -> Result<(), FetchError> {
        self.download = None;
        // Only this process ever closes the semaphore, and it does not.
        let slot = Arc::clone(&self.around.limits.downloads).acquire_owned().await.ok();
        self.download = Some(Download::open(uri, Arc::clone(&self.around), slot).await?);
        Ok(())
    }

    async fn store(&mut self, order: StoreOrder) -> Result<StoredArtifact, StoreError> {
        match self.download.take() {
            Some(download) => download.store(order).await,
            None => Err(StoreError::Broken),
        }
    }

    fn note(&self, kind: RequestKind, result: &Result<Response, HttpError>) {
        match result {
            Ok(response) => {
                self.around.observer.answered(kind, response.status.as_u16(), response.timing);
            }
            Err(err) => self.around.observer.failed(kind, err.kind()),
        }
    }
}
