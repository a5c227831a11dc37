//! Fleets that exist before anything is measured.

mod devices;
mod fleet;
mod keys;
mod logins;
mod tokens;

pub(crate) use devices::{DEVICE_TYPE, PROVIDES};
pub(crate) use fleet::Fleet;
pub(crate) use keys::KeyPool;
pub(crate) use logins::{Kind, SignedRequests};
