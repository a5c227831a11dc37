//! Deployments: a release sent to a set of devices.
//!
//! A *device deployment* is what one deployment means for one device; it exists from the moment the device is
//! first offered the deployment. [`offer`] is the one place that decides what a device gets, and says why.

mod consistency;
pub mod device_service;
pub mod downloads;
pub(crate) mod ending;
pub mod fit;
pub mod offer;
mod phases;
pub mod service;
pub mod state;
mod statistics;

use chrono::{DateTime, Utc};

pub use consistency::disagreement;
pub use fit::{ArtifactFit, DeviceFacts};
pub use phases::{Batch, InvalidPhases, Phase, PhasePlan, Phases};
pub use state::{DeviceDeploymentState, InvalidReport};
pub use statistics::Statistics;

use crate::ids::{ArtifactId, DeploymentId, DeploymentNumber, DeviceId, DeviceNumber};

/// A deployment as stored, without its targets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Deployment {
    /// The order in which it was created.
    pub number: DeploymentNumber,
    /// Its id.
    pub id: DeploymentId,
    /// Its name, chosen by who created it.
    pub name: String,
    /// The release that it rolls out.
    pub artifact_name: String,
    /// Whether devices that have the release already get it again.
    pub forced: bool,
    /// When how many devices may begin.
    pub phases: Phases,
    /// How often a device may fail before it has failed for good.
    pub retries: u32,
    /// The group whose members were its targets, if it was made for one.
    pub group: Option<String>,
    /// How many devices it is meant for.
    pub target_count: u64,
    /// How many of them asked for it.
    pub asked_count: u64,
    /// Bytes of the artifacts assigned so far.
    pub total_size: u64,
    /// How many devices are in each state.
    pub statistics: Statistics,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When its last device finished, or when it was aborted.
    pub finished_at: Option<DateTime<Utc>>,
}

/// How far a deployment is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DeploymentStatus {
    /// Its first phase has not begun.
    Scheduled,
    /// No device asked for it yet.
    Pending,
    /// Some did.
    InProgress,
    /// All did what they will do, or it was aborted.
    Finished,
}

impl Deployment {
    /// How far it is at a moment.
    #[must_use]
    pub fn status(&self, now: DateTime<Utc>) -> DeploymentStatus {
        let is_scheduled = self.phases.starts_at().is_some_and(|start| now < start);
        match (self.finished_at, self.asked_count) {
            (Some(_), _) => DeploymentStatus::Finished,
            (None, 0) if is_scheduled => DeploymentStatus::Scheduled,
            (None, 0) => DeploymentStatus::Pending,
            (None, _) => DeploymentStatus::InProgress,
        }
    }
}

/// A device deployment as stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DeviceDeployment {
    /// Its row.
    pub id: i32,
    /// The deployment.
    pub deployment: DeploymentNumber,
    /// The deployment's id.
    pub deployment_id: DeploymentId,
    /// The device.
    pub device: DeviceNumber,
    /// The device's id, kept when the device is decommissioned.
    pub device_id: DeviceId,
    /// The artifact chosen for it, if one fits.
    pub artifact: Option<ArtifactId>,
    /// That artifact's size in bytes.
    pub artifact_size: u64,
    /// How far the device is.
    pub state: DeviceDeploymentState,
    /// What the device said beside its state.
    pub substate: Option<String>,
    /// How often the device may fail from now on, and try again.
    pub retries_left: u32,
    /// Whether the device sent a log.
    pub logged: bool,
    /// When it was first offered.
    pub created_at: DateTime<Utc>,
    /// When the device first reported progress.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// When it was taken out of the history of the device.
    pub deleted_at: Option<DateTime<Utc>>,
}
