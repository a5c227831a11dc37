//! The wiring: the only place that builds everything.

mod error;

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::audit::Custody;
use crate::clock::{Clock, span};
use crate::config::{Config, PublicUrl};
use crate::crypto::password::{HashScheme, PasswordPolicy, PasswordPool};
use crate::crypto::random::SecureRandom;
use crate::crypto::second_factor::FactorKeys;
use crate::crypto::session_token::TokenAuthority;
use crate::crypto::signed_link::LinkAuthority;
use crate::deployments::device_service::DeviceDeployments;
use crate::deployments::downloads::Downloads;
use crate::devices::admission::Admission;
use crate::devices::session::Sessions;
use crate::fleet::FleetIndex;
use crate::http::metrics::RequestCounts;
use crate::http::serve::{Serving, Surface};
use crate::ids::TenantId;
use crate::keyring::Keyring;
use crate::mail::Outbox;
use crate::releases::{ReleaseTrust, UploadLeases, compare_rest, sweep};
use crate::storage::blobs::BlobStore;
use crate::storage::{Database, DatabaseLocation, Scope, StorageError, tenants};
use crate::tenants::TenantTokens;
use crate::throttle::Throttle;
use crate::tls::{
    CertificateSlot, PairPaths, ensure_server_pair, host_name, server_config, server_names, watch_files,
    write_public,
};
use crate::upkeep;
use crate::users::{Logins, SecondFactors, Setup, Users};
use crate::writer::{PendingLimits, Writer};

pub use error::AppError;

/// How often certificate files are looked at.
const CERTIFICATE_WATCH: Duration = Duration::from_secs(2);

/// How long a stop waits for the last writes.
const WRITER_PATIENCE: Duration = Duration::from_secs(30);

/// What requests are served from; shared by all of them.
pub struct Core {
    /// The configuration.
    pub config: Config,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Draws secrets.
    pub random: Arc<dyn SecureRandom>,
    /// The database.
    pub database: Database,
    /// The contents of artifacts.
    pub blobs: BlobStore,
    /// What polls are answered from.
    pub fleet: Arc<FleetIndex>,
    /// Opens sessions of devices.
    pub admission: Admission,
    /// Checks sessions of devices.
    pub device_sessions: Arc<Sessions>,
    /// Deployments as devices live them.
    pub device_deployments: DeviceDeployments,
    /// Opens what was offered to devices.
    pub downloads: Downloads,
    /// Stores what devices cause to be written.
    pub writer: Writer,
    /// Opens, checks and ends sessions of users.
    pub logins: Logins,
    /// The second factors of users.
    pub second_factors: SecondFactors,
    /// Takes mail to users.
    pub mail: Outbox,
    /// Hashes and checks passwords.
    pub passwords: PasswordPool,
    /// Which passwords are acceptable.
    pub password_policy: PasswordPolicy,
    /// Makes what devices name their tenant by.
    pub tenant_tokens: TenantTokens,
    /// Keeps the audit trail.
    pub custody: Custody,
    /// Signs and checks links.
    pub links: LinkAuthority,
    /// Makes the first user.
    pub setup: Setup,
    /// Counts requests.
    pub requests: RequestCounts,
    /// How much is taken from whom at once.
    pub throttle: Arc<Throttle>,
    /// Who is writing to which upload.
    pub upload_leases: Arc<UploadLeases>,
}

impl Core {
    /// The users of a scope's tenant.
    #[must_use]
    pub fn users_of(&self, scope: Scope) -> Users {
        Users::new(scope, self.passwords.clone(), self.password_policy.clone(), Arc::clone(&self.clock))
    }
}

/// The application without its listener.
pub struct App {
    /// What requests are served from.
    pub core: Arc<Core>,
    /// The server's own secrets.
    pub keyring: Keyring,
    /// Ends when all writes are done.
    pub writer_task: JoinHandle<()>,
    lock: File,
}

/// Where the database of this configuration is.
#[must_use]
pub fn database_location(config: &Config) -> DatabaseLocation {
    config.database_url.as_ref().map_or_else(
        || DatabaseLocation::File(config.data_dir.join("sealift.db")),
        |url| DatabaseLocation::Url(url.expose().to_owned()),
    )
}

/// The rules for new passwords.
#[must_use]
pub fn password_policy(config: &Config) -> PasswordPolicy {
    let names = [config.public_url.as_ref().map(PublicUrl::host).map(str::to_owned), host_name()];
    let hosts: Vec<&str> = names.iter().flatten().map(String::as_str).collect();
    PasswordPolicy::new(config.users.password_lengths(), &hosts)
}

