//! The decision: what a device that asks for an update gets, and why.

use chrono::{DateTime, Utc};

use super::{ArtifactFit, DeviceDeploymentState, DeviceFacts};
use crate::ids::{ArtifactId, DeploymentNumber, DeviceNumber};

/// What the decision reads: the unfinished deployments of the device's tenant.
pub trait Rollouts {
    /// The unfinished deployments, oldest first.
    fn unfinished(&self) -> impl Iterator<Item = &Rollout>;
}

/// One unfinished deployment.
#[derive(Debug)]
pub struct Rollout {
    /// Its number: deployments are served in this order.
    pub number: DeploymentNumber,
    /// Its id.
    pub id: crate::ids::DeploymentId,
    /// The release that it rolls out.
    pub artifact_name: String,
    /// Whether devices that have the release already get it again.
    pub forced: bool,
    /// The artifacts of the release.
    pub artifacts: Vec<ArtifactFit>,
    /// The devices that it is meant for.
    pub targets: std::sync::Arc<roaring::RoaringBitmap>,
    /// The devices that have ended it.
    pub done: roaring::RoaringBitmap,
    /// The devices that were offered it and have not ended it.
    pub active: std::collections::HashMap<DeviceNumber, ActiveUpdate>,
}

/// A device deployment that has not ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ActiveUpdate {
    /// The artifact that was offered.
    pub artifact: Option<ArtifactId>,
    /// How far the device said it is; states between `pending` and the end need not be told apart.
    pub state: DeviceDeploymentState,
}

/// What a device gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// No unfinished deployment is meant for it.
    Nothing,
    /// This artifact.
    Offer {
        /// The deployment.
        deployment: DeploymentNumber,
        /// The artifact.
        artifact: ArtifactId,
        /// Whether the device deployment exists already.
        repeated: bool,
    },
    /// It runs the release already and is not to get it again.
    AlreadyInstalled {
        /// The deployment.
        deployment: DeploymentNumber,
    },
    /// No artifact of the release fits it.
    NoArtifact {
        /// The deployment.
        deployment: DeploymentNumber,
    },
    /// It installed the release, and its last report was lost on the way.
    InferredSuccess {
        /// The deployment.
        deployment: DeploymentNumber,
    },
}

/// One reason on the way to a decision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reason {
    /// The deployment is not meant for the device.
    NotTargeted,
    /// The device has ended it.
    Done,
    /// The device has begun it and is offered it again until it ends.
    Unfinished(DeviceDeploymentState),
    /// The device reports the name of the release that it was offered.
    ReportsOfferedName,
    /// The device runs the release already.
    RunsRelease,
    /// The release has no artifact for the device.
    NothingFits {
        /// Artifacts of the release.
        artifacts: usize,
    },
    /// The smallest of the artifacts that fit was chosen.
    Chosen(ArtifactId),
}

/// Where reasons go: to nobody on a poll, to a list when someone asks for an explanation.
pub trait Trace {
    /// Takes one reason.
    fn note(&mut self, deployment: DeploymentNumber, reason: Reason);
}

/// Drops reasons.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTrace;

impl Trace for NoTrace {
    fn note(&mut self, _: DeploymentNumber, _: Reason) {}
}

impl Trace for Vec<(DeploymentNumber, Reason)> {
    fn note(&mut self, deployment: DeploymentNumber, reason: Reason) {
        self.push((deployment, reason));
    }
}

/// Decides what a device gets. The oldest unfinished deployment that is meant for it and that it has not ended
/// decides; what it began, it is offered until it ends (device protocol §2.2).
pub fn offer(
    facts: &DeviceFacts,
    rollouts: &impl Rollouts,
    _now: DateTime<Utc>,
    trace: &mut impl Trace,
) -> Decision {
    for rollout in rollouts.unfinished() {
        let number = facts.number.as_u32();
        if !rollout.targets.contains(number) {
            trace.note(rollout.number, Reason::NotTargeted);
        } else if rollout.done.contains(number) {
            trace.note(rollout.number, Reason::Done);
        } else {
            return decide(facts, rollout, trace);
        }
    }
    Decision::Nothing
}

fn decide(facts: &DeviceFacts, rollout: &Rollout, trace: &mut impl Trace) -> Decision {
    let deployment = rollout.number;
    let active = rollout.active.get(&facts.number);
    let begun = active.filter(|update| update.state != DeviceDeploymentState::Pending);
    let has_name = facts.artifact_name == rollout.artifact_name;
    if let Some(update) = begun {
        trace.note(deployment, Reason::Unfinished(update.state));
        if has_name && !rollout.forced {
            trace.note(deployment, Reason::ReportsOfferedName);
            return Decision::InferredSuccess { deployment };
        }
    } else if has_name && !rollout.forced {
        trace.note(deployment, Reason::RunsRelease);
        return Decision::AlreadyInstalled { deployment };
    }
    // What was offered once is offered again, whatever joined the release since.
    if let Some(artifact) = active.and_then(|update| update.artifact) {
        let still_fits = rollout
            .artifacts
            .iter()
            .any(|fit| fit.id == artifact && fit.device_types.contains(&facts.device_type));
        if still_fits {
            trace.note(deployment, Reason::Chosen(artifact));
            return Decision::Offer { deployment, artifact, repeated: true };
        }
    }
    let best = rollout.artifacts.iter().filter(|fit| fit.fits(facts)).min_by_key(|fit| (fit.size, fit.id));
    if let Some(best) = best {
        trace.note(deployment, Reason::Chosen(best.id));
        Decision::Offer { deployment, artifact: best.id, repeated: false }
    } else {
        trace.note(deployment, Reason::NothingFits { artifacts: rollout.artifacts.len() });
        Decision::NoArtifact { deployment }
    }
}
