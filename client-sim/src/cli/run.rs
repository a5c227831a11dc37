//! `client-sim run`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use artifact::VerifyingKey;
use client_sim::device::{KeyType, Profile, Timing};
use client_sim::fleet::{Fleet, FleetConfig, PrepareError, Progress, RunError};
use client_sim::protocol::http::{Dialer, HttpError};
use client_sim::protocol::origin::OriginError;
use client_sim::protocol::tls::TrustError;
use client_sim::protocol::{Generation, Origin, Trust};
use client_sim::report::Report;
use tokio::signal::unix::{SignalKind, signal};

use super::exit::Exit;
use super::scenario::{Scenario, ScenarioError};
use super::{output, progress};

const EXAMPLES: &str = "Examples:
  client-sim run --server https://localhost:8443 --ca sealift-data/tls/ca.crt --devices 25
  client-sim run --server https://localhost:8443 --ca ca.crt --devices 5000 --key-pool 200 \\
      --state fleet --ramp-up 30 --poll 60 --duration 600 --report report.json

Scenario file, every member may be left out:
  {\"install_failure\": 0.01, \"reboot\": 0.5, \"cut_download\": 0.1,
   \"install_secs\": 2, \"reboot_secs\": 5, \"resume_secs\": 1}

Exit status: 0 done, 1 a device failed, 2 wrong use, 3 the server or a file could not be reached.";

/// The flags.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Server to speak to
    #[arg(long, value_name = "URL")]
    server: String,
    /// PEM file of the certificates to trust, and no others
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// Number of devices
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
    devices: u32,
    /// Type of the devices' keys: rsa3072, p256 or ed25519
    #[arg(long, value_name = "TYPE", default_value_t = KeyType::Rsa3072)]
    key_type: KeyType,
    /// Number of distinct keys [default: one a device, up to 256 for RSA and 4096 for others]
    #[arg(long, value_name = "K")]
    key_pool: Option<usize>,
    /// Seconds between two polls
    #[arg(long, value_name = "SECS", default_value = "5", value_parser = seconds)]
    poll: Duration,
    /// Longest wait in seconds before something is tried again [default: as --poll, at most 300]
    #[arg(long, value_name = "SECS", value_parser = seconds)]
    retry: Option<Duration>,
    /// Stop after so many seconds [default: when every device was updated]
    #[arg(long, value_name = "SECS", value_parser = seconds)]
    duration: Option<Duration>,
    /// Switch devices on over so many seconds
    #[arg(long, value_name = "SECS", default_value = "0", value_parser = seconds)]
    ramp_up: Duration,
    /// Directory that keeps keys and installed software: the next run goes on with the same devices
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Deployment token that devices log in with
    #[arg(long, value_name = "TOKEN", default_value = "", hide_default_value = true)]
    deployment_token: String,
    /// Management token to accept these devices with
    #[arg(long, value_name = "USER_TOKEN", env = "SEALIFT_TOKEN", hide_env_values = true)]
    accept_with: Option<String>,
    /// JSON file that says what goes wrong (see below)
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Device type
    #[arg(long, value_name = "TYPE", default_value = "sim")]
    device_type: String,
    /// Name of the artifact that is installed in the factory
    #[arg(long, value_name = "NAME", default_value = "release-0")]
    artifact_name: String,
    /// Public key that must have signed artifacts; may be given again for more keys
    #[arg(long, value_name = "FILE")]
    verify_key: Vec<PathBuf>,
    /// As client 3.x: keep-alive; as client 5.x: fresh (a new connection for each request)
    #[arg(long, value_name = "STYLE", default_value = "keep-alive", value_parser = generation)]
    connections: Generation,
    /// Seed of everything random [default: random]
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    #[error(transparent)]
    Server(#[from] OriginError),
    #[error("failed to access {}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} is of no use", path.display())]
    Certificates { path: PathBuf, source: TrustError },
    #[error("{} is not a public key", path.display())]
    VerifyKey { path: PathBuf, source: artifact::KeyError },
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    #[error("the server cannot be reached")]
    Probe(#[source] HttpError),
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("failed to write the report")]
    Report(#[source] io::Error),
}

impl CliError {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Server(_) | Self::Certificates { .. } | Self::VerifyKey { .. } | Self::Scenario(_) => {
                Exit::Usage
            }
            Self::Run(RunError::AcceptRefused(_)) => Exit::Usage,
            Self::File { .. }
            | Self::Probe(_)
            | Self::Prepare(_)
            | Self::Run(RunError::State(_))
            | Self::Report(_) => Exit::Unreachable,
        }
    }
}

