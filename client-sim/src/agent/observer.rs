//! Who is told what an agent does.

use crate::device::{DeviceState, Outcome};
use crate::protocol::call::RequestKind;
use crate::protocol::http::{ErrorKind, Timing};

/// Told what happens on the way. All methods are called from many tasks and must not block.
pub trait Observer: Send + Sync {
    /// A device went from one state to another.
    fn moved(&self, from: DeviceState, to: DeviceState);
    /// A request was answered.
    fn answered(&self, kind: RequestKind, code: u16, timing: Timing);
    /// A request was not answered.
    fn failed(&self, kind: RequestKind, error: ErrorKind);
    /// Bytes of an artifact came in.
    fn received(&self, bytes: u64);
    /// The first update of a device is over; `failure` says why it did not succeed.
    fn settled(&self, outcome: Outcome, failure: Option<&str>);
}
