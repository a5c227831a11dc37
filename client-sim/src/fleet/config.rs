//! What a fleet is made of.

use std::path::PathBuf;
use std::time::Duration;

use artifact::VerifyingKey;

use crate::agent::Limits;
use crate::device::{KeyType, Profile};
use crate::protocol::{Origin, Trust};

/// Distinct RSA keys that a fleet has by default: more take minutes to make.
const DEFAULT_RSA_KEYS: usize = 256;
/// Distinct keys of the other types that a fleet has by default.
const DEFAULT_OTHER_KEYS: usize = 4096;

/// Everything that makes one fleet differ from another.
#[derive(Clone)]
pub struct FleetConfig {
    /// The server.
    pub origin: Origin,
    /// What the devices trust.
    pub trust: Trust,
    /// How many devices.
    pub devices: u32,
    /// What their keys are.
    pub key_type: KeyType,
    /// How many distinct keys; `None` for as many as devices, up to 256 RSA or 4096 other keys. Devices
    /// beyond that share keys: the same key under another identity is another device.
    pub key_pool: Option<usize>,
    /// Where keys and installed provides are kept, so that the next run goes on with the same devices.
    pub state_dir: Option<PathBuf>,
    /// The client's settings.
    pub profile: Profile,
    /// The artifact that is installed in the factory.
    pub artifact_name: String,
    /// Time over which devices are switched on, at random.
    pub ramp_up: Duration,
    /// When to stop; `None` for when the first update of every device is over.
    pub duration: Option<Duration>,
    /// Goes into `tenant_token` of each login; a deployment token, as a rule.
    pub tenant_token: String,
    /// Who may sign artifacts; empty means that signatures are not looked at.
    pub verify_keys: Vec<VerifyingKey>,
    /// A management token, to accept the fleet's own pending devices with.
    pub accept_with: Option<String>,
    /// What may happen at the same time.
    pub limits: Limits,
    /// TLS handshakes under way at the same time.
    pub handshakes: usize,
    /// Everything random comes from it: identities of a fleet without state, jitter, faults.
    pub seed: u64,
}

impl FleetConfig {
    /// A fleet of RSA-3072 devices without state, faults, verification keys or a time limit.
    #[must_use]
    pub fn new(origin: Origin, trust: Trust, devices: u32, profile: Profile, seed: u64) -> Self {
        Self {
            origin,
            trust,
            devices,
            key_type: KeyType::default(),
            key_pool: None,
            state_dir: None,
            profile,
            artifact_name: "release-0".to_owned(),
            ramp_up: Duration::ZERO,
            duration: None,
            tenant_token: String::new(),
            verify_keys: Vec::new(),
            accept_with: None,
            limits: Limits::default(),
            handshakes: 64,
            seed,
        }
    }

    /// The number of distinct keys: at least one, at most one for each device.
    pub(super) fn distinct_keys(&self) -> usize {
        let devices = usize::try_from(self.devices).unwrap_or(usize::MAX).max(1);
        let default = match self.key_type {
            KeyType::Rsa3072 => DEFAULT_RSA_KEYS,
            KeyType::P256 | KeyType::Ed25519 => DEFAULT_OTHER_KEYS,
        };
        self.key_pool.unwrap_or(default).clamp(1, devices)
    }
}
