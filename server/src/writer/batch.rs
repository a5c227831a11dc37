//! Commands that are carried out in one transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::provides::ReportedProvides;
use super::registrations::{Registered, Registration};
use super::updates::{DeviceUpdate, UpdateOutcome};
use super::{Command, Context, WriteError, provides, registrations, updates};
use crate::ids::TenantId;
use crate::inventory::{self, InventoryWrite};
use crate::storage::StorageError;

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
    inventories: Vec<Job<InventoryWrite, ()>>,
    provides: Vec<ReportedProvides>,
}

/// What came of the commands, in the same order.
pub(super) struct Outcomes {
    registrations: Vec<Registered>,
    updates: Vec<UpdateOutcome>,
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
        for (tenant, jobs) in by_tenant(&self.registrations) {
            registrations::carry_out(&tx.scope_of(tenant), &jobs, &mut registered, context, now).await?;
        }
        let mut updated = vec![None; self.updates.len()];
        for (tenant, jobs) in by_tenant(&self.updates) {
            updates::carry_out(&tx.scope_of(tenant), &jobs, &mut updated, now).await?;
        }
        for (tenant, jobs) in by_tenant(&self.inventories) {
            let writes: Vec<&InventoryWrite> = jobs.into_iter().map(|(_, write)| write).collect();
            inventory::store(&tx.scope_of(tenant), &writes, now).await?;
        }
        provides::carry_out(&tx, &self.provides).await?;
        tx.commit(now).await?;
        Ok(Outcomes {
            registrations: registered
                .into_iter()
                .map(|outcome| outcome.unwrap_or(Registered::TooMany))
                .collect(),
            updates: updated.into_iter().map(|outcome| outcome.unwrap_or(UpdateOutcome::Unknown)).collect(),
        })
    }

    pub(super) fn answer(self, outcomes: Outcomes) {
        for (job, outcome) in self.registrations.into_iter().zip(outcomes.registrations) {
            tell(job.answer, Ok(outcome));
        }
        for (job, outcome) in self.updates.into_iter().zip(outcomes.updates) {
            tell(job.answer, Ok(outcome));
        }
        for job in self.inventories {
            tell(job.answer, Ok(()));
        }
    }

    pub(super) fn fail(self, err: StorageError) {
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
