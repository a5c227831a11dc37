//! What happens without a request: last-seen times are stored, stale pending keys expire, the change log is
//! kept short, doubtful blobs are settled, unfinished uploads are forgotten, the audit trail is signed and
//! kept as short as it may be, the server's certificate renews itself.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::app::Core;
use crate::audit::CustodyError;
use crate::devices::service::Devices;
use crate::ids::{DeviceNumber, TenantId};
use crate::releases::{ReleaseError, expire_uploads, settle_blobs};
use crate::storage::{
    StorageError, auth_sets, change_log, known_sites, personal_tokens, sessions, sightings,
};
use crate::telemetry::chain;
use crate::tls::{LocalCa, PairPaths, ensure_server_pair};
use crate::users::KNOWN_FOR;

/// How often last-seen times are stored.
const SIGHTINGS_PERIOD: Duration = Duration::from_secs(30);

/// How often stale rows are looked for.
const SWEEP_PERIOD: Duration = Duration::from_mins(10);

/// How often uploads are looked for that nobody goes on with.
const UPLOADS_PERIOD: Duration = Duration::from_mins(1);

/// How often it is stored when personal tokens were used.
const TOKENS_PERIOD: Duration = Duration::from_mins(1);

/// How often the certificate's age is looked at. After a start with a wrong clock nobody can connect until then.
const CERTIFICATE_PERIOD: Duration = Duration::from_mins(1);

/// How often blobs are asked about that were left doubtful. Nothing is done while there are none.
const BLOBS_PERIOD: Duration = Duration::from_secs(2);

/// How often the end of the audit trail is signed, and looked whether there is anything too old in it.
const AUDIT_PERIOD: Duration = Duration::from_hours(1);

/// Pending keys that expire in one go.
const STALE_BATCH: u64 = 1_000;

/// Rows that the change log keeps.
const CHANGES_KEPT: u64 = 100_000;

/// Sightings in one transaction: other writers wait no longer than that takes.
const SIGHTINGS_BATCH: usize = 10_000;

/// Starts the upkeep tasks; they end when aborted.
#[must_use]
pub fn start(core: &Arc<Core>) -> Vec<JoinHandle<()>> {
    let (seeing, sweeping) = (Arc::clone(core), Arc::clone(core));
    let (settling, expiring, using) = (Arc::clone(core), Arc::clone(core), Arc::clone(core));
    let auditing = Arc::clone(core);
    vec![
        every(SIGHTINGS_PERIOD, "store last-seen times", move || {
            let core = Arc::clone(&seeing);
            async move { store_sightings(&core).await }
        }),
        every(SWEEP_PERIOD, "expire pending devices", move || {
            let core = Arc::clone(&sweeping);
            async move { sweep(&core).await }
        }),
        every(BLOBS_PERIOD, "remove the blobs of artifacts that are gone", move || {
            let core = Arc::clone(&settling);
            async move { settle(&core).await }
        }),
        every(TOKENS_PERIOD, "store when tokens were used", move || {
            let core = Arc::clone(&using);
            async move { store_token_uses(&core).await }
        }),
        every(AUDIT_PERIOD, "keep the audit trail", move || {
            let core = Arc::clone(&auditing);
            async move { keep_audit_trail(&core).await }
        }),
        every(UPLOADS_PERIOD, "forget unfinished uploads", move || {
            let core = Arc::clone(&expiring);
            async move {
                expire_uploads(&core.database, &core.blobs, &core.upload_leases, &*core.clock).await.map(drop)
            }
        }),
    ]
}

/// Keeps the generated certificate valid; the listener notices new files by itself.
#[must_use]
pub fn renew_certificate(
    core: &Arc<Core>,
    ca: LocalCa,
    paths: PairPaths,
    names: Vec<String>,
) -> JoinHandle<()> {
    let (clock, ca) = (Arc::clone(&core.clock), Arc::new(ca));
    every(CERTIFICATE_PERIOD, "renew the certificate", move || {
        let (ca, paths, names, now) = (Arc::clone(&ca), paths.clone(), names.clone(), clock.now());
        async move {
            let renewal = tokio::task::spawn_blocking(move || ensure_server_pair(&paths, &ca, &names, now));
            if let Ok(renewal) = renewal.await {
                tracing::debug!(renewal = ?renewal?, "looked at the certificate");
            }
            Ok::<(), crate::tls::TlsError>(())
        }
    })
}

