//! Devices as operators see them and decide about them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    AuthSet, AuthSetStatus, CredentialDigest, Device, DeviceStatus, DeviceWithSets, Identity, IdentityError,
    InvalidTransition,
};
use crate::audit::{Action, Event, Object};
use crate::clock::Clock;
use crate::crypto::device_key::{DeviceKey, DeviceKeyError};
use crate::deployments::DeviceDeploymentState;
use crate::deployments::ending::end_for_device;
use crate::fleet::FleetIndex;
use crate::ids::{AuthSetId, DeviceId, DeviceNumber};
use crate::storage::auth_sets::NewAuthSet;
use crate::storage::devices::{DeviceFilter, NewDevice};
use crate::storage::{
    Access, Change, Page, Scope, StorageError, WriteScope, auth_sets, devices, inventory, provides,
    sightings, tenants,
};

/// Why something cannot be done with a device.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The identity data is not acceptable.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The public key is not acceptable.
    #[error("pubkey: {0}")]
    Key(#[from] DeviceKeyError),
    /// The identity or the key is known already.
    #[error("a device with this identity exists already")]
    Exists(Box<DeviceWithSets>),
    /// There is no such device.
    #[error("device {0} does not exist")]
    NotFound(DeviceId),
    /// The device has no such authentication set.
    #[error("authentication set {0} does not exist")]
    SetNotFound(AuthSetId),
    /// The authentication set belongs to another device.
    #[error("authentication set {set} is not one of device {device}")]
    SetOfOther {
        /// The device named.
        device: DeviceId,
        /// The set named.
        set: AuthSetId,
    },
    /// The state does not allow it.
    #[error(transparent)]
    Transition(#[from] InvalidTransition),
    /// The tenant has as many accepted devices as it may have.
    #[error("maximum number of accepted devices reached")]
    LimitReached,
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

/// The devices of one tenant.
#[derive(Clone)]
pub struct Devices {
    scope: Scope,
    fleet: Arc<FleetIndex>,
    clock: Arc<dyn Clock>,
    rsa_min_bits: usize,
}

impl Devices {
    /// Binds the service to a scope.
    #[must_use]
    pub fn new(scope: Scope, fleet: Arc<FleetIndex>, clock: Arc<dyn Clock>, rsa_min_bits: usize) -> Self {
        Self { scope, fleet, clock, rsa_min_bits }
    }

    /// A part of the list of devices, oldest first, and whether more follow.
    pub async fn list(
        &self,
        filter: &DeviceFilter,
        page: Page,
    ) -> Result<(Vec<DeviceWithSets>, bool), DeviceError> {
        let (found, more) = devices::list(&self.scope, filter, page).await?;
        Ok((self.with_sets(found).await?, more))
    }

    /// How many devices have a status, or exist.
    pub async fn count(&self, status: Option<DeviceStatus>) -> Result<u64, DeviceError> {
        let filter = DeviceFilter { statuses: status.into_iter().collect(), ids: Vec::new() };
        Ok(devices::count(&self.scope, &filter).await?)
    }

    /// A device.
    pub async fn get(&self, id: DeviceId) -> Result<DeviceWithSets, DeviceError> {
        let found = devices::find(&self.scope, id).await?.ok_or(DeviceError::NotFound(id))?;
        self.with_sets(vec![found]).await?.pop().ok_or(DeviceError::NotFound(id))
    }

    /// How many devices may be accepted at once; `None` for no limit.
    pub async fn limit(&self) -> Result<Option<u64>, DeviceError> {
        Ok(tenants::device_limit(&self.scope).await?)
    }

    /// What was decided about an authentication set.
    pub async fn auth_set_status(
        &self,
        device: DeviceId,
        set: AuthSetId,
    ) -> Result<AuthSetStatus, DeviceError> {
        Ok(find_set(&self.scope, device, set).await?.status)
    }

    /// Makes a device expected: its first request with this identity and key is accepted. With `force`, a
    /// known identity gets one more set, and a known set is made expected again.
    ///
    /// # Errors
    ///
    /// [`DeviceError::Exists`] with the device that has the identity.
    pub async fn preauthorize(
        &self,
        identity: &Value,
        pubkey: &str,
        force: bool,
    ) -> Result<DeviceId, DeviceError> {
        let identity = Identity::from_value(identity)?;
        let key = DeviceKey::from_pem(pubkey, self.rsa_min_bits)?;
        let now = self.clock.now();
        let tx = self.scope.begin().await?;
        let write = tx.scope();
        let known = devices::find_by_identity(&write, &[identity.hash()]).await?.pop();
        let device = match known {
            Some(device) if !force => {
                drop(tx);
                return Err(DeviceError::Exists(Box::new(self.get(device.id).await?)));
            }
            Some(device) => device,
            None => {
                let new =
                    NewDevice { id: DeviceId::generate(), identity, status: DeviceStatus::Preauthorized };
                devices::insert_many(&write, std::slice::from_ref(&new), now).await?;
                let device = devices::find(&write, new.id).await?.ok_or(DeviceError::NotFound(new.id))?;
                self.store(&write, &device, device.status, device.generation).await?;
                device
            }
        };
        let sets = sets_of(&write, device.number).await?;
        let spki_sha256 = key.spki_sha256();
        let known = sets.iter().find(|set| set.spki_sha256 == spki_sha256).cloned();
        let set = known.clone().unwrap_or_else(|| AuthSet {
            id: AuthSetId::generate(),
            status: AuthSetStatus::Preauthorized,
            spki_sha256,
            public_key: key.to_pem(),
            created_at: now,
        });
        let set = AuthSet { status: AuthSetStatus::Preauthorized, ..set };
        if let Some(known) = known {
            auth_sets::set_status(&write, known.id, set.status, now).await?;
        } else {
            let new = NewAuthSet { device_number: device.number, device_id: device.id, set: set.clone() };
            auth_sets::insert_many(&write, &[new], now).await?;
        }
        let others = sets.iter().filter(|other| other.id != set.id).cloned();
        let after: Vec<AuthSet> = others.chain([set.clone()]).collect();
        self.settle(&write, &device, &sets, &after).await?;
        record(&write, &device, &set);
        let event = Event::new(Action::Preauthorize, object(&device));
        write.audit(event.change(format!("authentication set {}: preauthorized", set.id)));
        tx.commit(now).await?;
        Ok(device.id)
    }

    /// Decides about an authentication set. Accepting one rejects the device's accepted others; whatever takes
    /// the accepted state from a set voids the sessions opened with it.
    pub async fn decide(
        &self,
        device: DeviceId,
        set: AuthSetId,
        to: AuthSetStatus,
    ) -> Result<(), DeviceError> {
        let now = self.clock.now();
        let tx = self.scope.begin().await?;
        let write = tx.scope();
        let from = find_set(&write, device, set).await?.status;
        let found = devices::find(&write, device).await?.ok_or(DeviceError::NotFound(device))?;
        if from.decide(to)? == from {
            return Ok(());
        }
        if to == AuthSetStatus::Accepted && found.status != DeviceStatus::Accepted {
            self.check_limit(&write).await?;
        }
        let before = sets_of(&write, found.number).await?;
        let mut sets = before.clone();
        for one in &mut sets {
            let status = match one.status {
                _ if one.id == set => to,
                AuthSetStatus::Accepted if to == AuthSetStatus::Accepted => AuthSetStatus::Rejected,
                AuthSetStatus::Accepted
                | AuthSetStatus::Pending
                | AuthSetStatus::Preauthorized
                | AuthSetStatus::Rejected => continue,
            };
            one.status = status;
            auth_sets::set_status(&write, one.id, status, now).await?;
        }
        self.settle(&write, &found, &before, &sets).await?;
        // Refused ones first: an accepted set takes the place of the one before it.
        let (accepted, refused): (Vec<_>, Vec<_>) =
            sets.iter().partition(|one| one.status == AuthSetStatus::Accepted);
        refused.into_iter().chain(accepted).for_each(|one| record(&write, &found, one));
        let action = match to {
            AuthSetStatus::Accepted => Action::Accept,
            AuthSetStatus::Rejected => Action::Reject,
            AuthSetStatus::Preauthorized => Action::Preauthorize,
            AuthSetStatus::Pending => Action::Update,
        };
        let change = format!("authentication set {set}: {from} -> {to}");
        write.audit(Event::new(action, object(&found)).change(change));
        tx.commit(now).await?;
        Ok(())
    }

    /// Deletes an authentication set. With a preauthorized one as its only set, the device disappears.
    pub async fn dismiss(&self, device: DeviceId, set: AuthSetId) -> Result<(), DeviceError> {
        let now = self.clock.now();
        let tx = self.scope.begin().await?;
        let write = tx.scope();
        let dismissed = find_set(&write, device, set).await?;
        let found = devices::find(&write, device).await?.ok_or(DeviceError::NotFound(device))?;
        let was = dismissed.status;
        let before = sets_of(&write, found.number).await?;
        auth_sets::delete(&write, set).await?;
        let left: Vec<AuthSet> = before.iter().filter(|other| other.id != set).cloned().collect();
        if left.is_empty() && dismissed.status == AuthSetStatus::Preauthorized {
            forget(&write, &found, &[dismissed], now).await?;
        } else {
            self.settle(&write, &found, &before, &left).await?;
            let digest =
                CredentialDigest::new(write.tenant(), &found.identity.hash(), &dismissed.spki_sha256);
            write.record(Change::AuthSetRemoved { number: found.number, digest });
        }
        let change = format!("authentication set {set}: {was} -> dismissed");
        write.audit(Event::new(Action::Dismiss, object(&found)).change(change));
        tx.commit(now).await?;
        Ok(())
    }

    /// Deletes a pending authentication set that nobody decided about in time, and the device when it has no
    /// other. One that was decided about meanwhile stays.
    pub async fn expire(&self, device: DeviceId, set: AuthSetId) -> Result<(), DeviceError> {
        let now = self.clock.now();
        let tx = self.scope.begin().await?;
        let write = tx.scope();
        let Some((_, stale)) = auth_sets::find(&write, set).await? else { return Ok(()) };
        let Some(found) = devices::find(&write, device).await? else { return Ok(()) };
        if stale.status != AuthSetStatus::Pending {
            return Ok(());
        }
        let others: Vec<AuthSet> = sets_of(&write, found.number).await?;
        if others.len() == 1 {
            forget(&write, &found, &others, now).await?;
        } else {
            auth_sets::delete(&write, set).await?;
            let digest = CredentialDigest::new(write.tenant(), &found.identity.hash(), &stale.spki_sha256);
            write.record(Change::AuthSetRemoved { number: found.number, digest });
            let left: Vec<AuthSet> = others.iter().filter(|other| other.id != set).cloned().collect();
            self.settle(&write, &found, &others, &left).await?;
        }
        tx.commit(now).await?;
        Ok(())
    }

    /// Forgets a device and ends its deployments; its next request makes it a new, pending one.
    pub async fn decommission(&self, device: DeviceId) -> Result<(), DeviceError> {
        let now = self.clock.now();
        let tx = self.scope.begin().await?;
        let write = tx.scope();
        let found = devices::find(&write, device).await?.ok_or(DeviceError::NotFound(device))?;
        let sets = sets_of(&write, found.number).await?;
        forget(&write, &found, &sets, now).await?;
        write.audit(Event::new(Action::Decommission, object(&found)));
        tx.commit(now).await?;
        Ok(())
    }

    /// Voids the sessions of the device that has this authentication set: it must log in again.
    pub async fn revoke_sessions(&self, set: AuthSetId) -> Result<(), DeviceError> {
        let now = self.clock.now();
        let tx = self.scope.begin().await?;
        let write = tx.scope();
        let (id, _) = auth_sets::find(&write, set).await?.ok_or(DeviceError::SetNotFound(set))?;
        let found = devices::find(&write, id).await?.ok_or(DeviceError::NotFound(id))?;
        self.store(&write, &found, found.status, found.generation.wrapping_add(1)).await?;
        write.audit(Event::new(Action::Revoke, object(&found)).change("sessions: ended"));
        tx.commit(now).await?;
        Ok(())
    }

    /// Stores what a change of its sets makes of a device: its status, and, when it loses the set that its
    /// sessions were opened with, a new generation.
    async fn settle(
        &self,
        tx: &WriteScope<'_>,
        device: &Device,
        before: &[AuthSet],
        after: &[AuthSet],
    ) -> Result<(), StorageError> {
        let status = DeviceStatus::strongest(after.iter().map(|set| set.status));
        let lost = accepted_of(before).filter(|accepted| accepted_of(after) != Some(*accepted));
        let generation = if lost.is_some() { device.generation.wrapping_add(1) } else { device.generation };
        if (status, generation) == (device.status, device.generation) {
            return Ok(());
        }
        self.store(tx, device, status, generation).await
    }

    async fn store(
        &self,
        tx: &WriteScope<'_>,
        device: &Device,
        status: DeviceStatus,
        generation: u32,
    ) -> Result<(), StorageError> {
        devices::set_status(tx, device.number, status, generation, self.clock.now()).await?;
        tx.record(Change::Device { number: device.number, id: device.id, status, generation });
        Ok(())
    }

    async fn check_limit(&self, tx: &WriteScope<'_>) -> Result<(), DeviceError> {
        let Some(limit) = tenants::device_limit(tx).await? else { return Ok(()) };
        let accepted = DeviceFilter { statuses: vec![DeviceStatus::Accepted], ids: Vec::new() };
        if devices::count(&tx.unlimited(), &accepted).await? >= limit {
            Err(DeviceError::LimitReached)
        } else {
            Ok(())
        }
    }

    async fn with_sets(&self, found: Vec<Device>) -> Result<Vec<DeviceWithSets>, DeviceError> {
        let numbers: Vec<DeviceNumber> = found.iter().map(|device| device.number).collect();
        let sets = auth_sets::of_devices(&self.scope, &numbers).await?;
        let join = |device: Device| DeviceWithSets {
            seen_at: self.fleet.seen_at(device.number),
            auth_sets: sets
                .iter()
                .filter(|(number, _)| *number == device.number)
                .map(|(_, set)| set.clone())
                .collect(),
            device,
        };
        Ok(found.into_iter().map(join).collect())
    }
}

fn object(device: &Device) -> Object {
    Object::device(device.id, device.identity.as_str())
}

fn accepted_of(sets: &[AuthSet]) -> Option<AuthSetId> {
    sets.iter().find(|set| set.status == AuthSetStatus::Accepted).map(|set| set.id)
}

async fn find_set(scope: &impl Access, device: DeviceId, set: AuthSetId) -> Result<AuthSet, DeviceError> {
    let (owner, found) = auth_sets::find(scope, set).await?.ok_or(DeviceError::SetNotFound(set))?;
    if owner == device { Ok(found) } else { Err(DeviceError::SetOfOther { device, set }) }
}

async fn sets_of(scope: &impl Access, number: DeviceNumber) -> Result<Vec<AuthSet>, StorageError> {
    Ok(auth_sets::of_devices(scope, &[number]).await?.into_iter().map(|(_, set)| set).collect())
}

/// Removes every trace of a device but its history: its deployments end, its number is never used again.
async fn forget(
    tx: &WriteScope<'_>,
    device: &Device,
    sets: &[AuthSet],
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let everywhere = tx.unlimited();
    end_for_device(&everywhere, device.number, device.id, DeviceDeploymentState::Decommissioned, now).await?;
    auth_sets::delete_of_device(tx, device.number).await?;
    inventory::delete_of_device(tx, device.number).await?;
    provides::delete(tx, device.number).await?;
    sightings::delete(tx, device.number).await?;
    devices::delete(tx, device.number).await?;
    for set in sets {
        let digest = CredentialDigest::new(tx.tenant(), &device.identity.hash(), &set.spki_sha256);
        tx.record(Change::AuthSetRemoved { number: device.number, digest });
    }
    tx.record(Change::DeviceRemoved { number: device.number });
    Ok(())
}

fn record(tx: &WriteScope<'_>, device: &Device, set: &AuthSet) {
    let digest = CredentialDigest::new(tx.tenant(), &device.identity.hash(), &set.spki_sha256);
    tx.record(Change::AuthSet { number: device.number, id: set.id, digest, status: set.status });
}
