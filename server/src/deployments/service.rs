//! Deployments as users create, watch and abort them.

use std::collections::BTreeSet;
use std::sync::Arc;

use roaring::RoaringBitmap;
use sha2::{Digest, Sha256};

use super::ending::{end_for_device, forget_of_device};
use super::{
    Deployment, DeviceDeployment, DeviceDeploymentState, InvalidPhases, PhasePlan, Phases, Statistics,
};
use crate::audit::{Action, Event, Object};
use crate::clock::Clock;
use crate::fleet::FleetIndex;
use crate::ids::{DeploymentId, DeploymentNumber, DeviceId, DeviceNumber};
use crate::storage::deployments::{CounterChange, DeploymentFilter, NewDeployment};
use crate::storage::{
    Access as _, Change, Page, Scope, StorageError, WriteScope, artifacts, deployments, device_deployments,
    devices, verification_keys,
};

/// Longest name of a deployment, in characters.
pub const MAX_NAME: usize = 256;

/// Devices that one deployment may name; more are reached through a group or all.
pub const MAX_NAMED_DEVICES: usize = 100_000;

/// How often a device may be let fail.
pub const MAX_RETRIES: u32 = 100;

/// Whom a deployment is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// All devices that are accepted now.
    All,
    /// The devices of a group that are accepted now.
    Group(String),
    /// These devices; ids of no device count as devices that never ask.
    Devices(Vec<DeviceId>),
}

/// What a deployment is made from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// The release that it rolls out.
    pub artifact_name: String,
    /// Whom it is for.
    pub target: Target,
    /// Whether devices that have the release already get it again.
    pub forced: bool,
    /// When how many devices may begin; empty for all at once.
    pub phases: Vec<PhasePlan>,
    /// How often a device may fail before it has failed for good.
    pub retries: u32,
}

/// Why something cannot be done with a deployment.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    /// The plan cannot be carried out as it is.
    #[error("{0}")]
    Invalid(String),
    /// It cannot have these phases.
    #[error(transparent)]
    Phases(#[from] InvalidPhases),
    /// The release has no artifact.
    #[error("no artifact for the deployment: release {0:?} does not exist")]
    NoArtifact(String),
    /// No artifact of the release may be offered.
    #[error(
        "no artifact of release {0:?} is signed by a key that is valid now, and the signature policy requires that"
    )]
    Untrusted(String),
    /// The caller may not do this to all devices.
    #[error("a deployment to all devices needs the right to deploy to all of them")]
    BeyondGroups,
    /// An unfinished deployment was asked for in the same words.
    #[error("an active deployment with the same parameters already exists")]
    Duplicate,
    /// There is no such deployment.
    #[error("deployment {0} does not exist")]
    NotFound(DeploymentId),
    /// It ended already, or never was.
    #[error("deployment {0} is finished or does not exist")]
    Finished(DeploymentId),
    /// The device sent no log.
    #[error("there is no log of device {device} for deployment {deployment}")]
    NoLog {
        /// The deployment.
        deployment: DeploymentId,
        /// The device.
        device: DeviceId,
    },
    /// Storage failed.
    #[error("failed to access storage")]
    Storage(#[from] StorageError),
}

/// The deployments of one tenant.
#[derive(Clone)]
pub struct Deployments {
    scope: Scope,
    fleet: Arc<FleetIndex>,
    clock: Arc<dyn Clock>,
}

impl Deployments {
    /// Binds the service to a scope.
    #[must_use]
    pub fn new(scope: Scope, fleet: Arc<FleetIndex>, clock: Arc<dyn Clock>) -> Self {
        Self { scope, fleet, clock }
    }

    /// Creates a deployment: one row, whatever the number of devices.
    pub async fn create(&self, plan: &Plan) -> Result<DeploymentId, DeploymentError> {
        check(plan)?;
        let now = self.clock.now();
        let tx = self.scope.begin().await?;
        let write = tx.scope();
        let fits = artifacts::fits_of_release(&write, &plan.artifact_name).await?;
        if fits.is_empty() {
            return Err(DeploymentError::NoArtifact(plan.artifact_name.clone()));
        }
        let trust = verification_keys::trust(&write).await?;
        if !fits.iter().any(|fit| trust.admits(&fit.signers, now)) {
            return Err(DeploymentError::Untrusted(plan.artifact_name.clone()));
        }
        let Resolved { targets, target_count, groups } = resolve(&write, &self.fleet, &plan.target).await?;
        let phases = Phases::plan(&plan.phases, target_count, now)?;
        let new = NewDeployment {
            id: DeploymentId::generate(),
            name: plan.name.clone(),
            artifact_name: plan.artifact_name.clone(),
            forced: plan.forced,
            group: match &plan.target {
                Target::Group(group) => Some(group.clone()),
                Target::All | Target::Devices(_) => None,
            },
            targets: Arc::new(targets),
            target_count,
            active_hash: fingerprint(plan),
            phases: phases.clone(),
            retries: plan.retries,
        };
        let number = deployments::insert(&write, &new, now)
            .await
            .map_err(|err| if err.is_unique_violation() { DeploymentError::Duplicate } else { err.into() })?;
        deployments::set_groups(&write, new.id, &groups).await?;
        let object = Object::deployment(new.id, &new.name, &new.artifact_name);
        write.audit(Event::new(Action::Create, object).change(format!("devices: {target_count}")));
        write.record(Change::DeploymentCreated {
            number,
            id: new.id,
            artifact_name: new.artifact_name,
            forced: new.forced,
            phases,
            targets: new.targets,
            artifacts: fits,
        });
        tx.commit(now).await?;
        Ok(new.id)
    }

