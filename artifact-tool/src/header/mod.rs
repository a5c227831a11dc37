//! The header member: what the artifact is and what it needs (artifact format §5, §6).

mod assemble;
mod info;
mod merge;
mod type_info;
mod unpack;

pub(crate) use assemble::{Parts, Stored, assemble};
pub(crate) use unpack::{Scripts, unpack};
