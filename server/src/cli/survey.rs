//! A look at the data directory that changes nothing.

use std::path::Path;

use super::error::CliError;
use crate::app::database_location;
use crate::audit::{Checkpoint, verify};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::crypto::random::SystemRandom;
use crate::crypto::session_token::VerifyingKey;
use crate::deployments::disagreement;
use crate::ids::TenantId;
use crate::keyring::Keyring;
use crate::storage::{
    Database, DatabaseLocation, StorageError, artifacts, blobs, deployments, device_deployments, integrity,
    uploads,
};

/// What a look at the data directory found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// What the server would do, a line each.
    pub(super) notes: Vec<String>,
    /// What is wrong, a line each.
    pub(super) faults: Vec<String>,
}

impl Findings {
    fn note(&mut self, what: &str, text: &str) {
        self.notes.push(format!("{what:<12} {text}"));
    }
}

/// How the audit trail is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct AuditCheck<'a> {
    /// A checkpoint that was kept elsewhere.
    pub(super) checkpoint: Option<&'a Checkpoint>,
}

/// Looks at database, keys and blobs, and at every record of the audit trail if asked to.
pub(super) async fn survey(config: &Config, audit: Option<AuditCheck<'_>>) -> Result<Findings, CliError> {
    let mut findings = Findings::default();
    let location = database_location(config);
    if let DatabaseLocation::File(path) = &location
        && !path.exists()
    {
        if audit.is_some_and(|audit| audit.checkpoint.is_some()) {
            findings.faults.push("there is a checkpoint of the audit trail, and no database".to_owned());
        }
        findings.note("first start", "would make the database, the keys and the first setup token");
        return Ok(findings);
    }
    let unreadable = |err: StorageError| CliError::unreachable("failed to read the database", err);
    let database = Database::open(&location)
        .await
        .map_err(|err| CliError::unreachable("failed to open the database", err))?;
    let looked = look(&database, &config.data_dir, audit, &mut findings).await;
    database.close().await.map_err(unreadable)?;
    looked?;
    Ok(findings)
}

async fn look(
    database: &Database,
    data_dir: &Path,
    audit: Option<AuditCheck<'_>>,
    findings: &mut Findings,
) -> Result<(), CliError> {
    let unreadable = |err: StorageError| CliError::unreachable("failed to read the database", err);
    let scope = database.scope(TenantId::DEFAULT);
    let damaged = integrity::faults(&scope).await.map_err(unreadable)?;
    if !damaged.is_empty() {
        // Nothing that is read from it can be relied on.
        findings.faults.extend(damaged.into_iter().map(|fault| format!("the database is damaged: {fault}")));
        return Ok(());
    }
    let missing = database.missing_migrations().await.map_err(unreadable)?;
    if missing > 0 {
        // What cannot be read before the change is not looked at.
        findings.note("schema", &format!("{missing} changes would be applied"));
        return Ok(());
    }
    findings.note("schema", "up to date");
    let keyring = look_at_keys(database, data_dir, findings).await?;
    if let Some(AuditCheck { checkpoint }) = audit {
        let keys: Vec<VerifyingKey> =
            keyring.iter().flat_map(|keyring| keyring.audit_checkpoints.verifying().cloned()).collect();
        look_at_audit_trail(database, &keys, checkpoint, findings).await.map_err(unreadable)?;
    }
    let mut wrong = counter_faults(database).await.map_err(unreadable)?;
    if !wrong.is_empty() {
        // A server beside may have counted between two reads.
        wrong = counter_faults(database).await.map_err(unreadable)?;
    }
    findings.faults.append(&mut wrong);
    look_at_blobs(database, data_dir, findings).await
}

async fn look_at_audit_trail(
    database: &Database,
    keys: &[VerifyingKey],
    external: Option<&Checkpoint>,
    findings: &mut Findings,
) -> Result<(), StorageError> {
    let scope = database.scope(TenantId::DEFAULT);
    let mut seen = verify(&scope, keys, external).await?;
    if !seen.faults.is_empty() {
        // A server beside may have dropped old records between two reads.
        seen = verify(&scope, keys, external).await?;
    }
    let mut text = format!(
        "{} records up to number {}, {} checkpoints of the server",
        seen.records, seen.last, seen.checkpoints
    );
    if seen.compared {
        text.push_str(", and the one that was kept elsewhere");
    }
    findings.note("audit trail", &text);
    if external.is_some() && !seen.compared && seen.faults.is_empty() {
        findings.note("checkpoint", "not compared: the records that it is about were dropped since");
    }
    findings.faults.extend(seen.faults.iter().map(ToString::to_string));
    Ok(())
}

async fn look_at_keys(
    database: &Database,
    data_dir: &Path,
    findings: &mut Findings,
) -> Result<Option<Keyring>, CliError> {
    let scope = database.scope(TenantId::DEFAULT);
    let made =
        Keyring::exists(&scope).await.map_err(|err| CliError::unreachable("failed to read the keys", err))?;
    let has_file = data_dir.join("keys").join("master.key").is_file();
    match (made, has_file) {
        (false, _) => findings.note("keys", "would be made"),
        (true, false) => findings.faults.push(format!(
            "the key file {}/keys/master.key is missing: without it the secrets in the database cannot be opened",
            data_dir.display()
        )),
        (true, true) => match Keyring::open(database, data_dir, &SystemRandom::new(), SystemClock.now()).await {
            Ok(keyring) => {
                findings.note("keys", "open");
                return Ok(Some(keyring));
            }
            Err(err) => findings.faults.push(CliError::unreachable("the keys do not open", err).explain()),
        },
    }
    Ok(None)
}

/// Deployments whose counters do not agree with their device deployments.
async fn counter_faults(database: &Database) -> Result<Vec<String>, StorageError> {
    // In one transaction, which is never committed: nobody writes in between.
    let transaction = database.begin(TenantId::DEFAULT).await?;
    let tx = transaction.scope();
    let tally = device_deployments::tally(&tx).await?;
    let faults = deployments::all(&tx).await?.into_iter().filter_map(|deployment| {
        let rows = tally.get(&deployment.number).copied().unwrap_or_default();
        let why = disagreement(&deployment, &rows)?;
        Some(format!("deployment {} {why}", deployment.id))
    });
    Ok(faults.collect())
}

async fn look_at_blobs(
    database: &Database,
    data_dir: &Path,
    findings: &mut Findings,
) -> Result<(), CliError> {
    let scope = database.scope(TenantId::DEFAULT);
    let referenced = artifacts::all_blobs(&scope)
        .await
        .map_err(|err| CliError::unreachable("failed to read the database", err))?;
    let count = referenced.len();
    let found = blobs::survey(data_dir, referenced.into_iter().collect())
        .await
        .map_err(|err| CliError::unreachable("failed to look at the artifacts", err))?;
    let unfinished = uploads::all_unfinished(&scope)
        .await
        .map_err(|err| CliError::unreachable("failed to read the database", err))?;
    if !unfinished.is_empty() {
        findings.note("uploads", &format!("{} unfinished", unfinished.len()));
    }
    findings.note("artifacts", &format!("{count} files, {} more would be removed", found.unreferenced));
    findings
        .faults
        .extend(found.missing.into_iter().map(|digest| format!("the file of blob {digest} is missing")));
    Ok(())
}
