//! Deployments as devices live them: ask, report, send a log.

use std::sync::Arc;

use super::offer::Decision;
use super::{DeviceDeploymentState, DeviceFacts};
use crate::clock::Clock;
use crate::devices::session::DeviceSession;
use crate::fleet::FleetIndex;
use crate::ids::{ArtifactId, DeploymentId};
use crate::storage::{Database, StorageError, artifacts, deployments};
use crate::writer::{DeviceUpdate, UpdateAction, UpdateOutcome, WriteError, Writer};

/// Why a device's request about a deployment fails.
#[derive(Debug, thiserror::Error)]
pub enum DeviceDeploymentError {
    /// The device has no such deployment.
    #[error("deployment {0} is not one of this device")]
    Unknown(DeploymentId),
    /// The device must stop what it does.
    #[error("deployment was aborted")]
    Aborted,
    /// It could not be stored.
    #[error("failed to store the report")]
    Write(#[from] WriteError),
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

/// What a device is to install.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Offer {
    /// The deployment.
    pub deployment: DeploymentId,
    /// The artifact.
    pub artifact: ArtifactId,
    /// The name that the artifact must have.
    pub artifact_name: String,
    /// Device types that the artifact is for.
    pub device_types: Vec<String>,
}

/// The deployments of the tenants' devices.
#[derive(Clone)]
pub struct DeviceDeployments {
    database: Database,
    fleet: Arc<FleetIndex>,
    writer: Writer,
    clock: Arc<dyn Clock>,
}

impl DeviceDeployments {
    /// Wires the service.
    #[must_use]
    pub fn new(database: Database, fleet: Arc<FleetIndex>, writer: Writer, clock: Arc<dyn Clock>) -> Self {
        Self { database, fleet, writer, clock }
    }

    /// Answers whether the device was told "nothing", and no deployment appeared since.
    #[must_use]
    pub fn was_told_nothing(&self, session: &DeviceSession) -> bool {
        self.fleet.is_idle(session.tenant, session.number)
    }

    /// Answers whether the device says of itself what it said before, was told "nothing" then, and no deployment
    /// appeared since: the idle poll, which needs no parsing.
    #[must_use]
    pub fn is_idle(&self, session: &DeviceSession, digest: u64) -> bool {
        self.was_told_nothing(session) && self.fleet.has_provides(session.number, digest)
    }

    /// What the device gets. An offer is stored before it is answered.
    pub async fn next(
        &self,
        session: &DeviceSession,
        facts: &DeviceFacts,
    ) -> Result<Option<Offer>, DeviceDeploymentError> {
        let decision = self.fleet.decide(session.tenant, facts, self.clock.now());
        let (deployment, ended) = match decision {
            Decision::Nothing | Decision::Withheld { .. } | Decision::Waiting { .. } => return Ok(None),
            Decision::Offer { deployment, artifact, repeated } => {
                let Some((id, artifact_name, device_types)) =
                    self.fleet.offered(session.tenant, deployment, artifact)
                else {
                    return Ok(None);
                };
                if !repeated && !self.begin(session, id, artifact).await? {
                    return Ok(None);
                }
                return Ok(Some(Offer { deployment: id, artifact, artifact_name, device_types }));
            }
            Decision::AlreadyInstalled { deployment } => {
                (deployment, DeviceDeploymentState::AlreadyInstalled)
            }
            Decision::NoArtifact { deployment } => (deployment, DeviceDeploymentState::NoArtifact),
            Decision::InferredSuccess { deployment } => (deployment, DeviceDeploymentState::Success),
        };
        let scope = self.database.scope(session.tenant);
        if let Some(found) = deployments::find_by_numbers(&scope, &[deployment]).await?.first() {
            self.submit(session, found.id, UpdateAction::Ended(ended)).await?;
        }
        Ok(None)
    }

    /// Keeps what the device says to provide, when it differs from what it said before.
    pub fn note_provides(&self, session: &DeviceSession, digest: u64, provides: &str) {
        let changed = self.fleet.note_provides(session.number, digest);
        if changed
            && self.writer.provides(session.tenant, session.number, digest, provides.to_owned()).is_err()
        {
            self.fleet.forget_provides(session.number);
        }
    }

    /// Stores how far the device is; durable when this returns.
    pub async fn report(
        &self,
        session: &DeviceSession,
        deployment: DeploymentId,
        state: DeviceDeploymentState,
        substate: Option<String>,
    ) -> Result<(), DeviceDeploymentError> {
        self.submit_known(session, deployment, UpdateAction::Reported { state, substate }).await
    }

    /// Stores the device's log, whatever it holds.
    pub async fn log(
        &self,
        session: &DeviceSession,
        deployment: DeploymentId,
        messages: String,
    ) -> Result<(), DeviceDeploymentError> {
        self.submit_known(session, deployment, UpdateAction::Logged { messages }).await
    }

    async fn begin(
        &self,
        session: &DeviceSession,
        deployment: DeploymentId,
        artifact: ArtifactId,
    ) -> Result<bool, DeviceDeploymentError> {
        let scope = self.database.scope(session.tenant);
        let Some(found) = artifacts::find(&scope, artifact).await? else { return Ok(false) };
        let action = UpdateAction::Offered { artifact: (artifact, found.size) };
        Ok(self.submit(session, deployment, action).await? == UpdateOutcome::Done)
    }

    async fn submit_known(
        &self,
        session: &DeviceSession,
        deployment: DeploymentId,
        action: UpdateAction,
    ) -> Result<(), DeviceDeploymentError> {
        match self.submit(session, deployment, action).await? {
            UpdateOutcome::Done => Ok(()),
            UpdateOutcome::Unknown => Err(DeviceDeploymentError::Unknown(deployment)),
            UpdateOutcome::Stop => Err(DeviceDeploymentError::Aborted),
        }
    }

    async fn submit(
        &self,
        session: &DeviceSession,
        deployment: DeploymentId,
        action: UpdateAction,
    ) -> Result<UpdateOutcome, WriteError> {
        let update = DeviceUpdate { deployment, device: session.number, device_id: session.id, action };
        self.writer.update(session.tenant, update).await
    }
}
