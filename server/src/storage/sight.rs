//! Which part of a tenant's rows may be seen.

use std::collections::BTreeSet;

use sea_orm::sea_query::{Query, SelectStatement};
use sea_orm::{ColumnTrait, Condition};

use super::Access;
use super::entity::{deployment_groups, devices, release_tags};
use crate::users::Reach;

/// Which part of a tenant's rows may be seen and changed. What is outside is as if it were not there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sight {
    /// Devices by their groups, and with them their authentication sets, inventory and deployments. A device in no
    /// group is seen by who sees everything. A deployment is seen if all of its targets were in groups that are seen.
    pub devices: Reach,
    /// Releases by their tags, and with them their artifacts.
    pub releases: Reach,
}

impl Sight {
    /// The whole tenant.
    pub const EVERYTHING: Self = Self { devices: Reach::Everything, releases: Reach::Everything };

    /// The groups whose devices are seen; `None` for all devices.
    #[must_use]
    pub const fn groups(&self) -> Option<&BTreeSet<String>> {
        only(&self.devices)
    }

    /// The tags whose releases are seen; `None` for all releases.
    #[must_use]
    pub const fn tags(&self) -> Option<&BTreeSet<String>> {
        only(&self.releases)
    }
}

const fn only(reach: &Reach) -> Option<&BTreeSet<String>> {
    match reach {
        Reach::Everything => None,
        Reach::Only(names) => Some(names),
    }
}

/// The condition that a row of `devices` is in sight.
pub(super) fn device_seen(scope: &impl Access) -> Condition {
    match scope.sight().groups() {
        None => Condition::all(),
        Some(groups) => Condition::all().add(devices::Column::GroupName.is_in(groups)),
    }
}

/// The condition that the device of a row is in sight, by the column that has its number.
pub(super) fn device_number_seen(scope: &impl Access, number: impl ColumnTrait) -> Condition {
    match seen_numbers(scope) {
        None => Condition::all(),
        Some(numbers) => Condition::all().add(number.in_subquery(numbers)),
    }
}

/// The numbers of the devices in sight; `None` for all.
pub(super) fn seen_numbers(scope: &impl Access) -> Option<SelectStatement> {
    let groups = scope.sight().groups()?;
    let numbers = Query::select()
        .column(devices::Column::Number)
        .from(devices::Entity)
        .and_where(devices::Column::TenantId.eq(scope.tenant().as_uuid()))
        .and_where(devices::Column::GroupName.is_in(groups))
        .to_owned();
    Some(numbers)
}

/// The condition that the deployment of a row is in sight, by the column that has its id.
pub(super) fn deployment_seen(scope: &impl Access, id: impl ColumnTrait) -> Condition {
    use deployment_groups::Column;
    let Some(groups) = scope.sight().groups() else { return Condition::all() };
    let ids = || {
        Query::select()
            .column(Column::DeploymentId)
            .from(deployment_groups::Entity)
            .and_where(Column::TenantId.eq(scope.tenant().as_uuid()))
            .to_owned()
    };
    let within = ids().and_where(Column::GroupName.is_in(groups)).to_owned();
    let beyond = ids().and_where(Column::GroupName.is_not_in(groups)).to_owned();
    Condition::all().add(id.in_subquery(within)).add(id.not_in_subquery(beyond))
}

/// The condition that the release of a row is in sight, by the column that has its name.
pub(super) fn release_seen(scope: &impl Access, name: impl ColumnTrait) -> Condition {
    use release_tags::Column;
    let Some(tags) = scope.sight().tags() else { return Condition::all() };
    let tagged = Query::select()
        .column(Column::ReleaseName)
        .from(release_tags::Entity)
        .and_where(Column::TenantId.eq(scope.tenant().as_uuid()))
        .and_where(Column::Tag.is_in(tags))
        .to_owned();
    Condition::all().add(name.in_subquery(tagged))
}
