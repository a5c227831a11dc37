//! The index itself: look-ups, decisions, and how it follows the change log.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::RwLock;
use roaring::RoaringBitmap;

use super::devices::{DeviceTable, KnownCredential, KnownDevice, TokenDigest};
use super::rollouts::TenantRollouts;
use super::tenants::TenantTable;
use crate::clock::unix_seconds;
use crate::deployments::DeviceFacts;
use crate::deployments::offer::{Decision, NoTrace, Reason, Rollout, offer};
use crate::devices::CredentialDigest;
use crate::ids::{AuthSetId, DeploymentId, DeploymentNumber, DeviceId, DeviceNumber, TenantId};
use crate::storage::{Change, ChangeSink};
use crate::tenants::TenantTokenDigest;

/// Everything that polls and logins of known devices are answered from.
#[derive(Debug, Default)]
pub struct FleetIndex {
    pub(super) devices: RwLock<DeviceTable>,
    pub(super) rollouts: RwLock<HashMap<TenantId, TenantRollouts>>,
    pub(super) tenants: RwLock<TenantTable>,
}

impl FleetIndex {
    /// The tenant that a token names.
    #[must_use]
    pub fn tenant_named_by(&self, token: TenantTokenDigest) -> Option<TenantId> {
        self.tenants.read().named_by(token)
    }

    /// Answers whether neither devices nor members of a tenant get in.
    #[must_use]
    pub fn is_suspended(&self, tenant: TenantId) -> bool {
        self.tenants.read().is_suspended(tenant)
    }

    /// Finds a device by its id.
    #[must_use]
    pub fn device(&self, id: DeviceId) -> Option<KnownDevice> {
        self.devices.read().find(id)
    }

    /// What is known of a pair of identity and key.
    #[must_use]
    pub fn credential(&self, digest: CredentialDigest) -> KnownCredential {
        self.devices.read().credential(digest)
    }

    /// Devices that exist, of all tenants.
    #[must_use]
    pub fn device_count(&self) -> usize {
        self.devices.read().len()
    }

    /// The numbers of the tenant's accepted devices. Exact for the holder of a write transaction: the index follows
    /// every commit before the next transaction begins.
    #[must_use]
    pub fn accepted(&self, tenant: TenantId) -> RoaringBitmap {
        let mut accepted = self.devices.read().accepted(tenant);
        accepted.optimize();
        accepted
    }

    /// Authentication sets that wait for an operator, of all tenants.
    #[must_use]
    pub fn pending_count(&self) -> u64 {
        self.devices.read().pending()
    }

    /// Deployments that have not ended, of all tenants.
    #[must_use]
    pub fn rollout_count(&self) -> u64 {
        self.rollouts.read().values().map(TenantRollouts::count).sum()
    }

    /// Answers whether this very token of the device was verified before and has not expired.
    #[must_use]
    pub fn is_verified(&self, device: DeviceNumber, token: TokenDigest, now: DateTime<Utc>) -> bool {
        self.devices.read().is_verified(device, token, unix_seconds(now))
    }

    /// Remembers a verified token of a generation until it expires or the device's generation changes.
    pub fn note_verified(
        &self,
        device: DeviceNumber,
        generation: u32,
        token: TokenDigest,
        expires_at: DateTime<Utc>,
    ) {
        self.devices.read().note_verified(device, generation, token, unix_seconds(expires_at));
    }

    /// Notes that a device spoke.
    pub fn saw(&self, device: DeviceNumber, now: DateTime<Utc>) {
        self.devices.read().saw(device, unix_seconds(now));
    }

    /// When a device last spoke.
    #[must_use]
    pub fn seen_at(&self, device: DeviceNumber) -> Option<DateTime<Utc>> {
        let seen = self.devices.read().seen(device);
        DateTime::from_timestamp(i64::from(seen), 0).filter(|_| seen != 0)
    }

