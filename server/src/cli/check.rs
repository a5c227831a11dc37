//! `sealift check`

use super::error::CliError;
use super::exit::Exit;
use super::output::{print_error, print_line};
use super::survey::{Findings, survey};
use crate::config::{Config, DatabaseKind};

/// Validate the configuration and what it names, and print what `serve` would do
#[derive(clap::Args, Clone, Copy, Debug)]
pub(super) struct Args {}

/// Validates and prints what the server would do. The configuration was checked while it was loaded.
pub(super) async fn run(config: Config, _args: Args) -> Result<Exit, CliError> {
    for (name, value) in describe(&config) {
        print_line(&format!("{name:<12} {value}"))?;
    }
    let Findings { notes, faults } = survey(&config).await?;
    for note in notes {
        print_line(&note)?;
    }
    for fault in &faults {
        print_error(fault);
    }
    if faults.is_empty() {
        return Ok(Exit::Done);
    }
    Err(CliError::No(format!("the data directory has {} faults", faults.len())))
}

/// Says where things are and what is in force, without secrets.
fn describe(config: &Config) -> Vec<(&'static str, String)> {
    let data_dir = config.data_dir.display();
    let database = match config.database_url.as_ref().map(crate::config::DatabaseUrl::kind) {
        None => format!("SQLite, {}", config.data_dir.join("sealift.db").display()),
        Some(DatabaseKind::Sqlite) => "SQLite, as --database-url says".to_owned(),
        Some(DatabaseKind::Postgres) => "PostgreSQL".to_owned(),
    };
    let certificate = config.given_tls_pair().map_or_else(
        || format!("own authority, {data_dir}/tls/ca.crt"),
        |(certificate, _)| certificate.display().to_string(),
    );
    let links = config.public_url.as_ref().map_or_else(|| "as requested".to_owned(), ToString::to_string);
    let devices = config.accepted_devices_max().map_or_else(|| "no limit".to_owned(), |max| max.to_string());
    vec![
        ("data", data_dir.to_string()),
        ("database", database),
        ("listen", config.listen.to_string()),
        ("links", links),
        ("certificate", certificate),
        ("devices", devices),
    ]
}
