//! Layers on top of each other.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::providers::{Format as _, Serialized, Toml};
use figment::value::{Dict, Map};
use figment::{Figment, Metadata, Profile, Provider, Source};
use serde::Serialize;

use super::env;
use super::error::ConfigError;
use super::server::Config;

/// What command-line flags say; each names the key of the same name.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Flags {
    /// `--data-dir`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// `--database-url`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
    /// `--listen`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// `--public-url`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// `--tls-cert`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,
    /// `--tls-key`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// `--issuer`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// `--metrics-listen`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_listen: Option<SocketAddr>,
}

impl Provider for Flags {
    fn metadata(&self) -> Metadata {
        Metadata::named("flags")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Serialized::defaults(self).data()
    }
}

/// Where a configuration comes from, weakest first.
#[derive(Clone, Debug, Default)]
pub struct Layers<'a> {
    /// The TOML file.
    pub file: Option<&'a Path>,
    /// The environment, whole; only `SEALIFT_*` is looked at.
    pub variables: &'a [(String, String)],
    /// The flags.
    pub flags: Flags,
}

/// A configuration that was checked.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// `SEALIFT_*` variables that are no keys: worth a warning, for one may be misspelt.
    pub ignored_variables: Vec<String>,
}

impl Layers<'_> {
    /// Puts the layers on top of each other and checks the result as a whole.
    pub fn load(self) -> Result<Loaded, ConfigError> {
        let mut figment = Figment::new();
        if let Some(file) = self.file {
            if !file.is_file() {
                return Err(ConfigError::NoFile(file.to_owned()));
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        let (settings, ignored_variables) = env::read(self.variables);
        for setting in settings {
            figment = figment.merge(setting);
        }
        let config: Config = figment.merge(self.flags).extract().map_err(explain)?;
        config.check()?;
        Ok(Loaded { config, ignored_variables })
    }
}

/// Says what is wrong with which key, and where it was set.
fn explain(error: figment::Error) -> ConfigError {
    let lines: Vec<String> = error
        .into_iter()
        .map(|error| {
            let key = error.path.join(".");
            let place = error.metadata.as_ref().map(|metadata| match metadata.source.as_ref() {
                Some(Source::File(file)) => file.display().to_string(),
                _ => metadata.name.to_string(),
            });
            match (key.as_str(), place) {
                ("", None) => error.kind.to_string(),
                ("", Some(place)) => format!("{place}: {}", error.kind),
                (key, None) => format!("`{key}`: {}", error.kind),
                (key, Some(place)) => format!("{place}: `{key}`: {}", error.kind),
            }
        })
        .collect();
    ConfigError::Invalid(lines.join("; "))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{Flags, Layers, Loaded};
    use crate::config::{Config, ConfigError, LogFormat};

    fn load(toml: &str, variables: &[(&str, &str)], flags: Flags) -> Result<Loaded, ConfigError> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("sealift.toml");
        fs::write(&file, toml).unwrap();
        let variables: Vec<_> =
            variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Layers { file: Some(&file), variables: &variables, flags }.load()
    }

    fn refusal(toml: &str) -> String {
        load(toml, &[], Flags::default()).unwrap_err().to_string()
    }

    #[test]
    fn nothing_given_means_the_defaults() {
        let config = Layers::default().load().unwrap().config;
        assert_eq!(config.data_dir, Path::new("./sealift-data"));
        assert_eq!(config.listen, "0.0.0.0:8443".parse().unwrap());
        assert_eq!(config.session_ttl_secs, 604_800);
        assert_eq!(config.accepted_devices_max(), None);
        assert_eq!(config.limits.max_artifact_bytes, 10_737_418_240);
    }

    #[test]
    fn a_later_layer_wins() {
        let toml =
            "issuer = 'file'\nkeep_alive_secs = 1\nlog_format = 'json'\n[limits]\nmax_json_bytes = 2048";
        let variables = [("SEALIFT_ISSUER", "variable"), ("SEALIFT_KEEP_ALIVE_SECS", "2")];
        let flags = Flags { issuer: Some("flag".to_owned()), ..Flags::default() };
        let config = load(toml, &variables, flags).unwrap().config;
        assert_eq!((config.issuer.as_str(), config.keep_alive_secs), ("flag", 2));
        assert_eq!((config.log_format, config.limits.max_json_bytes), (LogFormat::Json, 2048));
        assert_eq!(config.limits.max_log_bytes, 1 << 20);
    }

    #[test]
    fn variables_reach_into_sections_and_strange_ones_are_reported() {
        let variables = [
            ("SEALIFT_LIMITS__MAX_JSON_BYTES", "4096"),
            ("SEALIFT_DEVICE_LIMIT", "7"),
            ("SEALIFT_PUBLIC_URL", "https://ota.example.com"),
            ("SEALIFT_TOKEN", "secret"),
            ("SEALIFT_PORT", "tcp://10.0.0.1:8443"),
            ("PATH", "/bin"),
        ];
        let loaded = load("", &variables, Flags::default()).unwrap();
        assert_eq!(loaded.config.limits.max_json_bytes, 4096);
        assert_eq!(loaded.config.accepted_devices_max(), Some(7));
        assert_eq!(loaded.config.public_url.unwrap().host(), "ota.example.com");
        assert_eq!(loaded.ignored_variables, ["SEALIFT_PORT"]);
    }

    #[test]
    fn every_key_is_a_variable() {
        for key in Config::KEYS {
            let name = format!("SEALIFT_{}", key.to_uppercase());
            if let Ok(loaded) = load("", &[(&name, "1")], Flags::default()) {
                assert!(loaded.ignored_variables.is_empty(), "{name}");
            }
        }
        let error = refusal("nonsense = 1");
        for key in Config::KEYS {
            assert!(error.contains(&format!("`{key}`")), "{key} is not in: {error}");
        }
        assert_eq!(error.matches("expected").count(), 1);
        assert_eq!(error.matches("`, `").count() + 1, Config::KEYS.len());
    }

    #[test]
    fn refusals_say_what_and_where() {
        let error = refusal("listen = 'here'");
        assert!(error.ends_with("sealift.toml: `listen`: invalid socket address syntax"), "{error}");
        let error = load("", &[("SEALIFT_KEEP_ALIVE_SECS", "long")], Flags::default()).unwrap_err();
        let expected = "variable SEALIFT_KEEP_ALIVE_SECS: `keep_alive_secs`: invalid type: found string \"long\", expected u64";
        assert_eq!(error.to_string(), expected);
        let flags = Flags { public_url: Some("ota.example.com".to_owned()), ..Flags::default() };
        let error = load("", &[], flags).unwrap_err().to_string();
        assert_eq!(error, "flags: `public_url`: must begin with https://");
        assert!(refusal("[limits]\nmax_json = 1").contains("max_json"));
        assert_eq!(
            refusal("tls_cert = 'a.pem'"),
            "`tls_cert` is given, but `tls_key` is not: give both or none"
        );
        assert_eq!(refusal("rsa_min_bits = 1024"), "`rsa_min_bits` must be between 2048 and 8192");
        assert_eq!(
            refusal("[limits]\nmax_connections = 0"),
            "`limits.max_connections` is 0, but must be at least 1"
        );
        assert!(refusal("public_url = 'http://x'").contains("must begin with https://"));
        assert!(!refusal("database_url = 'mysql://root:hunter2@db'").contains("hunter2"));
        let missing = Layers { file: Some(Path::new("/nowhere.toml")), ..Layers::default() };
        assert_eq!(
            missing.load().unwrap_err().to_string(),
            "configuration file /nowhere.toml does not exist"
        );
    }
}
