//! Descriptions of an artifact, for programs and for people.

mod json;
mod text;

pub(super) use json::json;
pub(super) use text::text;