    /// A deployment.
    pub async fn get(&self, id: DeploymentId) -> Result<Deployment, DeploymentError> {
        deployments::find(&self.scope, id).await?.ok_or(DeploymentError::NotFound(id))
    }

    /// A part of the list of deployments, and how many match.
    pub async fn list(
        &self,
        filter: &DeploymentFilter,
        page: Page,
    ) -> Result<(Vec<Deployment>, u64), DeploymentError> {
        let filter = DeploymentFilter { now: self.clock.now(), ..filter.clone() };
        Ok(deployments::list(&self.scope, &filter, page).await?)
    }

    /// A deployment's device deployments in any of these states (empty for all), and how many match.
    pub async fn devices(
        &self,
        id: DeploymentId,
        states: &[DeviceDeploymentState],
        page: Option<Page>,
    ) -> Result<(Vec<DeviceDeployment>, u64), DeploymentError> {
        let number = self.get(id).await?.number;
        Ok(device_deployments::list_of_deployment(&self.scope, number, states, page).await?)
    }

    /// A device's deployments in any of these states (empty for all), newest first, and how many match.
    pub async fn of_device(
        &self,
        device: DeviceId,
        states: &[DeviceDeploymentState],
        page: Page,
    ) -> Result<(Vec<(DeviceDeployment, Deployment)>, u64), DeploymentError> {
        let (rows, total) =
            device_deployments::list_of_device(&self.scope, device, states, Some(page)).await?;
        let numbers: Vec<DeploymentNumber> = rows.iter().map(|row| row.deployment).collect();
        let found = deployments::find_by_numbers(&self.scope, &numbers).await?;
        let joined = rows
            .into_iter()
            .filter_map(|row| {
                let deployment = found.iter().find(|deployment| deployment.number == row.deployment)?;
                Some((row, deployment.clone()))
            })
            .collect();
        Ok((joined, total))
    }

    /// The log that a device sent, as it sent it.
    pub async fn log(&self, deployment: DeploymentId, device: DeviceId) -> Result<String, DeploymentError> {
        let found = device_deployments::find_pairs(&self.scope, &[(deployment, device)]).await?;
        let missing = || DeploymentError::NoLog { deployment, device };
        let row = found.first().filter(|row| row.logged).ok_or_else(missing)?;
        device_deployments::log(&self.scope, row.id).await?.ok_or_else(missing)
    }

    /// Ends a deployment: devices that have not finished are told to stop at their next report.
    pub async fn abort(&self, id: DeploymentId) -> Result<(), DeploymentError> {
        let now = self.clock.now();
        let tx = self.scope.begin().await?;
        let write = tx.scope();
        let deployment = deployments::find(&write, id).await?.ok_or(DeploymentError::Finished(id))?;
        if !deployments::finish(&write, deployment.number, true, now).await? {
            return Err(DeploymentError::Finished(id));
        }
        let aborted = DeviceDeploymentState::Aborted;
        device_deployments::end_all(&write, deployment.number, aborted, now).await?;
        // Whoever has not finished is aborted now, whether it ever asked or not.
        let mut statistics = Statistics::default();
        for (state, devices) in deployment.statistics.iter().filter(|(state, _)| !state.is_final()) {
            statistics.add(state, -devices);
            statistics.add(aborted, devices);
        }
        let change = CounterChange { number: deployment.number, statistics, asked: 0, size: 0 };
        deployments::count(&write, &[change]).await?;
        write.record(Change::DeploymentFinished { number: deployment.number });
        let object = Object::deployment(deployment.id, &deployment.name, &deployment.artifact_name);
        write.audit(Event::new(Action::Abort, object));
        tx.commit(now).await?;
        Ok(())
    }

