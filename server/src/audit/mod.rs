//! The audit trail: who changed what, from where, when, and with which outcome.
//!
//! An *event* says what was done to which *object*; the *actor* travels in the scope of storage. Both are stored as a
//! *record* in the transaction of the change itself, so that one does not exist without the other. Records form one
//! *chain* for the database: each holds the hash of the one before, so that none can be changed, removed or moved
//! without a trace (user authentication §9). *Checkpoints* are ends of the chain that the server signed, each hour and
//! when somebody asks; a copy that is kept elsewhere shows what was cut off. Old records are dropped up to a checkpoint
//! that is signed again as *sealed*.

mod action;
mod actor;
mod checkpoint;
mod checkpoint_file;
mod custody;
mod event;
mod object;
mod record;
mod trail;
mod verify;

pub use action::Action;
pub use actor::{Actor, ActorKind, Origin, Who};
pub use checkpoint::Checkpoint;
pub use checkpoint_file::{CheckpointFile, InvalidCheckpoint};
pub use custody::{Custody, CustodyError};
pub use event::{Event, Outcome};
pub use object::{Object, ObjectKind};
pub use record::{GENESIS, Hash, Record};
pub use trail::{Trail, TrailFilter};
pub use verify::{Fault, Findings, verify};