/// Runs a fleet to its end.
pub(super) async fn run(args: Args) -> Result<Exit, CliError> {
    let config = resolve(&args)?;
    Dialer::new(&config.trust, PROBE_TIMEOUT, 1).probe(&config.origin).await.map_err(CliError::Probe)?;
    warn_of_file_limit(&config);
    let progress = Arc::new(Progress::new());
    let drawing = tokio::spawn(progress::draw(Arc::clone(&progress)));
    let mut fleet = Fleet::prepare(config, progress).await?;
    let result = fleet.run(stopped()).await;
    drawing.abort();
    // The bar must be gone before the report is printed; being aborted is not an error.
    let _ = drawing.await;
    let report = result?;
    write_report(&args, &report)?;
    Ok(if report.failed() > 0 { Exit::DeviceFailed } else { Exit::Done })
}

const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

fn resolve(args: &Args) -> Result<FleetConfig, CliError> {
    let origin = Origin::parse(&args.server)?;
    let trust = Trust::from_pem(&read(&args.ca)?)
        .map_err(|source| CliError::Certificates { path: args.ca.clone(), source })?;
    let scenario = match &args.scenario {
        Some(path) => Scenario::parse(&read(path)?)?,
        None => Scenario::default(),
    };
    let mut timing = Timing::for_poll(args.poll);
    if let Some(retry) = args.retry {
        timing = Timing { retry, login_backoff: retry, fetch_retry: retry, resume: retry, ..timing };
    }
    let timing = scenario.time(&timing)?;
    let mut profile = Profile::new(args.device_type.as_str(), args.connections, timing);
    profile.faults = scenario.faults()?;
    let seed = args.seed.unwrap_or_else(rand::random);
    Ok(FleetConfig {
        key_type: args.key_type,
        key_pool: args.key_pool,
        state_dir: args.state.clone(),
        artifact_name: args.artifact_name.clone(),
        ramp_up: args.ramp_up,
        duration: args.duration,
        tenant_token: args.deployment_token.clone(),
        verify_keys: args.verify_key.iter().map(|path| verify_key(path)).collect::<Result<_, _>>()?,
        accept_with: args.accept_with.clone().filter(|token| !token.is_empty()),
        ..FleetConfig::new(origin, trust, args.devices, profile, seed)
    })
}

fn verify_key(path: &Path) -> Result<VerifyingKey, CliError> {
    let pem = String::from_utf8_lossy(&read(path)?).into_owned();
    VerifyingKey::from_pem(&pem).map_err(|source| CliError::VerifyKey { path: path.to_owned(), source })
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|source| CliError::File { path: path.to_owned(), source })
}

/// Each device of the older generation keeps a socket; a process may have too few.
fn warn_of_file_limit(config: &FleetConfig) {
    let Ok(limits) = std::fs::read_to_string("/proc/self/limits") else { return };
    let soft = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse::<u64>().ok());
    let needed = u64::from(config.devices) + 256;
    if let Some(soft) = soft.filter(|soft| *soft < needed) {
        output::note(&format!(
            "client-sim: warning: this process may open {soft} files, {} devices need up to {needed}: \
             raise the limit with `ulimit -n`",
            config.devices
        ));
    }
}

async fn stopped() {
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

fn write_report(args: &Args, report: &Report) -> Result<(), CliError> {
    let json = serde_json::to_string_pretty(report).map_err(|err| CliError::Report(err.into()))? + "\n";
    if let Some(path) = &args.report {
        std::fs::write(path, &json).map_err(|source| CliError::File { path: path.clone(), source })?;
    }
    output::print(&if args.json { json } else { report.to_string() }).map_err(CliError::Report)
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|secs| Duration::try_from_secs_f64(secs).ok())
        .ok_or_else(|| format!("`{text}` is not a number of seconds"))
}

fn generation(text: &str) -> Result<Generation, String> {
    match text {
        "keep-alive" => Ok(Generation::V3),
        "fresh" => Ok(Generation::V5),
        other => Err(format!("`{other}` is not one of keep-alive, fresh")),
    }
}
