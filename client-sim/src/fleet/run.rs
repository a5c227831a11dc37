//! Switches the devices of a fleet on, and off again.

use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::acceptor::Acceptor;
use super::prepare::Fleet;
use super::recorder::Recorder;
use super::state_file::StateError;
use crate::agent::{Agent, Surroundings};
use crate::clock::SystemClock;
use crate::device::{Device, DeviceKey, Memory, Outcome, Profile};
use crate::protocol::Generation;
use crate::protocol::authentication::{LoginRequest, login_body};
use crate::protocol::http::{Dialer, StatusCode};
use crate::report::Report;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long devices may finish what they are at, once all updates are over.
const FAREWELL: Duration = Duration::from_secs(5);

/// Why a run ended without a report.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The token that should accept devices may not.
    #[error("the server does not let the given token accept devices: {0}")]
    AcceptRefused(StatusCode),
    /// What the devices remember cannot be written.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Why the devices are switched off.
enum Ending {
    AllSettled,
    TimeOver,
    AcceptRefused(StatusCode),
}

impl Fleet {
    /// Runs until the first update of every device is over, or the duration ends, or `stop` is ready.
    ///
    /// May be called again: the devices go on with what they remember.
    pub async fn run(&mut self, stop: impl Future<Output = ()>) -> Result<Report, RunError> {
        let started = Instant::now();
        let devices = u64::try_from(self.members.len()).unwrap_or(u64::MAX);
        self.progress.reset_devices(devices);
        let recorder = Arc::new(Recorder::new(Arc::clone(&self.progress), devices));
        let dialer = Dialer::new(&self.config.trust, CONNECT_TIMEOUT, self.config.handshakes);
        let powered = self.switch_on(&dialer, Arc::clone(&recorder));
        let ending = tokio::select! {
            () = recorder.all_settled.notified() => Ending::AllSettled,
            () = time_over(self.config.duration) => Ending::TimeOver,
            () = stop => Ending::TimeOver,
            status = self.accept(&dialer) => Ending::AcceptRefused(status),
        };
        let duration = started.elapsed();
        let farewell = match ending {
            Ending::AllSettled => FAREWELL,
            Ending::TimeOver | Ending::AcceptRefused(_) => Duration::ZERO,
        };
        let at_end = self.progress.snapshot();
        for (index, memory) in powered.switch_off(farewell).await {
            if let Some(member) = usize::try_from(index).ok().and_then(|index| self.members.get_mut(index)) {
                member.memory = memory;
            }
        }
        self.save()?;
        match ending {
            Ending::AcceptRefused(status) => Err(RunError::AcceptRefused(status)),
            Ending::AllSettled | Ending::TimeOver => {
                Ok(Report::new(&self.config.origin, duration, &at_end, &recorder.stats()))
            }
        }
    }

    fn switch_on(&self, dialer: &Dialer, recorder: Arc<Recorder>) -> Powered {
        let config = &self.config;
        let around = Arc::new(Surroundings {
            origin: config.origin.clone(),
            dialer: dialer.clone(),
            generation: config.profile.generation,
            limits: config.limits.clone(),
            verify_keys: config.verify_keys.clone().into(),
            clock: Arc::new(SystemClock::new()),
            observer: recorder,
        });
        let profile = Arc::new(config.profile.clone());
        let tenant_token: Arc<str> = config.tenant_token.as_str().into();
        let mut powered = Powered::new();
        for member in &self.members {
            let mut rng = StdRng::seed_from_u64(config.seed ^ (u64::from(member.index) + 1).rotate_left(32));
            let plug = Plug {
                index: member.index,
                identity_json: member.identity_json(),
                key: Arc::clone(&member.key),
                memory: member.memory.clone(),
                start_after: config.ramp_up.mul_f64(rng.random_range(0.0..=1.0)),
                profile: Arc::clone(&profile),
                tenant_token: Arc::clone(&tenant_token),
                around: Arc::clone(&around),
                rng,
            };
            powered.plug_in(plug);
        }
        powered
    }

    /// Accepts devices if there is a token for it. Ready only if the server refuses the token.
    async fn accept(&self, dialer: &Dialer) -> StatusCode {
        match &self.config.accept_with {
            Some(token) => {
                let progress = Arc::clone(&self.progress);
                Acceptor::new(token, &self.members, &self.config.origin, dialer, progress).run().await
            }
            None => pending().await,
        }
    }
}

/// Tasks of devices that are switched on.
struct Powered {
    tasks: JoinSet<(u32, Memory)>,
    /// True asks devices to end when they are idle.
    leave: watch::Sender<bool>,
    /// True ends them wherever they are.
    unplug: watch::Sender<bool>,
}

/// All that a device's task needs.
struct Plug {
    index: u32,
    identity_json: String,
    key: Arc<DeviceKey>,
    memory: Memory,
    start_after: Duration,
    profile: Arc<Profile>,
    tenant_token: Arc<str>,
    around: Arc<Surroundings>,
    rng: StdRng,
}

impl Powered {
    fn new() -> Self {
        Self { tasks: JoinSet::new(), leave: watch::Sender::new(false), unplug: watch::Sender::new(false) }
    }

    fn plug_in(&mut self, plug: Plug) {
        self.tasks.spawn(plug.live(self.leave.subscribe(), self.unplug.subscribe()));
    }

    /// Gives devices `farewell` to become idle, then pulls all plugs. What each of them remembers.
    async fn switch_off(mut self, farewell: Duration) -> Vec<(u32, Memory)> {
        let mut memories = Vec::with_capacity(self.tasks.len());
        self.leave.send_replace(true);
        let polite = async {
            while let Some(result) = self.tasks.join_next().await {
                memories.extend(result.ok());
            }
        };
        if timeout(farewell, polite).await.is_err() {
            self.unplug.send_replace(true);
            while let Some(result) = self.tasks.join_next().await {
                memories.extend(result.ok());
            }
        }
        memories
    }
}

impl Plug {
    async fn live(self, leave: watch::Receiver<bool>, mut unplug: watch::Receiver<bool>) -> (u32, Memory) {
        let Some(login) = self.login() else {
            self.around.observer.settled(Outcome::Unreported, Some("the device cannot sign its login"));
            return (self.index, self.memory);
        };
        let device = Device::new(self.profile, self.memory);
        let mut agent = Agent::new(device, login, self.around, self.rng);
        let life = async {
            sleep(self.start_after).await;
            agent.run(leave).await;
        };
        tokio::select! {
            () = life => {}
            _ = unplug.wait_for(|unplug| *unplug) => {}
        }
        (self.index, agent.device().memory().clone())
    }

    fn login(&self) -> Option<LoginRequest> {
        let generation: Generation = self.profile.generation;
        let pem = self.key.public_key_pem();
        let body = login_body(generation, &self.identity_json, pem, &self.tenant_token).ok()?;
        let signature = self.key.sign_base64(&body).ok()?;
        Some(LoginRequest::new(generation, body, signature, &self.tenant_token))
    }
}

async fn time_over(duration: Option<Duration>) {
    match duration {
        Some(duration) => sleep(duration).await,
        None => pending().await,
    }
}
