//! Tenants: customers, between whom there is a wall.
//!
//! One exists without configuration, the default tenant; its administrators make others. A user can be a *member* of
//! several, with other roles in each, and works in one at a time. A device names its tenant with the *tenant token*
//! that its client is configured with; without one it belongs to the default tenant.

mod members;
mod own;
mod service;
mod tenant;
#[cfg(test)]
mod tests;
mod token;

pub use members::{NewTenantMember, TenantMembers};
pub use own::{OwnTenants, TenantEntry};
pub use service::{TenantChange, TenantError, Tenants};
pub use tenant::{Tenant, TenantStatus, UnknownTenantStatus};
pub use token::{TOKEN_PREFIX, TenantTokenDigest, TenantTokens};
