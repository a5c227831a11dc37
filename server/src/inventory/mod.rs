//! Inventory: what is known about devices beside who they are.
//!
//! An *attribute* is a named value in one of five *scopes*: devices report `inventory`, users write `tags`, and
//! the server itself knows `identity` and `system`. A device that reports what is stored already costs no write:
//! its *set* of attributes has a digest. A device is in at most one *group*, and a group exists while it has
//! members.

mod attribute;
mod document;
mod filters;
mod groups;
mod moments;
mod overview;
mod pattern;
mod predicate;
mod report;
mod search;
#[cfg(test)]
mod search_tests;
mod service;
mod set;
mod store;
mod tags;
#[cfg(test)]
mod tests;

pub use attribute::{Attribute, AttributeScope, AttributeValue, UnknownScope};
pub use document::{DocumentError, MAX_DESCRIPTION_BYTES, MAX_NAME_BYTES, parse};
pub use filters::{FilterError, SavedFilter, Term};
pub use groups::{GroupName, InvalidGroupName, Regrouped};
pub use moments::shown;
pub use overview::KnownAttribute;
pub use pattern::Pattern;
pub use predicate::{Comparison, Condition, InvalidPredicate, MAX_LISTED, Predicate, Test};
pub use report::{InventoryReports, ReportError};
pub use search::{Found, InvalidSearch, Search};
pub use service::{DeviceInventory, Inventory, InventoryError};
pub use set::{AttributeSet, Described, Difference};
pub use store::{InventoryMode, InventoryOutcome, InventoryWrite, store};
pub use tags::{InvalidTags, Tag, TagMode};

pub use crate::storage::inventory_list::{AttributeFilter, AttributeKey, InventoryFilter, InventoryOrder};