    /// When each device of a tenant last spoke, in seconds since 1970; 0 for never.
    #[must_use]
    pub fn seen_of(&self, tenant: TenantId) -> Vec<(DeviceNumber, u32)> {
        self.devices.read().seen_of(tenant)
    }

    /// Gives back devices whose sightings could not be stored: they are taken again the next time.
    pub fn restore_sightings(&self, devices: impl IntoIterator<Item = DeviceNumber>) {
        let table = self.devices.read();
        devices.into_iter().for_each(|device| table.restore_sighting(device));
    }

    /// The devices that spoke since the last call, and when.
    #[must_use]
    pub fn take_sightings(&self) -> Vec<(DeviceNumber, u32)> {
        self.devices.read().take_sightings()
    }

    /// Answers whether this is the inventory that is stored for the device.
    #[must_use]
    pub fn has_inventory(&self, device: DeviceNumber, digest: u64) -> bool {
        self.devices.read().inventory(device) == digest
    }

    /// Forgets which inventory is stored for the device: one is about to be written.
    pub fn forget_inventory(&self, device: DeviceNumber) {
        self.devices.read().put_inventory(device, 0);
    }

    /// The authentication set of the device that is accepted now.
    #[must_use]
    pub fn accepted_auth_set(&self, device: DeviceNumber) -> Option<AuthSetId> {
        self.devices.read().accepted_auth_set(device)
    }

    /// Forgets what the device reported to provide: it could not be stored.
    pub fn forget_provides(&self, device: DeviceNumber) {
        self.devices.read().swap_provides(device, 0);
    }

    /// Answers whether this is what the device reported to provide the last time.
    #[must_use]
    pub fn has_provides(&self, device: DeviceNumber, digest: u64) -> bool {
        self.devices.read().provides(device) == digest
    }

    /// Notes what a device reports to provide; tells whether that changed since it was last noted.
    pub fn note_provides(&self, device: DeviceNumber, digest: u64) -> bool {
        self.devices.read().swap_provides(device, digest)
    }

    /// Answers whether no deployment appeared since the device was last told "nothing": the idle poll.
    #[must_use]
    pub fn is_idle(&self, tenant: TenantId, device: DeviceNumber) -> bool {
        let told = self.devices.read().told_nothing(device);
        told != 0 && self.rollouts.read().get(&tenant).is_some_and(|rollouts| rollouts.revision() == told)
    }

    /// Decides what a device gets.
    #[must_use]
    pub fn decide(&self, tenant: TenantId, facts: &DeviceFacts, now: DateTime<Utc>) -> Decision {
        let rollouts = self.rollouts.read();
        let Some(of_tenant) = rollouts.get(&tenant) else { return Decision::Nothing };
        let decision = offer(facts, of_tenant, now, &mut NoTrace);
        if decision == Decision::Nothing {
            self.devices.read().tell_nothing(facts.number, of_tenant.revision());
        }
        decision
    }

    /// Decides what a device would get, and says why, deployment by deployment.
    #[must_use]
    pub fn explain(
        &self,
        tenant: TenantId,
        facts: &DeviceFacts,
        now: DateTime<Utc>,
    ) -> (Decision, Vec<(DeploymentNumber, Reason)>) {
        let rollouts = self.rollouts.read();
        let mut reasons = Vec::new();
        let decision = rollouts
            .get(&tenant)
            .map_or(Decision::Nothing, |of_tenant| offer(facts, of_tenant, now, &mut reasons));
        (decision, reasons)
    }

    /// Id, release and compatible device types of what a decision offers.
    #[must_use]
    pub fn offered(
        &self,
        tenant: TenantId,
        deployment: DeploymentNumber,
        artifact: crate::ids::ArtifactId,
    ) -> Option<(DeploymentId, String, Vec<String>)> {
        let rollouts = self.rollouts.read();
        let rollout = rollouts.get(&tenant)?.find(deployment)?;
        let fit = rollout.artifacts.iter().find(|fit| fit.id == artifact)?;
        Some((rollout.id, rollout.artifact_name.clone(), fit.device_types.clone()))
    }

