//! What the devices of a tenant have, all in all.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select};

use super::devices::number_from;
use super::entity::devices::{Column, Entity};
use super::entity::inventory_attributes;
use super::inventory_list::visible;
use super::{Access, StorageError};
use crate::devices::{DeviceStatus, Identity};
use crate::ids::DeviceNumber;
use crate::inventory::AttributeScope;

/// A device of a sample.
#[derive(Clone, Debug)]
pub struct SampledDevice {
    /// Its place in arrays.
    pub number: DeviceNumber,
    /// Who it claims to be.
    pub identity: Identity,
    /// Whether it is in a group.
    pub is_grouped: bool,
}

/// The newest devices, at most `limit`.
pub async fn newest(scope: &impl Access, limit: u64) -> Result<Vec<SampledDevice>, StorageError> {
    let rows: Vec<(i32, String, Option<String>)> = sample(scope, limit)
        .columns([Column::Number, Column::IdentityData, Column::GroupName])
        .into_tuple()
        .all(&scope.executor())
        .await?;
    let device = |(number, identity, group): (i32, String, Option<String>)| {
        Ok(SampledDevice {
            number: number_from(number)?,
            identity: Identity::from_stored(identity),
            is_grouped: group.is_some(),
        })
    };
    rows.into_iter().map(device).collect()
}

/// The stored attributes that the newest devices have, and how many of them have each.
pub async fn attributes_of_newest(
    scope: &impl Access,
    limit: u64,
) -> Result<Vec<(AttributeScope, String, u64)>, StorageError> {
    use inventory_attributes::Column as Stored;
    let newest = sample(scope, limit).column(Column::Number).into_query();
    let count = Expr::col(Stored::DeviceNumber).count();
    let rows: Vec<(String, String, i64)> = inventory_attributes::Entity::find()
        .filter(Stored::TenantId.eq(scope.tenant().as_uuid()))
        .filter(Stored::DeviceNumber.in_subquery(newest))
        .select_only()
        .columns([Stored::Scope, Stored::Name])
        .column_as(count, "devices")
        .group_by(Stored::Scope)
        .group_by(Stored::Name)
        .into_tuple()
        .all(&scope.executor())
        .await?;
    rows.into_iter()
        .map(|(known, name, count)| {
            let known =
                known.parse().map_err(|_| StorageError::corrupt("inventory_attributes.scope", known))?;
            Ok((known, name, count.unsigned_abs()))
        })
        .collect()
}

/// How many devices have each status; those that none has are missing.
pub async fn statuses(scope: &impl Access) -> Result<Vec<(DeviceStatus, u64)>, StorageError> {
    let rows: Vec<(String, i64)> = visible(scope)
        .select_only()
        .column(Column::Status)
        .column_as(Expr::col((Entity, Column::Number)).count(), "devices")
        .group_by(Column::Status)
        .into_tuple()
        .all(&scope.executor())
        .await?;
    rows.into_iter()
        .map(|(status, count)| {
            let status = status.parse().map_err(|_| StorageError::corrupt("devices.status", status))?;
            Ok((status, count.unsigned_abs()))
        })
        .collect()
}

fn sample(scope: &impl Access, limit: u64) -> Select<Entity> {
    visible(scope).select_only().order_by_desc(Column::Number).limit(limit)
}