    /// Ends all unfinished deployments of a device.
    pub async fn abort_device(&self, device: DeviceId) -> Result<(), DeploymentError> {
        let now = self.clock.now();
        let tx = self.scope.begin().await?;
        let write = tx.scope();
        let Some(found) = devices::find(&write, device).await? else { return Ok(()) };
        let everywhere = write.unlimited();
        end_for_device(&everywhere, found.number, device, DeviceDeploymentState::Aborted, now).await?;
        let object = Object::device(device, found.identity.as_str());
        write.audit(Event::new(Action::Abort, object).change("deployments: all unfinished"));
        tx.commit(now).await?;
        Ok(())
    }
}

impl Deployments {
    /// Forgets what a device has ended; it is offered again what goes on. One that does not exist has no history.
    pub async fn forget_history(&self, device: DeviceId) -> Result<(), DeploymentError> {
        let now = self.clock.now();
        let tx = self.scope.begin().await?;
        let write = tx.scope();
        let Some(found) = devices::find(&write, device).await? else { return Ok(()) };
        let forgotten = forget_of_device(&write.unlimited(), found.number, device, now).await?;
        if forgotten == 0 {
            return Ok(());
        }
        let object = Object::device(device, found.identity.as_str());
        write.audit(Event::new(Action::Delete, object).change(format!("history: {forgotten} deployments")));
        tx.commit(now).await?;
        Ok(())
    }
}

fn check(plan: &Plan) -> Result<(), DeploymentError> {
    let invalid = |what: String| Err(DeploymentError::Invalid(what));
    let is_name = |text: &str| !text.is_empty() && text.chars().count() <= MAX_NAME && !text.contains('\0');
    if !is_name(&plan.name) {
        return invalid(format!("name: must have 1 to {MAX_NAME} characters"));
    }
    if !is_name(&plan.artifact_name) {
        return invalid(format!("artifact_name: must have 1 to {MAX_NAME} characters"));
    }
    if plan.retries > MAX_RETRIES {
        return invalid(format!("retries: at most {MAX_RETRIES}"));
    }
    match &plan.target {
        Target::Devices(ids) if ids.is_empty() => {
            invalid("devices: name at least one device, or set all_devices".to_owned())
        }
        Target::Devices(ids) if ids.len() > MAX_NAMED_DEVICES => {
            invalid(format!("devices: at most {MAX_NAMED_DEVICES} can be named, use a group for more"))
        }
        Target::All | Target::Group(_) | Target::Devices(_) => Ok(()),
    }
}

/// Whom a deployment is for, as devices.
struct Resolved {
    targets: RoaringBitmap,
    /// How many were named, those that do not exist included.
    target_count: u64,
    /// The groups that they are in, as [`deployments::set_groups`] takes them.
    groups: BTreeSet<String>,
}

async fn resolve(
    tx: &WriteScope<'_>,
    fleet: &FleetIndex,
    target: &Target,
) -> Result<Resolved, DeploymentError> {
    let is_limited = tx.sight().groups().is_some();
    let targets: RoaringBitmap = match target {
        Target::All if is_limited => return Err(DeploymentError::BeyondGroups),
        Target::All => fleet.accepted(tx.tenant()),
        Target::Group(group) => {
            devices::accepted_in_group(tx, group).await?.into_iter().map(DeviceNumber::as_u32).collect()
        }
        Target::Devices(ids) => {
            let mut ids = ids.clone();
            ids.sort_unstable();
            ids.dedup();
            let named = u64::try_from(ids.len()).unwrap_or(u64::MAX);
            let found = devices::find_many(tx, &ids).await?;
            if is_limited && found.is_empty() {
                return Err(DeploymentError::Invalid("devices: none of them exists".to_owned()));
            }
            let groups = found.iter().map(|device| device.group.clone().unwrap_or_default()).collect();
            let targets = found.iter().map(|device| device.number.as_u32()).collect();
            return Ok(Resolved { targets, target_count: named, groups });
        }
    };
    if targets.is_empty() {
        return Err(DeploymentError::Invalid(match target {
            Target::Group(group) => format!("group {group:?} has no accepted device"),
            Target::All | Target::Devices(_) => "there is no accepted device".to_owned(),
        }));
    }
    let groups = match target {
        Target::Group(group) => BTreeSet::from([group.clone()]),
        Target::All | Target::Devices(_) => BTreeSet::new(),
    };
    Ok(Resolved { target_count: targets.len(), targets, groups })
}

/// What makes two plans the same: everything that they say.
fn fingerprint(plan: &Plan) -> [u8; 32] {
    let mut hasher = Sha256::new();
    let mut part = |text: &str| {
        hasher.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(text.as_bytes());
    };
    part(&plan.name);
    part(&plan.artifact_name);
    part(if plan.forced { "forced" } else { "" });
    match &plan.target {
        Target::All => part("all"),
        Target::Group(group) => {
            part("group");
            part(group);
        }
        Target::Devices(ids) => {
            let mut ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            ids.sort_unstable();
            ids.dedup();
            part("devices");
            for id in &ids {
                part(id);
            }
        }
    }
    hasher.finalize().into()
}
