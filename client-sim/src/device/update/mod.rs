//! One update, from the offer to the last report (device protocol §2.3 to §2.5).
//!
//! [`Update`] is a state machine inside that of the device: it takes an [`Input`] and returns the next
//! [`Step`]. [`Phase`](phase::Phase) says what it waits for.

mod course;
mod fetch;
mod install;
mod log;
mod phase;
mod report;

pub(super) use self::course::{Context, Input, Step, Update};
