//! The hostile collection: artifacts that break one rule of the format each.
//!
//! Every [`Case`] is one file, names the rule that it breaks (artifact format §1 to §13), and what the strict reader
//! has to say about it: the rule's code and the member. The program of this crate writes all of them to a folder.
//! [`measured`] tells what a program took to refuse one.

pub mod augment;
mod bombs;
mod case;
mod compression;
mod container;
mod data;
mod header;
mod manifest;
pub mod measured;
mod members;
pub mod sample;
mod signature;
mod streams;

pub use case::{Case, PUBLIC_KEY, Trust, cases};
