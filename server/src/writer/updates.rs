//! Carrying out what happens to device deployments: begun, reported, logged.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::batch::put;
use crate::deployments::ending::finish_complete;
use crate::deployments::state::ReportEffect;
use crate::deployments::{Deployment, DeviceDeployment, DeviceDeploymentState, Statistics};
use crate::ids::{ArtifactId, DeploymentId, DeploymentNumber, DeviceId, DeviceNumber};
use crate::storage::deployments::{self, CounterChange, DeploymentFilter};
use crate::storage::device_deployments::{self, NewDeviceDeployment};
use crate::storage::{Change, Page, StorageError, WriteScope};

/// Something that happens to one device in one deployment.
#[derive(Clone, Debug)]
pub struct DeviceUpdate {
    /// The deployment.
    pub deployment: DeploymentId,
    /// The device.
    pub device: DeviceNumber,
    /// The device's id.
    pub device_id: DeviceId,
    /// What happens.
    pub action: UpdateAction,
}

/// What happens.
#[derive(Clone, Debug)]
pub enum UpdateAction {
    /// The deployment is offered to the device for the first time, or with another artifact than before.
    Offered {
        /// The artifact and its size in bytes.
        artifact: (ArtifactId, u64),
    },
    /// The decision ended the deployment for the device without an offer.
    Ended(DeviceDeploymentState),
    /// The device reports how far it is.
    Reported {
        /// Its state.
        state: DeviceDeploymentState,
        /// What it says beside.
        substate: Option<String>,
    },
    /// The device sends its log.
    Logged {
        /// The messages as it sent them.
        messages: String,
    },
}