/// Stores when devices were last seen; what cannot be stored now is kept for the next time.
pub async fn store_sightings(core: &Core) -> Result<(), StorageError> {
    let taken = core.fleet.take_sightings();
    for (at, batch) in taken.chunks(SIGHTINGS_BATCH).enumerate() {
        if let Err(err) = store_batch(core, batch).await {
            let unsaved = taken.iter().skip(at * SIGHTINGS_BATCH);
            core.fleet.restore_sightings(unsaved.map(|(number, _)| *number));
            return Err(err);
        }
    }
    Ok(())
}

/// Stores when personal tokens were used; what cannot be stored now is kept for the next time.
pub async fn store_token_uses(core: &Core) -> Result<(), StorageError> {
    let taken = core.logins.token_uses().take();
    if taken.is_empty() {
        return Ok(());
    }
    let store = async {
        let tx = core.database.begin(TenantId::DEFAULT).await?;
        personal_tokens::store_uses(&tx.scope(), &taken).await?;
        tx.commit(core.clock.now()).await
    };
    let stored = store.await;
    if stored.is_err() {
        core.logins.token_uses().restore(taken);
    }
    stored
}

/// Signs the end of the audit trail, and drops what is older than it has to be.
pub async fn keep_audit_trail(core: &Core) -> Result<(), CustodyError> {
    core.custody.checkpoint().await?;
    let dropped = core.custody.seal(core.config.audit.retention()).await?;
    if dropped > 0 {
        tracing::info!(records = dropped, "dropped the oldest part of the audit trail");
    }
    Ok(())
}

async fn store_batch(core: &Core, batch: &[(DeviceNumber, u32)]) -> Result<(), StorageError> {
    let tx = core.database.begin(TenantId::DEFAULT).await?;
    sightings::store(&tx.scope(), batch).await?;
    tx.commit(core.clock.now()).await
}

async fn sweep(core: &Core) -> Result<(), StorageError> {
    expire_pending(core).await;
    let now = core.clock.now();
    let tx = core.database.begin(TenantId::DEFAULT).await?;
    change_log::prune(&tx.scope(), CHANGES_KEPT).await?;
    sessions::delete_expired(&tx.scope(), now).await?;
    personal_tokens::delete_expired(&tx.scope(), now).await?;
    known_sites::delete_before(&tx.scope(), now - KNOWN_FOR).await?;
    tx.commit(now).await
}

async fn settle(core: &Core) -> Result<(), ReleaseError> {
    if !core.blobs.has_doubts() {
        return Ok(());
    }
    match settle_blobs(&core.database.scope(TenantId::DEFAULT), &core.blobs).await {
        Ok(0) => Ok(()),
        Ok(removed) => {
            tracing::info!(files = removed, "removed the blobs of artifacts that are gone");
            Ok(())
        }
        // The next time is soon, and others tell of the outage.
        Err(ReleaseError::Storage(err)) if err.is_outage() => Ok(()),
        Err(err) => Err(err),
    }
}

/// Expires pending keys one by one, so that one that cannot be expired keeps no other.
async fn expire_pending(core: &Core) {
    let ttl = TimeDelta::try_seconds(i64::try_from(core.config.limits.pending_ttl_secs).unwrap_or(i64::MAX));
    let Some(before) = ttl.and_then(|ttl| core.clock.now().checked_sub_signed(ttl)) else { return };
    let scope = core.database.scope(TenantId::DEFAULT);
    let stale = match auth_sets::stale_pending(&scope, before, STALE_BATCH).await {
        Ok(stale) => stale,
        Err(err) => {
            tracing::error!(error = chain(&err), "failed to look for stale pending keys");
            return;
        }
    };
    for one in stale {
        let (scope, fleet) = (core.database.scope(one.tenant), Arc::clone(&core.fleet));
        let devices = Devices::new(scope, fleet, Arc::clone(&core.clock), core.config.rsa_min_bits);
        if let Err(err) = devices.expire(one.device_id, one.id).await {
            tracing::error!(error = chain(&err), device.id = %one.device_id, "failed to expire a pending key");
        }
    }
}

fn every<F, E>(
    period: Duration,
    what: &'static str,
    mut task: impl FnMut() -> F + Send + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = Result<(), E>> + Send,
    E: std::error::Error + 'static,
{
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(err) = task().await {
                tracing::error!(error = chain(&err), "failed to {what}");
            }
        }
    })
}
