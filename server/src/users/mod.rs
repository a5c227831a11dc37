//! Users (being written).
pub mod setup;
/// Permission.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Permission {
    DevicesRead,
    DevicesDecide,
    DevicesPreauthorize,
    DevicesDecommission,
    DeploymentsRead,
    DeploymentsCreate,
    DeploymentsAbort,
}
/// Principal
#[derive(Debug)]
pub struct Principal {
    pub tenant: crate::ids::TenantId,
}
