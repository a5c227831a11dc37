//! The strict streaming reader (artifact format §13).
//!
//! Checks order, sizes and digests while bytes pass, in constant memory: the header is kept (bounded), payload
//! bytes never are. Nothing may be acted upon before [`Reader::payloads`] or [`read`] returned: a wrong digest
//! at the end voids every byte that was handed out.

mod error;
mod front;
mod options;
mod outer;
mod payload;
mod reader;
mod rule;
mod survey;

pub(crate) use error::{Cut, Fault};
pub use error::{ReadError, Refusal};
pub use options::{ReadOptions, SignatureJudge};
pub use payload::{Discard, PayloadSink};
pub use reader::{Reader, read};
pub use rule::Rule;
pub use survey::{Survey, survey};
