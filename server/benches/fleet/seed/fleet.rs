//! A data directory with many devices in it, made through the functions that the server itself stores them with.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use migrations::{Migrator, MigratorTrait as _};
use sealift::app::open_database;
use sealift::clock::{Clock as _, SystemClock};
use sealift::config::Config;
use sealift::crypto::first_u64;
use sealift::crypto::random::SystemRandom;
use sealift::crypto::session_token::{Claims as _, DeviceClaims, TokenAuthority};
use sealift::devices::{AuthSet, AuthSetStatus, DeviceStatus, Identity};
use sealift::ids::{DeviceNumber, TenantId};
use sealift::keyring::Keyring;
use sealift::storage::auth_sets::NewAuthSet;
use sealift::storage::devices::NewDevice;
use sealift::storage::provides::ReportedProvides;
use sealift::storage::{Database, WriteScope, auth_sets, devices, provides, sightings};
use sha2::{Digest as _, Sha256};

use super::devices::{PROVIDES, STORED_PROVIDES, auth_set_id, device_id, identity};
use super::keys::KeyPool;
use super::tokens::Tokens;
use crate::{Outcome, files, say};

/// Changes whenever what is seeded does.
const EDITION: u32 = 1;

/// Devices stored in one transaction.
const BATCH: u64 = 20_000;

/// Devices whose provides are stored in one statement.
const PROVIDES_BATCH: usize = 5_000;

/// A seeded fleet.
pub(crate) struct Fleet {
    /// Registered, accepted devices.
    pub(crate) devices: u64,
    /// A session token of each.
    pub(crate) tokens: Tokens,
    directory: PathBuf,
}

impl Fleet {
    /// Opens a fleet of this size, and makes it if there is none for the present schema.
    pub(crate) fn open(devices: u64, keys: &KeyPool) -> Outcome<Self> {
        let directory = files::cache().join(format!("fleet-{devices}-{}", keys.len()));
        let mark = directory.join("seeded");
        let expected = edition(keys);
        if fs::read_to_string(&mark).ok().as_deref() != Some(expected.as_str()) {
            if directory.exists() {
                fs::remove_dir_all(&directory)?;
            }
            fs::create_dir_all(&directory)?;
            say(&format!("seeding {devices} devices"));
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(fill(&directory, devices, keys))?;
            files::put(&mark, expected.as_bytes())?;
        }
        let tokens = Tokens::read(&directory.join("tokens"), devices)?;
        Ok(Self { devices, tokens, directory })
    }

    /// Copies the data directory, to be changed.
    pub(crate) fn copy_to(&self, target: &Path) -> Outcome<()> {
        files::copy(&self.directory.join("data"), target)
    }
}

/// What seeded data must have been made with to be used again.
fn edition(keys: &KeyPool) -> String {
    let migrations: Vec<String> =
        Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    format!("{EDITION}\n{}\n{}\n", keys.name(), migrations.join("\n"))
}

async fn fill(directory: &Path, devices: u64, keys: &KeyPool) -> Outcome<()> {
    let now = SystemClock.now();
    let config = Config { data_dir: directory.join("data"), ..Config::default() };
    let database = open_database(&config, &SystemClock).await?;
    let keyring = Keyring::open(&database, &config.data_dir, &SystemRandom::new(), now).await?;
    let authority = TokenAuthority::<DeviceClaims>::new(keyring.device_tokens);
    let mut tokens = BufWriter::new(File::create(directory.join("tokens"))?);
    let mut first = 0;
    while first < devices {
        let batch = first..devices.min(first + BATCH);
        store(&database, batch.clone(), keys, now).await?;
        for device in batch.clone() {
            tokens.write_all(authority.sign(&claims(device, now))?.as_bytes())?;
        }
        first = batch.end;
        if first % 100_000 == 0 {
            say(&format!("  {first} of {devices}"));
        }
    }
    tokens.flush()?;
    Ok(database.close().await?)
}

async fn store(
    database: &Database,
    batch: std::ops::Range<u64>,
    keys: &KeyPool,
    now: DateTime<Utc>,
) -> Outcome<()> {
    let mut new = Vec::new();
    for device in batch.clone() {
        let identity = Identity::parse(&identity(device))?;
        new.push(NewDevice { id: device_id(device), identity, status: DeviceStatus::Accepted });
    }
    let tx = database.begin(TenantId::DEFAULT).await?;
    let scope = tx.scope();
    let numbers = devices::insert_many(&scope, &new, now).await?;
    let mut sets = Vec::new();
    for (device, number) in batch.zip(&numbers) {
        let key = keys.of(device)?;
        sets.push(NewAuthSet {
            device_number: *number,
            device_id: device_id(device),
            set: AuthSet {
                id: auth_set_id(device),
                status: AuthSetStatus::Accepted,
                spki_sha256: key.spki_sha256,
                public_key: key.pem.clone(),
                created_at: now,
            },
        });
    }
    auth_sets::insert_many(&scope, &sets, now).await?;
    let seen_at = sealift::clock::unix_seconds(now);
    let seen: Vec<_> = numbers.iter().map(|number| (*number, seen_at)).collect();
    sightings::store(&scope, &seen).await?;
    for numbers in numbers.chunks(PROVIDES_BATCH) {
        store_provides(&scope, numbers).await?;
    }
    Ok(tx.commit(now).await?)
}

/// Each device has said before what it is going to say.
async fn store_provides(scope: &WriteScope<'_>, numbers: &[DeviceNumber]) -> Outcome<()> {
    let digest = first_u64(&Sha256::digest(PROVIDES));
    let said: Vec<_> = numbers
        .iter()
        .map(|device| ReportedProvides { device: *device, digest, provides: STORED_PROVIDES })
        .collect();
    Ok(provides::store(scope, &said).await?)
}

fn claims(device: u64, now: DateTime<Utc>) -> DeviceClaims {
    DeviceClaims {
        jti: auth_set_id(device).as_uuid(),
        sub: device_id(device).as_uuid(),
        iss: "Sealift".to_owned(),
        aud: DeviceClaims::AUDIENCE.to_owned(),
        iat: now.timestamp(),
        // Longer than the seeded data is going to be used.
        exp: (now + TimeDelta::days(3_650)).timestamp(),
        generation: 0,
        tenant: TenantId::DEFAULT.as_uuid(),
        is_device: true,
    }
}
