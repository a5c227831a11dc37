//! How much is taken from whom at once, judged before work is done for them.
//!
//! - *source*: where a connection comes from, an IPv4 address or an IPv6 network of 64 bits ([`Source`]).
//! - *gate*: counts connections and handshakes, of all and of each source ([`Gate`]).
//! - *budget*: so many of a kind of work a second, of all and of each source ([`Budget`]).
//! - *site*: where people are, an IPv4 network of 24 bits or an IPv6 network of 56 ([`Site`]); *guesses* are passwords
//!   that were wrong, of accounts at sites ([`Guesses`]).
//! - *lease*: a part of the memory that request bodies may have at once ([`Memory`]).
//! - *load*: how far behind the server is, as a level with hysteresis ([`Load`]); each class of requests is shed
//!   from a level on ([`Class`]).

mod budget;
mod class;
mod counts;
mod gate;
mod guesses;
mod jitter;
mod load;
mod memory;
mod networks;
mod open_files;
mod site;
mod source;

pub use budget::{Budget, Rates, RetryAfter};
pub use class::Class;
pub use counts::{Cause, Counts};
pub use gate::{Gate, GateLimits, Ticket};
pub use guesses::{AddressKey, Admission, Guess, Guesses};
pub use jitter::Jitter;
pub use load::{Level, Load, Observer};
pub use memory::{Lease, Memory};
pub use networks::{NetworkError, Networks};
pub use open_files::raise_open_files;
pub use site::Site;
pub use source::Source;

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Limits;

/// Seconds after which an upload that found all places taken may come again.
const UPLOAD_RETRY_SECS: u32 = 30;

/// Everything that is limited, for all listeners of a server.
#[derive(Debug)]
pub struct Throttle {
    /// Connections.
    pub gate: Arc<Gate>,
    /// Authentication requests of devices, before their signature is verified.
    pub logins: Budget,
    /// Those of devices that nobody knows, beside `logins`.
    pub registrations: Budget,
    /// Passwords, before they are hashed.
    pub passwords: Budget,
    /// Memory for request bodies.
    pub memory: Memory,
    /// Memory for downloads, beyond which chunks become small.
    pub downloads: Memory,
    /// How far behind the server is.
    pub load: Arc<Load>,
    /// What was refused and shed.
    pub counts: Arc<Counts>,
    uploads: Arc<Semaphore>,
}

impl Throttle {
    /// Makes what the configuration asks for.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let counts = Arc::new(Counts::default());
        let exempt = Arc::new(limits.unlimited_networks.clone());
        let budget = |all, each| Budget::new(Rates { all, each }, Arc::clone(&exempt));
        let gate_limits = GateLimits {
            connections: limits.max_connections,
            connections_per_source: limits.max_connections_per_source,
            handshakes: limits.max_handshakes,
            handshakes_per_source: limits.max_handshakes_per_source,
        };
        Self {
            gate: Arc::new(Gate::new(gate_limits, Arc::clone(&exempt), Arc::clone(&counts))),
            logins: budget(limits.login_rate, limits.login_rate_per_source),
            registrations: budget(limits.registration_rate, limits.registration_rate_per_source),
            passwords: budget(limits.password_rate, limits.password_rate_per_source),
            memory: Memory::new(limits.max_buffered_bytes),
            downloads: Memory::new(limits.max_buffered_bytes),
            load: Arc::new(Load::new(limits.overload_delay_ms, limits.load_level_min)),
            counts,
            uploads: Arc::new(Semaphore::new(limits.max_uploads)),
        }
    }

    /// Serves a request of a class, or sheds it if the load is too high.
    pub fn serve(&self, class: Class) -> Result<(), RetryAfter> {
        let level = self.load.level();
        if level < class.shed_from() {
            return Ok(());
        }
        self.counts.shed(class, level);
        Err(RetryAfter(self.counts.jitter.spread(class.retry_secs())))
    }

    /// Spends a login of a device.
    pub fn login(&self, address: Option<IpAddr>) -> Result<(), RetryAfter> {
        self.counts.judge(self.logins.spend(address), Cause::Logins, address.map(Source::from))
    }

    /// Spends a registration of a device that nobody knows.
    pub fn registration(&self, address: Option<IpAddr>) -> Result<(), RetryAfter> {
        self.counts.judge(self.registrations.spend(address), Cause::Registrations, address.map(Source::from))
    }

    /// Spends a password that is to be hashed.
    pub fn password(&self, address: Option<IpAddr>) -> Result<(), RetryAfter> {
        self.counts.judge(self.passwords.spend(address), Cause::Passwords, address.map(Source::from))
    }

    /// Takes a place among the uploads, given back on drop.
    pub fn upload(&self) -> Result<OwnedSemaphorePermit, RetryAfter> {
        Arc::clone(&self.uploads).try_acquire_owned().map_err(|_| {
            self.counts.refused(Cause::Uploads, None);
            RetryAfter(self.counts.jitter.spread(UPLOAD_RETRY_SECS))
        })
    }
}
