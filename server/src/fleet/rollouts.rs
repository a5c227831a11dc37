//! The unfinished deployments of one tenant.

use std::collections::HashMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::deployments::offer::{ActiveUpdate, Rollout, Rollouts};
use crate::deployments::{ArtifactFit, DeviceDeploymentState};
use crate::ids::{ArtifactId, DeploymentId, DeploymentNumber, DeviceNumber};

/// Unfinished deployments, oldest first, and a revision that grows whenever a device that was told "nothing"
/// could be told something else.
#[derive(Debug)]
pub(super) struct TenantRollouts {
    unfinished: Vec<Rollout>,
    revision: u32,
}

impl Default for TenantRollouts {
    fn default() -> Self {
        Self { unfinished: Vec::new(), revision: 1 }
    }
}

impl Rollouts for TenantRollouts {
    fn unfinished(&self) -> impl Iterator<Item = &Rollout> {
        self.unfinished.iter()
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

    pub(super) fn create(
        &mut self,
        number: DeploymentNumber,
        id: DeploymentId,
        artifact_name: String,
        forced: bool,
        targets: Arc<RoaringBitmap>,
        artifacts: Vec<ArtifactFit>,
    ) {
        let rollout = Rollout {
            number,
            id,
            artifact_name,
            forced,
            artifacts,
            targets,
            done: RoaringBitmap::new(),
            active: HashMap::new(),
        };
        let at = self.unfinished.partition_point(|other| other.number < number);
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
            if state.is_final() {
                rollout.active.remove(&device);
                rollout.done.insert(device.as_u32());
            } else {
                rollout.active.insert(device, ActiveUpdate { artifact, state });
            }
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
