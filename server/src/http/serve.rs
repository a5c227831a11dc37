//! The listener of an application: from an address to a server that takes requests.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web;
use tokio::task::JoinHandle;

use super::body::BodyPace;
use super::connection::{Patience, QueuePercent};
use super::listener::{Listener, listen};
use super::metrics::metrics;
use super::request_id::RequestIds;
use super::routes;
use crate::app::Core;
use crate::crypto::random::RandomError;
use crate::telemetry::chain;

/// How many graces an answer may take to go on by what its rate asks for.
const WRITE_WINDOW_GRACES: u32 = 6;

/// Why nothing listens.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is in use, or not one of this machine.
    #[error("failed to listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// A listener at work.
pub struct Serving {
    /// Where it listens; with the port that was picked.
    pub address: SocketAddr,
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
}

/// What a listener is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Surface {
    /// Devices and users.
    Api,
    /// A Prometheus server.
    Metrics,
}

/// How full the writer's queue is. The listener must not keep the writer from ending.
fn queue_percent(core: &Arc<Core>) -> QueuePercent {
    let core = Arc::downgrade(core);
    Arc::new(move || core.upgrade().map_or(0, |core| core.writer.fill_percent()))
}

impl Serving {
    /// Begins to take requests.
    pub fn start(
        core: &Arc<Core>,
        address: SocketAddr,
        surface: Surface,
        tls: rustls::ServerConfig,
    ) -> Result<Self, ListenError> {
        let config = &core.config;
        let bind_error = |source| ListenError::Bind { address, source };
        let socket = TcpListener::bind(address).map_err(bind_error)?;
        let address = socket.local_addr().map_err(bind_error)?;
        let limits = &config.limits;
        let grace = Duration::from_secs(limits.rate_grace_secs);
        // The kernel takes answers in large portions, so the rate shows over a longer time only.
        let write_window = grace * WRITE_WINDOW_GRACES;
        let patience = Patience {
            head: Duration::from_secs(limits.head_timeout_secs),
            idle: Duration::from_secs(config.keep_alive_secs),
            head_bytes: limits.max_head_bytes,
            write_window,
            write_bytes: limits.min_bytes_per_sec.saturating_mul(write_window.as_secs()),
        };
        let listener = Listener {
            tls,
            patience,
            body_pace: BodyPace {
                grace,
                bytes_per_sec: limits.min_bytes_per_sec,
                most: Duration::from_secs(limits.max_body_secs),
            },
            queue_percent: queue_percent(core),
            shutdown_timeout: Duration::from_secs(config.shutdown_timeout_secs),
            max_json_bytes: limits.max_json_bytes,
            max_target_bytes: limits.max_target_bytes,
            request_ids: Arc::new(RequestIds::new(&*core.random)?),
            throttle: Arc::clone(&core.throttle),
            core: Some(Arc::clone(core)),
            serves_devices: surface == Surface::Api,
        };
        let data = web::Data::from(Arc::clone(core));
        let server = listen(listener, socket, move |app| {
            app.app_data(data.clone());
            match surface {
                Surface::Api => routes::configure(app),
                Surface::Metrics => {
                    app.route("/metrics", web::get().to(metrics));
                }
            }
        })
        .map_err(|source| ListenError::Bind { address, source })?;
        let handle = server.handle();
        Ok(Self { address, handle, task: tokio::spawn(server) })
    }

    /// Takes no new requests, finishes those in flight, and returns.
    pub async fn drain(self) {
        self.handle.stop(true).await;
        match self.task.await {
            Ok(Ok(())) => {}
            Ok(Err(err)) => tracing::error!(error = chain(&err), "the listener failed"),
            Err(err) => tracing::error!(error = chain(&err), "the listener panicked"),
        }
    }
}
