//! Carrying out registrations: new devices, new keys, promotions of preauthorized ones.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::batch::put;
use crate::devices::registration::{Verdict, judge};
use crate::devices::{AuthSet, AuthSetStatus, CredentialDigest, Device, DeviceStatus, Identity};
use crate::fleet::{KnownDevice, Login};
use crate::ids::{AuthSetId, DeviceId, DeviceNumber};
use crate::storage::auth_sets::{self, NewAuthSet};
use crate::storage::devices::{self, DeviceFilter, NewDevice};
use crate::storage::{Access, Change, StorageError, WriteScope, tenants};

/// A proven pair of identity and key that the index cannot answer.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Who the device claims to be.
    pub identity: Identity,
    /// SHA-256 of the key's `SubjectPublicKeyInfo`.
    pub spki_sha256: [u8; 32],
    /// The key as normalised PEM.
    pub public_key: String,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Registered {
    /// It may open a session.
    Accepted(Login),
    /// It waits for an operator, or was rejected.
    Refused(AuthSetStatus),
    /// It was preauthorized, but the tenant has as many accepted devices as it may have.
    LimitReached,
    /// Too many keys wait for an operator.
    TooMany,
}

/// A device while a batch is carried out: as stored, and as it will be.
struct Entry {
    device: Device,
    sets: Vec<AuthSet>,
    is_new: bool,
    is_changed: bool,
    new_sets: Vec<AuthSetId>,
}

/// How much more may wait for operators; shared by the tenants of a batch.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) pending_left: u64,
    pub(super) per_device: usize,
}

struct Round<'a> {
    entries: HashMap<[u8; 32], Entry>,
    accepted_left: Option<u64>,
    room: &'a mut Room,
    now: DateTime<Utc>,
}

pub(super) async fn carry_out(
    tx: &WriteScope<'_>,
    jobs: &[(usize, &Registration)],
    outcomes: &mut [Option<Registered>],
    room: &mut Room,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let hashes: Vec<[u8; 32]> = jobs.iter().map(|(_, registration)| registration.identity.hash()).collect();
    let accepted_left = accepted_left(tx).await?;
    let mut round = Round { entries: load(tx, &hashes).await?, accepted_left, room, now };
    for ((place, registration), hash) in jobs.iter().zip(&hashes) {
        let outcome = round.register(tx, registration, *hash).await?;
        put(outcomes, *place, outcome);
    }
    round.store(tx).await?;
    for ((place, _), hash) in jobs.iter().zip(&hashes) {
        if let Some(Some(Registered::Accepted(login))) = outcomes.get(*place) {
            let settled = round.settled_login(tx, hash, login.auth_set)?;
            put(outcomes, *place, settled);
        }
    }
    Ok(())
}

