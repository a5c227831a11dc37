//! The acts of the demo: everything that a small team does with the server, over its real interfaces.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use artifact::write::{Common, InputFile, ModuleImage, WriteOptions};
use artifact::{KeyType, SigningKey, VerifyingKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use client_sim::device::{Profile, Timing};
use client_sim::fleet::{Fleet, FleetConfig, Progress};
use client_sim::protocol::{Generation, Origin, Trust};
use client_sim::report::Report;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::management::Management;
use super::progress::Show;
use crate::app::{App, Running};
use crate::audit::Actor;
use crate::cli::error::CliError;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::crypto::random::{SystemRandom, random_bytes};
use crate::ids::TenantId;
use crate::users::Role;

/// Who runs the demo.
pub(super) const EMAIL: &str = "demo@example.com";

/// What is rolled out.
pub(super) const RELEASE: &str = "release-1";

/// The type of the simulated devices.
const DEVICE_TYPE: &str = "demo-board";

/// One device of so many is preauthorized, the rest is accepted when it appears.
const PREAUTHORIZED_OF: usize = 3;

/// Bytes of the payload.
const PAYLOAD: usize = 256 * 1024;

/// How often a simulated device asks for an update.
const POLL: Duration = Duration::from_millis(500);

/// How long the whole may take before the demo gives up, and how much longer for each device.
const PATIENCE: Duration = Duration::from_mins(2);
const PATIENCE_PER_DEVICE: Duration = Duration::from_millis(500);

/// A running server and someone who may do everything on it.
pub(super) struct Stage {
    running: Running,
    pub(super) url: String,
    pub(super) password: SecretString,
}

/// What came of it.
pub(super) struct Outcome {
    pub(super) devices: u32,
    pub(super) preauthorized: usize,
    pub(super) statistics: Value,
    pub(super) report: Report,
    pub(super) took: Duration,
    pub(super) deployment: String,
}

impl Outcome {
    /// How many devices the server counts as updated.
    pub(super) fn succeeded(&self) -> u64 {
        self.statistics.get("success").and_then(Value::as_u64).unwrap_or(0)
    }

    /// Whether every device was updated.
    pub(super) fn is_complete(&self) -> bool {
        self.succeeded() == u64::from(self.devices)
    }
}

impl Stage {
    /// Starts a server on a directory and adds a user.
    pub(super) async fn build(config: Config, directory: &Path) -> Result<Self, CliError> {
        let config = Config {
            data_dir: directory.join("sealift-data"),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            public_url: None,
            database_url: None,
            tls_cert: None,
            tls_key: None,
            metrics_listen: None,
            ..config
        };
        let random = SystemRandom::new();
        let secret: [u8; 18] =
            random_bytes(&random).map_err(|err| CliError::unreachable("failed to make a password", err))?;
        let password = SecretString::from(URL_SAFE_NO_PAD.encode(secret));
        let app = App::build(config, Arc::new(SystemClock), Arc::new(random))
            .await
            .map_err(|err| CliError::unreachable("failed to start the server", err))?;
        let running = app.start().map_err(|err| CliError::unreachable("failed to start the server", err))?;
        let core = &running.core;
        let scope = core.database.scope(TenantId::DEFAULT).acting(Arc::new(Actor::console("demo")));
        core.users_of(scope)
            .add(EMAIL, password.clone(), Role::Admin)
            .await
            .map_err(|err| CliError::unreachable("failed to add a user", err))?;
        Ok(Self { url: running.url(), running, password })
    }

    /// Signs and uploads a release, and rolls it out to devices that appear meanwhile.
    pub(super) async fn perform(&self, devices: u32, directory: &Path) -> Result<Outcome, CliError> {
        let show = Show::new();
        show.step(&format!("server on {}", self.url));
        let failed = |what: &'static str| move |err| CliError::unreachable(what, err);
        let ca = std::fs::read(self.ca_file())?;
        let origin =
            Origin::parse(&self.url).map_err(|err| CliError::unreachable("failed to parse the URL", err))?;
        let trust =
            Trust::from_pem(&ca).map_err(|err| CliError::unreachable("failed to read the CA", err))?;
        let mut management = Management::new(origin.clone(), &trust);
        management.log_in(EMAIL, self.password.expose_secret()).await.map_err(failed("failed to log in"))?;

        let artifact = directory.join(format!("{RELEASE}.mender"));
        let path = artifact.clone();
        let key = tokio::task::spawn_blocking(move || write_artifact(&path))
            .await
            .map_err(|err| CliError::unreachable("failed to write the artifact", err))??;
        show.step(&format!("artifact {RELEASE} written and signed"));
        let bytes = std::fs::read(&artifact)?;
        management.upload(&artifact, bytes).await.map_err(failed("failed to upload the artifact"))?;
        show.step(&format!("artifact {RELEASE} uploaded: the server checked it while it arrived"));

        let started = Instant::now();
        let progress = Arc::new(Progress::new());
        show.watch(&progress);
        let mut config = FleetConfig::new(origin, trust, devices, profile(), 0);
        config.key_pool = Some(usize::try_from(devices).unwrap_or(usize::MAX).min(MAX_KEYS));
        config.verify_keys = vec![key];
        config.accept_with = Some(management.token().to_owned());
        config.duration = Some(PATIENCE + PATIENCE_PER_DEVICE * devices);
        let mut fleet = Fleet::prepare(config, Arc::clone(&progress))
            .await
            .map_err(|err| CliError::unreachable("failed to make the devices", err))?;
        show.step(&format!("{devices} devices made, with RSA-3072 keys of their own"));
        let expected: Vec<(String, String)> = fleet
            .members()
            .iter()
            .step_by(PREAUTHORIZED_OF)
            .map(|member| (member.identity_json(), member.public_key_pem().to_owned()))
            .collect();
        for (identity, pubkey) in &expected {
            management
                .preauthorize(identity, pubkey)
                .await
                .map_err(failed("failed to preauthorize a device"))?;
        }
        show.step(&format!("{} devices preauthorized; the others wait to be accepted", expected.len()));
        let rollout = async {
            management.wait_for_accepted(u64::from(devices)).await?;
            show.step("all devices accepted");
            let deployment = management.deploy(RELEASE).await?;
            show.step(&format!("release {RELEASE} deployed to all devices"));
            Ok::<_, super::management::ManagementError>(deployment)
        };
        let (report, deployment) = tokio::join!(fleet.run(std::future::pending()), rollout);
        let report = report.map_err(|err| CliError::unreachable("the devices failed", err))?;
        let deployment = deployment.map_err(failed("failed to roll out"))?;
        let statistics =
            management.statistics(&deployment).await.map_err(failed("failed to read the statistics"))?;
        show.finish();
        let preauthorized = expected.len();
        Ok(Outcome { devices, preauthorized, statistics, report, took: started.elapsed(), deployment })
    }

    /// The certificate that devices trust.
    pub(super) fn ca_file(&self) -> std::path::PathBuf {
        self.running.core.config.data_dir.join("tls").join("ca.crt")
    }

    /// Stops the server.
    pub(super) async fn stop(self) -> Result<(), CliError> {
        self.running.stop().await.map_err(|err| CliError::unreachable("failed to stop in good order", err))
    }
}

/// Keys that are made at most; with more devices some share one, under another identity.
const MAX_KEYS: usize = 256;

fn profile() -> Profile {
    let timing = Timing { inventory: Duration::from_secs(5), ..Timing::for_poll(POLL) };
    Profile::new(DEVICE_TYPE, Generation::V3, timing)
}

fn write_artifact(path: &Path) -> Result<VerifyingKey, CliError> {
    let failed = |err: artifact::KeyError| CliError::unreachable("failed to make the signing key", err);
    let key = SigningKey::generate(KeyType::P256).map_err(failed)?;
    // Bytes that do not compress to nothing, the same on every run.
    let payload: Vec<u8> =
        (0_u32..).flat_map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()).take(PAYLOAD).collect();
    let image = ModuleImage {
        common: Common::new(RELEASE, [DEVICE_TYPE]),
        payload_type: "demo".to_owned(),
        files: vec![InputFile::bytes("payload.bin", payload)],
        ..ModuleImage::default()
    };
    image
        .write_file(path, &WriteOptions { key: Some(&key), ..WriteOptions::default() })
        .map_err(|err| CliError::unreachable("failed to write the artifact", err))?;
    key.verifying_key().map_err(failed)
}
