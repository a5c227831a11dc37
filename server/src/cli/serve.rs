//! `sealift serve`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::error::CliError;
use super::exit::Exit;
use super::output::print_line;
use super::stop_signal::StopSignal;
use crate::app::App;
use crate::clock::SystemClock;
use crate::config::{Config, Flags};
use crate::crypto::random::SystemRandom;

const EXAMPLES: &str = "\
Examples:
  sealift serve
  sealift serve --data-dir /var/lib/sealift --public-url https://ota.example.com:8443
  sealift serve --listen 127.0.0.1:0 --tls-cert server.crt --tls-key server.key

The first start makes a certificate authority; devices trust DIR/tls/ca.crt. When requests can be taken,
one line `ready https://HOST:PORT` appears on standard output. SIGTERM ends the server in good order.";

/// Run the server
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Listen here; port 0 picks a free one [default: 0.0.0.0:8443]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Give devices links to this address instead of the one they used
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Use this certificate chain (PEM) instead of a generated one; reloaded when it changes
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The key of --tls-cert (PEM)
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Put this name into tokens as their issuer [default: Sealift]
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
}

impl Args {
    /// What these flags say about the configuration.
    pub(super) fn flags(&self) -> Flags {
        Flags {
            listen: self.listen,
            public_url: self.public_url.clone(),
            tls_cert: self.tls_cert.clone(),
            tls_key: self.tls_key.clone(),
            issuer: self.issuer.clone(),
            ..Flags::default()
        }
    }
}

/// Serves until SIGTERM or SIGINT, then drains.
pub(super) async fn run(config: Config) -> Result<Exit, CliError> {
    let app = App::build(config, Arc::new(SystemClock), Arc::new(SystemRandom::new()))
        .await
        .map_err(|err| CliError::unreachable("failed to start", err))?;
    let running = app.start().map_err(|err| CliError::unreachable("failed to start", err))?;
    let mut stop = StopSignal::new()?;
    print_line(&format!("ready {}", running.url()))?;
    stop.received().await;
    tracing::info!("stopping");
    running.stop().await.map_err(|err| CliError::unreachable("failed to stop in good order", err))?;
    Ok(Exit::Done)
}
