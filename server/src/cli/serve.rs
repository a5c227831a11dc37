//! `sealift serve`

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::ExposeSecret;

use super::error::CliError;
use super::exit::Exit;
use super::output::{print_error, print_line};
use super::stop_signal::StopSignal;
use crate::app::{App, AppError, Running};
use crate::clock::SystemClock;
use crate::config::{Config, Flags};
use crate::crypto::random::SystemRandom;
use crate::telemetry::chain;
use crate::throttle::raise_open_files;
use crate::tls::write_private;

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
    /// Serve /metrics for Prometheus here, over the same TLS [default: off]
    #[arg(long, value_name = "ADDR")]
    metrics_listen: Option<SocketAddr>,
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
            metrics_listen: self.metrics_listen,
            ..Flags::default()
        }
    }
}

/// Serves until SIGTERM or SIGINT, then drains.
pub(super) async fn run(config: Config) -> Result<Exit, CliError> {
    raise_open_files(config.limits.max_connections);
    let app = App::build(config, Arc::new(SystemClock), Arc::new(SystemRandom::new()))
        .await
        .map_err(|err| CliError::unreachable("failed to start", err))?;
    let running = app.start().map_err(|err| CliError::unreachable("failed to start", err))?;
    let mut stop = StopSignal::new()?;
    show_first_steps(&running).await?;
    print_line(&format!("ready {}", running.url()))?;
    let is_lost = tokio::select! {
        () = stop.received() => false,
        () = running.core.database.lost() => true,
    };
    if is_lost {
        // Its memory is of the past, and nothing more can be stored; requests in flight get their answers.
        if let Err(err) = running.stop().await {
            tracing::warn!(error = chain(&err), "failed to stop in good order");
        }
        return Err(CliError::unreachable("stopped", AppError::DatabaseInUse));
    }
    tracing::info!("stopping");
    running.stop().await.map_err(|err| CliError::unreachable("failed to stop in good order", err))?;
    Ok(Exit::Done)
}

/// With no user yet, says how to make the first one. The setup token is also left in a file that only the
/// server's user may read.
async fn show_first_steps(running: &Running) -> Result<(), CliError> {
    let core = &running.core;
    let path = core.config.data_dir.join("setup-token");
    let exists =
        core.logins.has_users().await.map_err(|err| CliError::unreachable("failed to read users", err))?;
    if exists {
        // One of an earlier start: void, but no need to keep it.
        let _ = std::fs::remove_file(&path);
        return Ok(());
    }
    let Some(token) = core.setup.take_token() else { return Ok(()) };
    let token = token.expose_secret();
    write_private(&path, token)
        .map_err(|err| CliError::unreachable("failed to write the setup token", err))?;
    let (data_dir, url) = (core.config.data_dir.display(), running.url());
    print_error(&format!(
        "There is no user yet. Add the first one on this machine:\n\n    \
         sealift user add you@example.com --role admin --data-dir {data_dir}\n\n\
         or over the network, once, with the setup token of this start (also in {path}):\n\n    \
         curl --cacert {data_dir}/tls/ca.crt -H 'Content-Type: application/json' \\\n      \
         -d '{{\"token\":\"{token}\",\"email\":\"you@example.com\",\"password\":\"...\"}}' \\\n      \
         {url}/api/management/v1/setup\n",
        path = path.display(),
    ));
    Ok(())
}