    /// Answers whether the device has an update in progress.
    #[must_use]
    pub fn is_updating(&self, tenant: TenantId, device: DeviceNumber) -> bool {
        self.rollouts.read().get(&tenant).is_some_and(|of_tenant| of_tenant.is_updating(device))
    }

    /// Answers whether a device may still fetch what a deployment offered it.
    #[must_use]
    pub fn is_active(&self, tenant: TenantId, deployment: DeploymentId, device: DeviceNumber) -> bool {
        let rollouts = self.rollouts.read();
        rollouts.get(&tenant).is_some_and(|of_tenant| of_tenant.is_active(deployment, device))
    }

    /// Answers whether the signature of an artifact that a deployment rolls out counts, if it has to.
    #[must_use]
    pub fn is_trusted(
        &self,
        tenant: TenantId,
        deployment: DeploymentId,
        artifact: crate::ids::ArtifactId,
        now: DateTime<Utc>,
    ) -> bool {
        let rollouts = self.rollouts.read();
        rollouts.get(&tenant).is_some_and(|of_tenant| of_tenant.is_trusted(deployment, artifact, now))
    }
}

impl ChangeSink for FleetIndex {
    /// Nobody sees a transaction half applied: a rejected key must not log in under a new generation.
    fn apply(&self, changes: &[(TenantId, Change)]) {
        // Rollouts before devices, as `decide` takes them.
        let mut rollouts = self.rollouts.write();
        let mut devices = self.devices.write();
        for (tenant, change) in changes {
            if let Change::Tenant { is_suspended, token } = change {
                self.tenants.write().put(*tenant, *is_suspended, *token);
            }
            follow(&mut devices, rollouts.entry(*tenant).or_default(), *tenant, change);
        }
    }
}

fn follow(devices: &mut DeviceTable, rollouts: &mut TenantRollouts, tenant: TenantId, change: &Change) {
    match change {
        Change::Device { number, id, status, generation } => devices.put(KnownDevice {
            number: *number,
            id: *id,
            tenant,
            status: *status,
            generation: *generation,
        }),
        Change::DeviceRemoved { number } => devices.remove(*number),
        Change::AuthSet { number, id, digest, status } => {
            devices.put_auth_set(*number, *id, *digest, *status);
        }
        Change::AuthSetRemoved { number, digest } => devices.remove_auth_set(*number, *digest),
        Change::Inventory { number, digest } => devices.put_inventory(*number, *digest),
        Change::DeploymentCreated { number, id, artifact_name, forced, phases, targets, artifacts } => {
            rollouts.create(Rollout {
                number: *number,
                id: *id,
                artifact_name: artifact_name.clone(),
                forced: *forced,
                artifacts: artifacts.clone(),
                phases: phases.clone(),
                asked: 0,
                targets: Arc::clone(targets),
                done: RoaringBitmap::new(),
                active: HashMap::new(),
            });
        }
        Change::DeploymentFinished { number } => rollouts.finish(*number),
        Change::DeviceDeployment { deployment, device, artifact, state } => {
            rollouts.progress(*deployment, *device, *artifact, *state);
        }
        Change::ArtifactAdded { artifact_name, artifact } => rollouts.add_artifact(artifact_name, artifact),
        Change::ArtifactRemoved { artifact_name, id } => rollouts.remove_artifact(artifact_name, *id),
        Change::ArtifactVerified { artifact_name, id, key } => {
            rollouts.verify_artifact(artifact_name, *id, *key);
        }
        Change::VerificationKey { id, validity } => rollouts.put_key(*id, *validity),
        Change::SignaturePolicy(policy) => rollouts.set_policy(*policy),
        // In a table of its own.
        Change::Tenant { .. } => {}
    }
}
