//! The keys outside any section.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::audit::Audit;
use super::database_url::DatabaseUrl;
use super::error::ConfigError;
use super::limits::Limits;
use super::log_format::LogFormat;
use super::mail::Mail;
use super::public_url::PublicUrl;
use super::releases::Releases;
use super::tls_version::TlsVersion;
use super::users::Users;
use crate::crypto::device_key::{RSA_BITS_CEILING, RSA_BITS_FLOOR};

const DAY_SECS: u64 = 24 * 60 * 60;
const MAX_TTL_SECS: u64 = 10 * 366 * DAY_SECS;

/// The whole configuration. [`Layers::load`](super::Layers::load) makes one.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where database, blobs, keys and certificates are kept.
    pub data_dir: PathBuf,
    /// Where the server listens; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The address for links to devices, instead of the one they used.
    pub public_url: Option<PublicUrl>,
    /// The database, instead of SQLite in the data directory.
    pub database_url: Option<DatabaseUrl>,
    /// The certificate chain to use instead of a generated one; PEM.
    pub tls_cert: Option<PathBuf>,
    /// The key of `tls_cert`; PEM.
    pub tls_key: Option<PathBuf>,
    /// The oldest TLS that is spoken: `"1.2"` or `"1.3"`.
    pub tls_min_version: TlsVersion,
    /// The server's name in the tokens that it signs.
    pub issuer: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines appear, as `info,sealift=debug`; without it a sensible choice.
    pub log_filter: Option<String>,
    /// How long a device's session lives at most; each ends at a random point of its last fifth.
    pub session_ttl_secs: u64,
    /// How long a user's session lives.
    pub user_session_ttl_secs: u64,
    /// How many devices may be accepted; -1 for no limit.
    pub device_limit: i64,
    /// The shortest RSA key of a device, in bits.
    pub rsa_min_bits: usize,
    /// How long an idle connection is kept.
    pub keep_alive_secs: u64,
    /// How long requests in flight may take after the signal to stop.
    pub shutdown_timeout_secs: u64,
    /// How long a download link given to a device works.
    pub download_link_ttl_secs: u64,
    /// Where metrics are served; nowhere without it.
    pub metrics_listen: Option<SocketAddr>,
    /// How long the audit trail goes back.
    pub audit: Audit,
    /// How much the server takes from whom.
    pub limits: Limits,
    /// How mail is sent.
    pub mail: Mail,
    /// What is asked of releases.
    pub releases: Releases,
    /// Rules for users.
    pub users: Users,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("./sealift-data"),
            listen: SocketAddr::from(([0, 0, 0, 0], 8443)),
            public_url: None,
            database_url: None,
            tls_cert: None,
            tls_key: None,
            tls_min_version: TlsVersion::default(),
            issuer: "Sealift".to_owned(),
            log_format: LogFormat::default(),
            log_filter: None,
            session_ttl_secs: 7 * DAY_SECS,
            user_session_ttl_secs: 7 * DAY_SECS,
            device_limit: -1,
            rsa_min_bits: RSA_BITS_FLOOR,
            keep_alive_secs: 15,
            shutdown_timeout_secs: 10,
            download_link_ttl_secs: 7 * DAY_SECS,
            metrics_listen: None,
            audit: Audit::default(),
            limits: Limits::default(),
            mail: Mail::default(),
            releases: Releases::default(),
            users: Users::default(),
        }
    }
}

impl Config {
    /// The keys that exist, sections included: variables of other names are someone else's.
    pub(super) const KEYS: [&'static str; 23] = [
        "audit",
        "data_dir",
        "database_url",
        "device_limit",
        "download_link_ttl_secs",
        "issuer",
        "keep_alive_secs",
        "limits",
        "listen",
        "log_filter",
        "log_format",
        "mail",
        "metrics_listen",
        "public_url",
        "releases",
        "rsa_min_bits",
        "session_ttl_secs",
        "shutdown_timeout_secs",
        "tls_cert",
        "tls_key",
        "tls_min_version",
        "user_session_ttl_secs",
        "users",
    ];

    /// How many devices may be accepted, if there is a limit.
    #[must_use]
    pub fn accepted_devices_max(&self) -> Option<u64> {
        u64::try_from(self.device_limit).ok()
    }

    /// The certificate and key files to use instead of generated ones.
    #[must_use]
    pub fn given_tls_pair(&self) -> Option<(&PathBuf, &PathBuf)> {
        self.tls_cert.as_ref().zip(self.tls_key.as_ref())
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.data_dir.as_os_str().is_empty() {
            return Err(ConfigError::value("data_dir", "must not be empty"));
        }
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            let (there, missing) =
                if self.tls_cert.is_some() { ("tls_cert", "tls_key") } else { ("tls_key", "tls_cert") };
            return Err(ConfigError::value(
                there,
                format!("is given, but `{missing}` is not: give both or none"),
            ));
        }
        if self.issuer.is_empty() || self.issuer.len() > 256 {
            return Err(ConfigError::value("issuer", "must have between 1 and 256 bytes"));
        }
        if self.device_limit < -1 {
            return Err(ConfigError::value("device_limit", "must be -1 (no limit), 0 or more"));
        }
        if !(RSA_BITS_FLOOR..=RSA_BITS_CEILING).contains(&self.rsa_min_bits) {
            return Err(ConfigError::value(
                "rsa_min_bits",
                format!("must be between {RSA_BITS_FLOOR} and {RSA_BITS_CEILING}"),
            ));
        }
        check_range("session_ttl_secs", self.session_ttl_secs, 10, MAX_TTL_SECS)?;
        check_range("user_session_ttl_secs", self.user_session_ttl_secs, 60, MAX_TTL_SECS)?;
        check_range("download_link_ttl_secs", self.download_link_ttl_secs, 60, MAX_TTL_SECS)?;
        check_range("keep_alive_secs", self.keep_alive_secs, 1, 3600)?;
        check_range("shutdown_timeout_secs", self.shutdown_timeout_secs, 0, 3600)?;
        self.audit.check()?;
        self.limits.check()?;
        self.mail.check(self.public_url.is_some())?;
        self.users.check()
    }
}

pub(super) fn check_range(key: &'static str, value: u64, least: u64, most: u64) -> Result<(), ConfigError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(ConfigError::value(key, format!("is {value}, but must be between {least} and {most}")))
}