/// Makes the data directory, for its owner only: it holds password hashes and sealed keys.
fn make_data_dir(config: &Config) -> Result<(), AppError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data_dir)
        .map_err(|source| AppError::DataDir { path: config.data_dir.display().to_string(), source })
}

/// Takes the data directory for one server: a second one would sweep away what the first is storing.
fn lock_data_dir(config: &Config) -> Result<File, AppError> {
    make_data_dir(config)?;
    let failed = |source| AppError::DataDir { path: config.data_dir.display().to_string(), source };
    let path = config.data_dir.join("lock");
    let lock = File::options().create(true).truncate(false).write(true).open(path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(AppError::InUse(config.data_dir.display().to_string())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Opens the database beside whoever uses it, and brings its schema up to date.
pub async fn open_database(config: &Config, clock: &dyn Clock) -> Result<Database, AppError> {
    make_data_dir(config)?;
    prepare(Database::open(&database_location(config)).await?, clock).await
}

/// Opens the database for a server.
async fn open_own_database(config: &Config, clock: &dyn Clock) -> Result<Database, AppError> {
    let database = match Database::open_exclusively(&database_location(config)).await {
        Err(StorageError::InUse) => return Err(AppError::DatabaseInUse),
        opened => prepare(opened?, clock).await?,
    };
    database.claim(clock.now()).await?;
    Ok(database)
}

async fn prepare(database: Database, clock: &dyn Clock) -> Result<Database, AppError> {
    let applied = database.migrate().await?;
    if applied > 0 {
        tracing::info!(applied, "database schema brought up to date");
    }
    let now = clock.now();
    let tx = database.begin(TenantId::DEFAULT).await?;
    tenants::ensure(&tx.scope(), "default", now).await?;
    tx.commit(now).await?;
    Ok(database)
}

/// The limit of the default tenant is a setting; those of others are rows.
async fn set_default_limit(
    database: &Database,
    config: &Config,
    clock: &dyn Clock,
) -> Result<(), StorageError> {
    let tx = database.begin(TenantId::DEFAULT).await?;
    tenants::set_device_limit(&tx.scope(), config.accepted_devices_max()).await?;
    tx.commit(clock.now()).await
}

impl App {
    /// Builds the application: database, secrets, index, writer, services.
    pub async fn build(
        config: Config,
        clock: Arc<dyn Clock>,
        random: Arc<dyn SecureRandom>,
    ) -> Result<Self, AppError> {
        let lock = lock_data_dir(&config)?;
        let database = open_own_database(&config, &*clock).await?;
        set_default_limit(&database, &config, &*clock).await?;
        let blobs = BlobStore::open(&config.data_dir)?;
        let scope = database.scope(TenantId::DEFAULT);
        ReleaseTrust::new(scope, blobs.clone(), Arc::clone(&clock))
            .set_first_policy(config.releases.signature_policy)
            .await?;
        let keyring = Keyring::open(&database, &config.data_dir, &*random, clock.now()).await?;
        let ca_path = config.data_dir.join("tls").join("ca.crt");
        write_public(&ca_path, keyring.local_ca.certificate_pem())?;
        let swept = sweep(&database.scope(TenantId::DEFAULT), &blobs).await?;
        if swept > 0 {
            tracing::info!(files = swept, "removed what interrupted uploads left");
        }
        compare_rest(&database, &blobs, &clock).await?;
        let fleet = Arc::new(FleetIndex::load(&database).await?);
        database.follow(Arc::<FleetIndex>::clone(&fleet));
        let limits = PendingLimits {
            total: config.limits.pending_devices_max,
            per_device: usize::try_from(config.limits.pending_per_device_max).unwrap_or(usize::MAX),
        };
        let (writer, writer_task) =
            Writer::start(database.clone(), Arc::clone(&fleet), Arc::clone(&clock), limits);
        let device_sessions = Arc::new(Sessions::new(
            TokenAuthority::new(keyring.device_tokens.clone()),
            Arc::clone(&fleet),
            Arc::clone(&clock),
            Arc::clone(&random),
            config.issuer.clone(),
            u32::try_from(config.session_ttl_secs).unwrap_or(u32::MAX),
            config.limits.new_session_secs,
        ));
        let admission = Admission::new(
            Arc::clone(&fleet),
            writer.clone(),
            Arc::clone(&device_sessions),
            Arc::clone(&clock),
            config.rsa_min_bits,
        );
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let scheme = HashScheme::new(config.users.hash_cost(), &keyring.master)?;
        let passwords = PasswordPool::new(cores, scheme, Arc::clone(&random))?;
        let second_factors = SecondFactors::new(
            FactorKeys::new(keyring.master.clone(), Arc::clone(&random)),
            Arc::clone(&clock),
            config.issuer.clone(),
        );
        let logins = Logins::new(
            database.clone(),
            passwords.clone(),
            Arc::new(TokenAuthority::new(keyring.user_tokens.clone())),
            second_factors.clone(),
            Arc::clone(&clock),
            config.issuer.clone(),
            span(config.user_session_ttl_secs),
        )
        .exempting(config.limits.unlimited_networks.clone());
        let links = LinkAuthority::new(&keyring.links);
        let core = Core {
            tenant_tokens: TenantTokens::new(&keyring.master),
            downloads: Downloads::new(
                database.clone(),
                blobs.clone(),
                Arc::clone(&fleet),
                links.clone(),
                Arc::clone(&clock),
                span(config.download_link_ttl_secs),
            ),
            device_deployments: DeviceDeployments::new(
                database.clone(),
                Arc::clone(&fleet),
                writer.clone(),
                Arc::clone(&clock),
            ),
            writer,
            logins,
            second_factors,
            mail: Outbox::open(&config)?,
            passwords,
            password_policy: password_policy(&config),
            custody: Custody::new(database.clone(), keyring.audit_checkpoints.clone(), Arc::clone(&clock)),
            links,
            setup: Setup::generate(&*random)?,
            requests: RequestCounts::default(),
            throttle: Arc::new(Throttle::new(&config.limits)),
            upload_leases: Arc::default(),
            config,
            clock,
            random,
            database,
            blobs,
            fleet,
            admission,
            device_sessions,
        };
        Ok(Self { core: Arc::new(core), keyring, writer_task, lock })
    }

    /// Begins to take requests, and to do what happens without one.
    pub fn start(self) -> Result<Running, AppError> {
        let core = self.core;
        let config = &core.config;
        let names = server_names(host_name().as_deref(), config.public_url.as_ref().map(PublicUrl::host));
        let mut upkeep = upkeep::start(&core);
        let paths = if let Some((certificate, key)) = config.given_tls_pair() {
            PairPaths { certificate: certificate.clone(), key: key.clone() }
        } else {
            let paths = PairPaths::generated(&config.data_dir);
            ensure_server_pair(&paths, &self.keyring.local_ca, &names, core.clock.now())?;
            let ca = self.keyring.local_ca;
            upkeep.push(upkeep::renew_certificate(&core, ca, paths.clone(), names));
            paths
        };
        let slot = Arc::new(CertificateSlot::load(paths)?);
        let tls = server_config(Arc::clone(&slot), config.tls_min_version)?;
        upkeep.push(tokio::spawn(watch_files(slot, CERTIFICATE_WATCH)));
        let serving = Serving::start(&core, config.listen, Surface::Api, tls.clone())?;
        let metrics = config
            .metrics_listen
            .map(|address| Serving::start(&core, address, Surface::Metrics, tls))
            .transpose()?;
        if let Some(metrics) = &metrics {
            tracing::info!(listen = %metrics.address, "metrics on https://…/metrics");
        }
        Ok(Running { core, serving, metrics, upkeep, writer_task: self.writer_task, _lock: self.lock })
    }
}

/// A server that takes requests.
pub struct Running {
    /// What requests are served from.
    pub core: Arc<Core>,
    serving: Serving,
    metrics: Option<Serving>,
    upkeep: Vec<JoinHandle<()>>,
    writer_task: JoinHandle<()>,
    _lock: File,
}

impl Running {
    /// Where users and devices reach it: the host of the public URL or `localhost`, and the port in use.
    #[must_use]
    pub fn url(&self) -> String {
        let host = self.core.config.public_url.as_ref().map_or("localhost", PublicUrl::host);
        format!("https://{host}:{}", self.serving.address.port())
    }

    /// Finishes what is in flight, stores what is only in memory, and closes the database.
    pub async fn stop(self) -> Result<(), AppError> {
        self.serving.drain().await;
        if let Some(metrics) = self.metrics {
            metrics.drain().await;
        }
        for task in self.upkeep {
            task.abort();
            // Whatever it was at is over before sightings are stored a last time.
            let _ = task.await;
        }
        upkeep::store_sightings(&self.core).await?;
        upkeep::store_token_uses(&self.core).await?;
        let database = self.core.database.clone();
        // With the last handle the writer's queue closes; it ends when all that was queued is stored.
        drop(self.core);
        let _ = tokio::time::timeout(WRITER_PATIENCE, self.writer_task).await;
        database.close().await?;
        Ok(())
    }
}
