//! Commands that are carried out in one transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::provides::ProvidesReport;
use super::registrations::{Registered, Registration};
use super::updates::{DeviceUpdate, UpdateOutcome};
use super::{Command, Context, WriteError, provides, registrations, updates};
use crate::ids::TenantId;
use crate::inventory::{self, InventoryOutcome, InventoryWrite};
use crate::storage::StorageError;
use crate::telemetry::chain;

/// One command and who waits for it.
pub(crate) struct Job<I, O> {
    pub(crate) tenant: TenantId,
    pub(crate) input: I,
    pub(crate) answer: oneshot::Sender<Result<O, WriteError>>,
}

/// Commands by kind, in the order in which they came.
#[derive(Default)]
pub(super) struct Batch {
    registrations: Vec<Job<Registration, Registered>>,
    updates: Vec<Job<DeviceUpdate, UpdateOutcome>>,
    inventories: Vec<Job<InventoryWrite, InventoryOutcome>>,
    provides: Vec<ProvidesReport>,
}

/// What came of the commands, in the same order.
pub(super) struct Outcomes {
    registrations: Vec<Registered>,
    updates: Vec<UpdateOutcome>,
    inventories: Vec<InventoryOutcome>,
}

impl Batch {
    pub(super) fn collect(commands: impl IntoIterator<Item = Command>) -> Self {
        let mut batch = Self::default();
        for command in commands {
            match command {
                Command::Register(job) => batch.registrations.push(job),
                Command::Update(job) => batch.updates.push(job),
                Command::Inventory(job) => batch.inventories.push(job),
                Command::Provides(reported) => batch.provides.push(reported),
            }
        }
        batch
    }

    pub(super) const fn len(&self) -> usize {
        self.registrations.len() + self.updates.len() + self.inventories.len() + self.provides.len()
    }

    pub(super) async fn carry_out(&self, context: &Context) -> Result<Outcomes, StorageError> {
        let now = context.clock.now();
        let tx = context.database.begin(TenantId::DEFAULT).await?;
        let mut registered = vec![None; self.registrations.len()];
        let pending_left = context.limits.total.saturating_sub(context.fleet.pending_count());
        let mut room = registrations::Room { pending_left, per_device: context.limits.per_device };
        for (tenant, jobs) in by_tenant(&self.registrations) {
            registrations::carry_out(&tx.scope_of(tenant), &jobs, &mut registered, &mut room, now).await?;
        }
        let mut updated = vec![None; self.updates.len()];
        for (tenant, jobs) in by_tenant(&self.updates) {
            updates::carry_out(&tx.scope_of(tenant), &jobs, &mut updated, now).await?;
        }
        let mut stored = vec![None; self.inventories.len()];
        for (tenant, jobs) in by_tenant(&self.inventories) {
            let (places, writes): (Vec<usize>, Vec<&InventoryWrite>) = jobs.into_iter().unzip();
            let outcomes = inventory::store(&tx.scope_of(tenant), &writes, now).await?;
            for (place, outcome) in places.into_iter().zip(outcomes) {
                put(&mut stored, place, outcome);
            }
        }
        provides::carry_out(&tx, &self.provides).await?;
        tx.commit(now).await?;
        Ok(Outcomes { registrations: all(registered)?, updates: all(updated)?, inventories: all(stored)? })
    }

    pub(super) fn answer(self, outcomes: Outcomes) {
        for (job, outcome) in self.registrations.into_iter().zip(outcomes.registrations) {
            tell(job.answer, Ok(outcome));
        }
        for (job, outcome) in self.updates.into_iter().zip(outcomes.updates) {
            tell(job.answer, Ok(outcome));
        }
        for (job, outcome) in self.inventories.into_iter().zip(outcomes.inventories) {
            tell(job.answer, Ok(outcome));
        }
    }

    pub(super) fn fail(self, err: StorageError, context: &Context) {
        for report in self.provides {
            tracing::warn!(error = chain(&err), "failed to keep reported provides");
            context.fleet.forget_provides(report.device);
        }
        let err = WriteError::Storage(Arc::new(err));
        for job in self.registrations {
            tell(job.answer, Err(err.clone()));
        }
        for job in self.updates {
            tell(job.answer, Err(err.clone()));
        }
        for job in self.inventories {
            tell(job.answer, Err(err.clone()));
        }
    }

    pub(super) fn into_singles(self) -> impl Iterator<Item = Self> {
        let registrations = self.registrations.into_iter().map(Command::Register);
        let updates = self.updates.into_iter().map(Command::Update);
        let inventories = self.inventories.into_iter().map(Command::Inventory);
        let provides = self.provides.into_iter().map(Command::Provides);
        let all = registrations.chain(updates).chain(inventories).chain(provides);
        all.map(|command| Self::collect([command]))
    }
}

/// Notes the outcome of the command at a place.
pub(super) fn put<O>(outcomes: &mut [Option<O>], place: usize, outcome: O) {
    if let Some(slot) = outcomes.get_mut(place) {
        *slot = Some(outcome);
    }
}

/// Every command has an outcome, or its writing is wrong.
fn all<O>(outcomes: Vec<Option<O>>) -> Result<Vec<O>, StorageError> {
    outcomes.into_iter().collect::<Option<_>>().ok_or(StorageError::OutOfRange("outcomes of a batch"))
}

/// A request that was given up does not wait for its answer; what it asked for is done all the same.
fn tell<O>(answer: oneshot::Sender<Result<O, WriteError>>, outcome: Result<O, WriteError>) {
    let _ = answer.send(outcome);
}

/// Inputs by tenant, each with its place among all.
fn by_tenant<I, O>(jobs: &[Job<I, O>]) -> BTreeMap<TenantId, Vec<(usize, &I)>> {
    let mut grouped: BTreeMap<TenantId, Vec<(usize, &I)>> = BTreeMap::new();
    for (at, job) in jobs.iter().enumerate() {
        grouped.entry(job.tenant).or_default().push((at, &job.input));
    }
    grouped
}
