//! The unfinished deployments of one tenant.

use chrono::{DateTime, Utc};

use crate::deployments::offer::{ActiveUpdate, Rollout, Rollouts};
use crate::deployments::{ArtifactFit, DeviceDeploymentState};
use crate::ids::{ArtifactId, DeploymentId, DeploymentNumber, DeviceNumber, KeyId};
use crate::releases::{SignaturePolicy, Trust, Validity};

/// Unfinished deployments, oldest first, and a revision that grows whenever a device that was told "nothing"
/// could be told something else.
#[derive(Debug)]
pub(super) struct TenantRollouts {
    unfinished: Vec<Rollout>,
    trust: Trust,
    revision: u32,
}

impl Default for TenantRollouts {
    fn default() -> Self {
        Self { unfinished: Vec::new(), trust: Trust::default(), revision: 1 }
    }
}

impl Rollouts for TenantRollouts {
    fn unfinished(&self) -> impl Iterator<Item = &Rollout> {
        self.unfinished.iter()
    }

    fn trust(&self) -> &Trust {
        &self.trust
    }
}

impl TenantRollouts {
    pub(super) const fn revision(&self) -> u32 {
        self.revision
    }

    pub(super) fn count(&self) -> u64 {
        u64::try_from(self.unfinished.len()).unwrap_or(u64::MAX)
    }

    pub(super) fn find(&self, number: DeploymentNumber) -> Option<&Rollout> {
        self.unfinished.iter().find(|rollout| rollout.number == number)
    }

    pub(super) fn is_active(&self, deployment: DeploymentId, device: DeviceNumber) -> bool {
        self.unfinished.iter().any(|rollout| rollout.id == deployment && rollout.active.contains_key(&device))
    }

    pub(super) fn is_updating(&self, device: DeviceNumber) -> bool {
        self.unfinished.iter().any(|rollout| rollout.active.contains_key(&device))
    }

    /// Answers whether the signature of an artifact counts that a deployment rolls out.
    pub(super) fn is_trusted(
        &self,
        deployment: DeploymentId,
        artifact: ArtifactId,
        now: DateTime<Utc>,
    ) -> bool {
        let rollout = self.unfinished.iter().find(|rollout| rollout.id == deployment);
        let fit = rollout.and_then(|rollout| rollout.artifacts.iter().find(|fit| fit.id == artifact));
        // What is not there any more is found missing by who opens it.
        fit.is_none_or(|fit| self.trust.admits(&fit.signers, now))
    }

    pub(super) fn set_trust(&mut self, trust: Trust) {
        self.trust = trust;
    }

    // Of what follows, nothing changes the revision: a device that was told "nothing" is not waiting for an
    // artifact, and one that waits for trust was not told "nothing".

    pub(super) const fn set_policy(&mut self, policy: SignaturePolicy) {
        self.trust.policy = policy;
    }

    pub(super) fn put_key(&mut self, id: KeyId, validity: Validity) {
        self.trust.keys.insert(id, validity);
    }

    pub(super) fn verify_artifact(&mut self, artifact_name: &str, id: ArtifactId, key: KeyId) {
        for rollout in self.unfinished.iter_mut().filter(|rollout| rollout.artifact_name == artifact_name) {
            for fit in rollout.artifacts.iter_mut().filter(|fit| fit.id == id && !fit.signers.contains(&key))
            {
                fit.signers.push(key);
                fit.signers.sort();
            }
        }
    }

    pub(super) fn create(&mut self, rollout: Rollout) {
        let at = self.unfinished.partition_point(|other| other.number < rollout.number);
        self.unfinished.insert(at, rollout);
        // Zero is what a device has that was never told anything.
        self.revision = self.revision.checked_add(1).unwrap_or(1);
    }

    pub(super) fn finish(&mut self, number: DeploymentNumber) {
        self.unfinished.retain(|rollout| rollout.number != number);
    }

    pub(super) fn progress(
        &mut self,
        deployment: DeploymentNumber,
        device: DeviceNumber,
        artifact: Option<ArtifactId>,
        state: DeviceDeploymentState,
    ) {
        if let Some(rollout) = self.unfinished.iter_mut().find(|rollout| rollout.number == deployment) {
            let is_new = !rollout.active.contains_key(&device) && !rollout.done.contains(device.as_u32());
            rollout.asked += u64::from(is_new && state.is_answer());
            if state.is_final() {
                rollout.active.remove(&device);
                rollout.done.insert(device.as_u32());
            } else {
                // One that has ended begins again when its history is forgotten.
                rollout.done.remove(device.as_u32());
                rollout.active.insert(device, ActiveUpdate { artifact, state });
            }
        }
    }

    /// How many devices have asked for a deployment, as it is stored.
    pub(super) fn restore_asked(&mut self, deployment: DeploymentNumber, asked: u64) {
        if let Some(rollout) = self.unfinished.iter_mut().find(|rollout| rollout.number == deployment) {
            rollout.asked = asked;
        }
    }

    pub(super) fn add_artifact(&mut self, artifact_name: &str, artifact: &ArtifactFit) {
        for rollout in self.unfinished.iter_mut().filter(|rollout| rollout.artifact_name == artifact_name) {
            rollout.artifacts.push(artifact.clone());
        }
    }

    pub(super) fn remove_artifact(&mut self, artifact_name: &str, id: ArtifactId) {
        for rollout in self.unfinished.iter_mut().filter(|rollout| rollout.artifact_name == artifact_name) {
            rollout.artifacts.retain(|artifact| artifact.id != id);
        }
    }
}