impl Round<'_> {
    async fn register(
        &mut self,
        tx: &WriteScope<'_>,
        registration: &Registration,
        hash: [u8; 32],
    ) -> Result<Registered, StorageError> {
        let sets = self.entries.get(&hash).map(|entry| entry.sets.as_slice());
        match judge(sets, &registration.spki_sha256, self.room.per_device, self.now) {
            Verdict::NewDevice => Ok(self.add_device(registration, hash)),
            Verdict::NewKey { evicted } => self.add_key(tx, registration, hash, evicted).await,
            Verdict::Promoted(id) => self.promote(tx, hash, id).await,
            Verdict::Crowded => Ok(Registered::TooMany),
            Verdict::Known(id, AuthSetStatus::Accepted) => self.login(tx, &hash, id),
            Verdict::Known(_, status) => Ok(Registered::Refused(status)),
        }
    }

    fn add_device(&mut self, registration: &Registration, hash: [u8; 32]) -> Registered {
        if self.room.pending_left == 0 {
            return Registered::TooMany;
        }
        self.room.pending_left -= 1;
        let set = self.pending_set(registration);
        let device = Device {
            number: DeviceNumber::from(0),
            id: DeviceId::generate(),
            identity: registration.identity.clone(),
            status: DeviceStatus::Pending,
            generation: 0,
            group: None,
            tags_edition: None,
            created_at: self.now,
            updated_at: self.now,
        };
        let new_sets = vec![set.id];
        self.entries
            .insert(hash, Entry { device, sets: vec![set], is_new: true, is_changed: false, new_sets });
        Registered::Refused(AuthSetStatus::Pending)
    }

    async fn add_key(
        &mut self,
        tx: &WriteScope<'_>,
        registration: &Registration,
        hash: [u8; 32],
        evicted: Option<AuthSetId>,
    ) -> Result<Registered, StorageError> {
        if self.room.pending_left == 0 && evicted.is_none() {
            return Ok(Registered::TooMany);
        }
        let set = self.pending_set(registration);
        let tenant = tx.tenant();
        let entry = self.entries.get_mut(&hash).ok_or_else(lost)?;
        if let Some(evicted) = evicted {
            auth_sets::delete(tx, evicted).await?;
            for set in entry.sets.extract_if(.., |set| set.id == evicted) {
                let digest = CredentialDigest::new(tenant, &hash, &set.spki_sha256);
                tx.record(Change::AuthSetRemoved { number: entry.device.number, digest });
            }
            entry.new_sets.retain(|id| *id != evicted);
        } else {
            self.room.pending_left -= 1;
        }
        entry.new_sets.push(set.id);
        entry.sets.push(set);
        entry.refresh();
        Ok(Registered::Refused(AuthSetStatus::Pending))
    }

    async fn promote(
        &mut self,
        tx: &WriteScope<'_>,
        hash: [u8; 32],
        id: AuthSetId,
    ) -> Result<Registered, StorageError> {
        let entry = self.entries.get_mut(&hash).ok_or_else(lost)?;
        if entry.device.status != DeviceStatus::Accepted {
            match &mut self.accepted_left {
                Some(0) => return Ok(Registered::LimitReached),
                Some(left) => *left -= 1,
                None => {}
            }
        }
        for set in &mut entry.sets {
            let status = match set.status {
                _ if set.id == id => AuthSetStatus::Accepted,
                AuthSetStatus::Accepted => AuthSetStatus::Rejected,
                AuthSetStatus::Pending | AuthSetStatus::Preauthorized | AuthSetStatus::Rejected => continue,
            };
            set.status = status;
            auth_sets::set_status(tx, set.id, status, self.now).await?;
            record(tx, &entry.device, set);
        }
        entry.device.generation = entry.device.generation.wrapping_add(1);
        entry.is_changed = true;
        entry.refresh();
        self.login(tx, &hash, id)
    }

    fn login(
        &self,
        tx: &WriteScope<'_>,
        hash: &[u8; 32],
        auth_set: AuthSetId,
    ) -> Result<Registered, StorageError> {
        let entry = self.entries.get(hash).ok_or_else(lost)?;
        Ok(Registered::Accepted(Login { device: known(tx, &entry.device), auth_set }))
    }

    /// What a login is once the whole batch is done: its set may have lost acceptance to a later one of the same
    /// device, and the device's generation may have moved on.
    fn settled_login(
        &self,
        tx: &WriteScope<'_>,
        hash: &[u8; 32],
        auth_set: AuthSetId,
    ) -> Result<Registered, StorageError> {
        let entry = self.entries.get(hash).ok_or_else(lost)?;
        let set = entry.sets.iter().find(|set| set.id == auth_set).ok_or_else(lost)?;
        if set.status == AuthSetStatus::Accepted {
            self.login(tx, hash, auth_set)
        } else {
            Ok(Registered::Refused(set.status))
        }
    }

    fn pending_set(&self, registration: &Registration) -> AuthSet {
        AuthSet {
            id: AuthSetId::generate(),
            status: AuthSetStatus::Pending,
            spki_sha256: registration.spki_sha256,
            public_key: registration.public_key.clone(),
            created_at: self.now,
        }
    }

    /// Writes new devices and sets, many rows a statement, and the status of devices that changed.
    async fn store(&mut self, tx: &WriteScope<'_>) -> Result<(), StorageError> {
        let mut fresh: Vec<&mut Entry> = self.entries.values_mut().filter(|entry| entry.is_new).collect();
        let rows: Vec<NewDevice> = fresh
            .iter()
            .map(|entry| NewDevice {
                id: entry.device.id,
                identity: entry.device.identity.clone(),
                status: entry.device.status,
            })
            .collect();
        if !rows.is_empty() {
            let numbers = devices::insert_many(tx, &rows, self.now).await?;
            for (entry, number) in fresh.iter_mut().zip(numbers) {
                entry.device.number = number;
            }
        }
        let mut sets = Vec::new();
        for entry in self.entries.values() {
            let device = &entry.device;
            if entry.is_changed {
                devices::set_status(tx, device.number, device.status, device.generation, self.now).await?;
            }
            if entry.is_new || entry.is_changed {
                tx.record(Change::Device {
                    number: device.number,
                    id: device.id,
                    status: device.status,
                    generation: device.generation,
                });
            }
            for set in entry.sets.iter().filter(|set| entry.new_sets.contains(&set.id)) {
                record(tx, device, set);
                sets.push(NewAuthSet {
                    device_number: device.number,
                    device_id: device.id,
                    set: set.clone(),
                });
            }
        }
        auth_sets::insert_many(tx, &sets, self.now).await
    }
}

impl Entry {
    fn refresh(&mut self) {
        let status = DeviceStatus::strongest(self.sets.iter().map(|set| set.status));
        self.is_changed |= status != self.device.status && !self.is_new;
        self.device.status = status;
    }
}

/// The error of a batch that forgot what it had loaded; never seen.
const fn lost() -> StorageError {
    StorageError::OutOfRange("devices of a batch")
}

async fn load(tx: &WriteScope<'_>, hashes: &[[u8; 32]]) -> Result<HashMap<[u8; 32], Entry>, StorageError> {
    let found = devices::find_by_identity(tx, hashes).await?;
    let numbers: Vec<DeviceNumber> = found.iter().map(|device| device.number).collect();
    let mut sets: HashMap<DeviceNumber, Vec<AuthSet>> = HashMap::new();
    for (number, set) in auth_sets::of_devices(tx, &numbers).await? {
        sets.entry(number).or_default().push(set);
    }
    Ok(found
        .into_iter()
        .map(|device| {
            let sets = sets.remove(&device.number).unwrap_or_default();
            let hash = device.identity.hash();
            (hash, Entry { device, sets, is_new: false, is_changed: false, new_sets: Vec::new() })
        })
        .collect())
}

async fn accepted_left(tx: &WriteScope<'_>) -> Result<Option<u64>, StorageError> {
    let Some(limit) = tenants::device_limit(tx).await? else { return Ok(None) };
    let accepted = DeviceFilter { statuses: vec![DeviceStatus::Accepted], ids: Vec::new() };
    Ok(Some(limit.saturating_sub(devices::count(tx, &accepted).await?)))
}

fn known(tx: &WriteScope<'_>, device: &Device) -> KnownDevice {
    KnownDevice {
        number: device.number,
        id: device.id,
        tenant: tx.tenant(),
        status: device.status,
        generation: device.generation,
    }
}

fn record(tx: &WriteScope<'_>, device: &Device, set: &AuthSet) {
    let digest = CredentialDigest::new(tx.tenant(), &device.identity.hash(), &set.spki_sha256);
    tx.record(Change::AuthSet { number: device.number, id: set.id, digest, status: set.status });
}
