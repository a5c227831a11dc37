//! The group-commit writer: what devices cause to be written.
//!
//! Requests hand over typed commands and wait. The writer takes all that are queued, loads the rows they
//! concern once, runs the pure state machines, writes many rows a statement in one transaction, and answers
//! each request after the commit. A batch that fails is run again one command at a time, so that one bad
//! command fails alone.

mod batch;
mod provides;
mod registrations;
#[cfg(test)]
mod tests;
mod updates;

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

pub use registrations::{Registered, Registration};
pub use updates::{DeviceUpdate, UpdateAction, UpdateOutcome};

use self::batch::{Batch, Job};
use crate::clock::Clock;
use crate::fleet::FleetIndex;
use crate::ids::{DeviceNumber, TenantId};
use crate::inventory::{InventoryOutcome, InventoryWrite};
use crate::storage::{Database, StorageError};

/// Commands that may wait; beyond, requests are answered with 503.
const QUEUE: usize = 4_096;

/// Commands in one transaction.
const BATCH: usize = 512;

/// Why a command was not carried out.
#[derive(Clone, Debug, thiserror::Error)]
pub enum WriteError {
    /// Too many commands wait.
    #[error("too many writes are waiting")]
    Overloaded,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopped,
    /// Storage refused.
    #[error("failed to store")]
    Storage(#[source] Arc<StorageError>),
}

/// What the writer was told about how much may wait for operators.
#[derive(Clone, Copy, Debug)]
pub struct PendingLimits {
    /// Pending authentication sets of all tenants.
    pub total: u64,
    /// Pending authentication sets of one device; the oldest gives way.
    pub per_device: usize,
}

pub(crate) enum Command {
    Register(Job<Registration, Registered>),
    Update(Job<DeviceUpdate, UpdateOutcome>),
    Inventory(Job<InventoryWrite, InventoryOutcome>),
    Provides(provides::ProvidesReport),
}

/// A way to the writer; cheap to clone.
#[derive(Clone)]
pub struct Writer {
    commands: mpsc::Sender<Command>,
}

impl Writer {
    /// Starts the writer. It ends when the last handle is dropped and the queue is empty.
    #[must_use]
    pub fn start(
        database: Database,
        fleet: Arc<FleetIndex>,
        clock: Arc<dyn Clock>,
        limits: PendingLimits,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let (commands, queue) = mpsc::channel(QUEUE);
        let task = tokio::spawn(run(queue, Context { database, fleet, clock, limits }));
        (Self { commands }, task)
    }

    /// Registers a device or a key that the index does not know, or promotes a preauthorized one.
    pub async fn register(
        &self,
        tenant: TenantId,
        registration: Registration,
    ) -> Result<Registered, WriteError> {
        self.submit(tenant, registration, Command::Register).await
    }

    /// Begins, reports or logs a device deployment.
    pub async fn update(&self, tenant: TenantId, update: DeviceUpdate) -> Result<UpdateOutcome, WriteError> {
        self.submit(tenant, update, Command::Update).await
    }

    /// Stores a device's inventory.
    pub async fn inventory(
        &self,
        tenant: TenantId,
        write: InventoryWrite,
    ) -> Result<InventoryOutcome, WriteError> {
        self.check_room_for_reports()?;
        self.submit(tenant, write, Command::Inventory).await
    }

    /// Keeps what a device reports to provide. Nobody waits for it; an error says that it was not even queued.
    pub fn provides(
        &self,
        tenant: TenantId,
        device: DeviceNumber,
        digest: u64,
        provides: String,
    ) -> Result<(), WriteError> {
        self.check_room_for_reports()?;
        let report = provides::ProvidesReport { tenant, device, digest, provides };
        self.commands.try_send(Command::Provides(report)).map_err(|err| refusal(&err))
    }

    /// Answers whether commands are still carried out.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.commands.is_closed()
    }

    /// Commands that wait to be carried out.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        let waiting = self.commands.max_capacity().saturating_sub(self.commands.capacity());
        u64::try_from(waiting).unwrap_or(u64::MAX)
    }

    /// How full the queue is, from 0 to 100.
    #[must_use]
    pub fn fill_percent(&self) -> u8 {
        u8::try_from(self.waiting().saturating_mul(100) / u64::try_from(QUEUE).unwrap_or(u64::MAX))
            .unwrap_or(100)
    }

    async fn submit<I, O>(
        &self,
        tenant: TenantId,
        input: I,
        command: impl FnOnce(Job<I, O>) -> Command,
    ) -> Result<O, WriteError> {
        let (answer, answered) = oneshot::channel();
        self.commands.try_send(command(Job { tenant, input, answer })).map_err(|err| refusal(&err))?;
        answered.await.map_err(|_| WriteError::Stopped)?
    }

    /// What devices send again anyway gives way first: the second half of the queue is kept for registrations
    /// and for what is said about deployments.
    fn check_room_for_reports(&self) -> Result<(), WriteError> {
        if self.commands.capacity() < QUEUE / 2 { Err(WriteError::Overloaded) } else { Ok(()) }
    }
}

const fn refusal(err: &mpsc::error::TrySendError<Command>) -> WriteError {
    match err {
        mpsc::error::TrySendError::Full(_) => WriteError::Overloaded,
        mpsc::error::TrySendError::Closed(_) => WriteError::Stopped,
    }
}

/// What commands are carried out with.
pub(crate) struct Context {
    pub(crate) database: Database,
    pub(crate) fleet: Arc<FleetIndex>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: PendingLimits,
}

async fn run(mut queue: mpsc::Receiver<Command>, context: Context) {
    let mut commands = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut commands, BATCH).await > 0 {
        let batch = Batch::collect(commands.drain(..));
        match batch.carry_out(&context).await {
            Ok(outcomes) => batch.answer(outcomes),
            // Alone, none would fare better.
            Err(err) if batch.len() == 1 || err.is_outage() => batch.fail(err, &context),
            Err(err) => {
                tracing::warn!(error = %err, commands = batch.len(), "a batch failed, running its commands one by one");
                for single in batch.into_singles() {
                    match single.carry_out(&context).await {
                        Ok(outcomes) => single.answer(outcomes),
                        Err(err) => single.fail(err, &context),
                    }
                }
            }
        }
    }
}
