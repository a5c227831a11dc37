//! `sealift check`

use std::path::{Path, PathBuf};

use super::error::CliError;
use super::exit::Exit;
use super::output::{print_error, print_line};
use super::survey::{AuditCheck, Findings, survey};
use crate::audit::{Checkpoint, CheckpointFile};
use crate::config::{Config, DatabaseKind};

const EXAMPLES: &str = "\
Examples:
  sealift check --config /etc/sealift.toml
  sealift check --audit --checkpoint kept-elsewhere.json

A checkpoint is what GET /api/management/v1/auditlogs/checkpoint answers: the end of the audit trail, signed.

Exit status: 0 all is well, 1 there are faults, 2 wrong use, 3 something cannot be read.";

/// Validate the configuration and what it names, and print what `serve` would do
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Also verify every record of the audit trail; works beside a running server
    #[arg(long)]
    audit: bool,
    /// A checkpoint that was kept elsewhere: shows what was cut off or rewritten since
    #[arg(long, value_name = "FILE", requires = "audit")]
    checkpoint: Option<PathBuf>,
}

/// Validates and prints what the server would do. The configuration was checked while it was loaded.
pub(super) async fn run(config: Config, args: Args) -> Result<Exit, CliError> {
    let external = args.checkpoint.as_deref().map(read_checkpoint).transpose()?;
    for (name, value) in describe(&config) {
        print_line(&format!("{name:<12} {value}"))?;
    }
    let Findings { notes, faults } =
        survey(&config, args.audit.then_some(AuditCheck { checkpoint: external.as_ref() })).await?;
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

fn read_checkpoint(path: &Path) -> Result<Checkpoint, CliError> {
    let text = std::fs::read_to_string(path)
        .map_err(|err| CliError::unreachable(format!("failed to read {}", path.display()), err))?;
    let read = text.parse::<CheckpointFile>().and_then(Checkpoint::try_from);
    read.map_err(|err| CliError::WrongUse(format!("{}: {err}", path.display())))
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