impl UpdateAction {
    /// Whether it may make a device deployment. Most batches hold reports only, which need no more than their rows.
    const fn begins(&self) -> bool {
        match self {
            Self::Offered { .. } | Self::Ended(_) => true,
            Self::Reported { .. } | Self::Logged { .. } => false,
        }
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UpdateOutcome {
    /// It is stored, or changes nothing.
    Done,
    /// There is no such deployment for the device, or it ended before it could be offered.
    Unknown,
    /// The device must stop.
    Stop,
}

struct Entry {
    row: DeviceDeployment,
    /// State and artifact as stored; `None` for a row that this batch makes.
    stored: Option<(DeviceDeploymentState, Option<ArtifactId>)>,
    is_changed: bool,
    log: Option<String>,
}

struct Round {
    deployments: HashMap<DeploymentId, Deployment>,
    entries: BTreeMap<(DeploymentId, DeviceId), Entry>,
    counters: BTreeMap<DeploymentNumber, CounterChange>,
    now: DateTime<Utc>,
}

pub(super) async fn carry_out(
    tx: &WriteScope<'_>,
    jobs: &[(usize, &DeviceUpdate)],
    outcomes: &mut [Option<UpdateOutcome>],
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let mut round = Round::load(tx, jobs, now).await?;
    for (at, update) in jobs {
        put(outcomes, *at, round.apply(update));
    }
    round.store(tx).await
}

impl Round {
    async fn load(
        tx: &WriteScope<'_>,
        jobs: &[(usize, &DeviceUpdate)],
        now: DateTime<Utc>,
    ) -> Result<Self, StorageError> {
        let begun = jobs.iter().filter(|(_, update)| update.action.begins());
        let mut ids: Vec<DeploymentId> = begun.map(|(_, update)| update.deployment).collect();
        ids.sort_unstable();
        ids.dedup();
        let found = if ids.is_empty() { Vec::new() } else { begin_with(tx, ids).await? };
        let pairs: Vec<_> = jobs.iter().map(|(_, update)| (update.deployment, update.device_id)).collect();
        let rows = device_deployments::find_pairs(tx, &pairs).await?;
        let entry = |row: DeviceDeployment| {
            let key = (row.deployment_id, row.device_id);
            (key, Entry { stored: Some((row.state, row.artifact)), row, is_changed: false, log: None })
        };
        Ok(Self {
            deployments: found.into_iter().map(|deployment| (deployment.id, deployment)).collect(),
            entries: rows.into_iter().map(entry).collect(),
            counters: BTreeMap::new(),
            now,
        })
    }

    fn apply(&mut self, update: &DeviceUpdate) -> UpdateOutcome {
        match &update.action {
            UpdateAction::Offered { artifact } => {
                self.begin(update, Some(*artifact), DeviceDeploymentState::Pending)
            }
            UpdateAction::Ended(state) => self.begin(update, None, *state),
            UpdateAction::Reported { state, substate } => self.report(update, *state, substate.as_deref()),
            UpdateAction::Logged { messages } => self.log(update, messages),
        }
    }

    fn begin(
        &mut self,
        update: &DeviceUpdate,
        artifact: Option<(ArtifactId, u64)>,
        state: DeviceDeploymentState,
    ) -> UpdateOutcome {
        let Some(deployment) = self.deployments.get(&update.deployment) else {
            return UpdateOutcome::Unknown;
        };
        if deployment.finished_at.is_some() {
            return UpdateOutcome::Unknown;
        }
        let (number, retries) = (deployment.number, deployment.retries);
        let (id, size) = artifact.map_or((None, 0), |(id, size)| (Some(id), size));
        let key = (update.deployment, update.device_id);
        let is_new = !self.entries.contains_key(&key);
        // Devices that asked in the same moment saw the same room.
        let begun = deployment.asked_count + self.counters.get(&number).map_or(0, |counters| counters.asked);
        if is_new && begun >= deployment.phases.room(self.now) {
            return UpdateOutcome::Unknown;
        }
        let entry = self.entries.entry(key).or_insert_with(|| Entry {
            row: DeviceDeployment {
                id: 0,
                deployment: number,
                deployment_id: update.deployment,
                device: update.device,
                device_id: update.device_id,
                artifact: None,
                artifact_size: 0,
                state: DeviceDeploymentState::Pending,
                substate: None,
                retries_left: retries,
                logged: false,
                created_at: self.now,
                started_at: None,
                finished_at: None,
                deleted_at: None,
            },
            stored: None,
            is_changed: true,
            log: None,
        });
        if entry.row.state.is_final() {
            return UpdateOutcome::Unknown;
        }
        let counters = change_of(&mut self.counters, number);
        counters.asked += u64::from(is_new);
        if id.is_some() && entry.row.artifact != id {
            counters.size += signed(size) - signed(entry.row.artifact_size);
            entry.row.artifact = id;
            entry.row.artifact_size = size;
            entry.is_changed = true;
        }
        if state.is_final() {
            counters.statistics.transfer(entry.row.state, state);
            entry.move_to(state, self.now);
        }
        UpdateOutcome::Done
    }

    fn report(
        &mut self,
        update: &DeviceUpdate,
        state: DeviceDeploymentState,
        substate: Option<&str>,
    ) -> UpdateOutcome {
        let Self { entries, counters, now, .. } = self;
        let Some(entry) = known(entries, update) else { return UpdateOutcome::Unknown };
        match entry.row.state.reported(state) {
            ReportEffect::Stop => return UpdateOutcome::Stop,
            ReportEffect::MovesTo(next) => {
                entry.row.substate = None;
                let next = entry.after_retry(next);
                change_of(counters, entry.row.deployment).statistics.transfer(entry.row.state, next);
                entry.move_to(next, *now);
            }
            ReportEffect::Acknowledged => {}
        }
        if entry.row.state == state && substate.is_some() && entry.row.substate.as_deref() != substate {
            entry.row.substate = substate.map(str::to_owned);
            entry.is_changed = true;
        }
        UpdateOutcome::Done
    }

    fn log(&mut self, update: &DeviceUpdate, messages: &str) -> UpdateOutcome {
        let Some(entry) = known(&mut self.entries, update) else { return UpdateOutcome::Unknown };
        entry.is_changed |= !entry.row.logged;
        entry.row.logged = true;
        entry.log = Some(messages.to_owned());
        UpdateOutcome::Done
    }

    async fn store(self, tx: &WriteScope<'_>) -> Result<(), StorageError> {
        let (fresh, stored): (Vec<&Entry>, Vec<&Entry>) =
            self.entries.values().filter(|entry| entry.is_changed).partition(|entry| entry.stored.is_none());
        let rows: Vec<NewDeviceDeployment> = fresh
            .iter()
            .map(|entry| NewDeviceDeployment {
                deployment: entry.row.deployment,
                deployment_id: entry.row.deployment_id,
                device: entry.row.device,
                device_id: entry.row.device_id,
                artifact: entry.row.artifact.map(|id| (id, entry.row.artifact_size)),
                state: entry.row.state,
                retries: entry.row.retries_left,
            })
            .collect();
        device_deployments::insert_many(tx, &rows, self.now).await?;
        let rows: Vec<DeviceDeployment> = stored.iter().map(|entry| entry.row.clone()).collect();
        device_deployments::update_many(tx, &rows).await?;
        for entry in self.entries.values() {
            if let Some(messages) = &entry.log {
                device_deployments::store_log(tx, entry.row.id, messages).await?;
            }
            if entry.is_changed && entry.matters_to_the_index() {
                tx.record(Change::DeviceDeployment {
                    deployment: entry.row.deployment,
                    device: entry.row.device,
                    artifact: entry.row.artifact,
                    state: entry.row.state,
                });
            }
        }
        let changes: Vec<CounterChange> = self.counters.into_values().collect();
        deployments::count(tx, &changes).await?;
        let touched: Vec<DeploymentNumber> = changes
            .iter()
            .filter(|change| change.statistics.finished() > 0)
            .map(|change| change.number)
            .collect();
        finish_complete(tx, &touched, self.now).await
    }
}

impl Entry {
    /// A failure that is not the last one that is allowed brings the device back to the start: it is offered the same
    /// again (management API §4.4).
    fn after_retry(&mut self, next: DeviceDeploymentState) -> DeviceDeploymentState {
        if next != DeviceDeploymentState::Failure || self.row.retries_left == 0 {
            return next;
        }
        self.row.retries_left -= 1;
        self.is_changed = true;
        DeviceDeploymentState::Pending
    }

    fn move_to(&mut self, next: DeviceDeploymentState, now: DateTime<Utc>) {
        self.row.state = next;
        self.row.started_at = self.row.started_at.or(Some(now));
        self.row.finished_at = next.is_final().then_some(now);
        self.is_changed = true;
    }

    /// The index needs to know who was offered what, who began, and who ended; not each step between.
    fn matters_to_the_index(&self) -> bool {
        match self.stored {
            None | Some((DeviceDeploymentState::Pending, _)) => true,
            Some((_, artifact)) => {
                let is_at_an_end =
                    self.row.state.is_final() || self.row.state == DeviceDeploymentState::Pending;
                is_at_an_end || self.row.artifact != artifact
            }
        }
    }
}

async fn begin_with(tx: &WriteScope<'_>, ids: Vec<DeploymentId>) -> Result<Vec<Deployment>, StorageError> {
    let filter = DeploymentFilter { ids, ..DeploymentFilter::default() };
    let all = Page { page: 1, per_page: u64::try_from(filter.ids.len()).unwrap_or(u64::MAX) };
    Ok(deployments::list(tx, &filter, all).await?.0)
}

fn signed(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// The row that a device speaks of: one that this very batch makes was not offered to anybody yet.
fn known<'a>(
    entries: &'a mut BTreeMap<(DeploymentId, DeviceId), Entry>,
    update: &DeviceUpdate,
) -> Option<&'a mut Entry> {
    let entry = entries.get_mut(&(update.deployment, update.device_id))?;
    entry.stored.is_some().then_some(entry)
}

fn change_of(
    all: &mut BTreeMap<DeploymentNumber, CounterChange>,
    number: DeploymentNumber,
) -> &mut CounterChange {
    all.entry(number).or_insert_with(|| CounterChange {
        number,
        statistics: Statistics::default(),
        asked: 0,
        size: 0,
    })
}
