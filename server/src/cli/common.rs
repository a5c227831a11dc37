//! Flags that go with every subcommand.

use std::path::PathBuf;

use clap::Args;

use crate::config::{ConfigError, Flags, Layers, Loaded};

/// The flags, as typed.
#[derive(Args, Clone, Debug, Default)]
pub struct CommonArgs {
    /// Read settings from this TOML file
    #[arg(long, value_name = "FILE", global = true, env = "SEALIFT_CONFIG")]
    pub config: Option<PathBuf>,
    /// Keep database, blobs, keys and certificates here [default: ./sealift-data]
    #[arg(long, value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// Use this database instead of SQLite in the data directory
    #[arg(long, value_name = "URL", global = true)]
    pub database_url: Option<String>,
}

impl CommonArgs {
    /// Loads the configuration; `flags` holds what the subcommand adds.
    pub fn load(&self, variables: &[(String, String)], flags: Flags) -> Result<Loaded, ConfigError> {
        let flags =
            Flags { data_dir: self.data_dir.clone(), database_url: self.database_url.clone(), ..flags };
        Layers { file: self.config.as_deref(), variables, flags }.load()
    }
}
