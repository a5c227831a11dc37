//! Searches for devices by any of their attributes.

use futures_util::TryStreamExt;
use roaring::RoaringBitmap;
use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Select,
};
use serde_json::Value;

use super::devices::{device, number_from};
use super::entity::devices::{Column, Entity};
use super::entity::inventory_attributes;
use super::inventory_conditions::{mentions, predicate, within};
use super::inventory_list::{InventoryOrder, column as value_of, sorted, visible};
use super::{Access, Page, Scope, StorageError};
use crate::devices::Device;
use crate::ids::{DeviceId, DeviceNumber};
use crate::inventory::{AttributeKey, AttributeScope, AttributeValue, Condition, shown};

/// What a device must fulfil.
#[derive(Clone, Debug)]
pub enum Criterion {
    /// Something about an attribute.
    Attribute(AttributeKey, Condition),
    /// It is one of these.
    Devices(RoaringBitmap),
    /// It has one of these ids.
    Ids(Vec<DeviceId>),
    /// What it is or reports holds at least one of these words, in any case.
    Mentions(Vec<String>),
}

/// A part of the devices that fulfil all criteria, and how many do. Without an order, those come first that hold most
/// of the words, then the oldest.
pub async fn search(
    scope: &impl Access,
    criteria: &[Criterion],
    orders: &[InventoryOrder],
    page: Page,
) -> Result<(Vec<Device>, u64), StorageError> {
    let executor = scope.executor();
    let backend = executor.get_database_backend();
    let mut query = visible(scope);
    let mut relevance: Vec<SimpleExpr> = Vec::new();
    for criterion in criteria {
        query = match criterion {
            Criterion::Attribute(key, condition) => {
                query.filter(predicate(scope.tenant(), backend, key, condition))
            }
            Criterion::Devices(numbers) => query.filter(within(backend, numbers)),
            Criterion::Ids(ids) => query.filter(Column::Id.is_in(ids.iter().map(|id| id.as_uuid()))),
            Criterion::Mentions(words) => {
                let (fits, weight) = mentions(backend, words);
                relevance.extend(weight);
                query.filter(fits)
            }
        };
    }
    let total = query.clone().count(&executor).await?;
    query = sorted(query, backend, orders);
    if orders.is_empty() {
        query = relevance.into_iter().fold(query, QueryOrder::order_by_desc);
    }
    let rows =
        query.order_by_asc(Column::Number).offset(page.offset()).limit(page.per_page).all(&executor).await?;
    Ok((rows.into_iter().map(device).collect::<Result<_, _>>()?, total))
}

/// The devices whose attribute fits; it is read from all devices that have it, a row at a time.
pub async fn scan(
    scope: &Scope,
    key: &AttributeKey,
    mut fits: impl FnMut(&AttributeValue) -> bool + Send,
) -> Result<RoaringBitmap, StorageError> {
    let mut found = RoaringBitmap::new();
    let mut look = |number: i32, value: Option<AttributeValue>| -> Result<(), StorageError> {
        if value.is_some_and(|value| fits(&value)) {
            let number: DeviceNumber = number_from(number)?;
            found.insert(number.as_u32());
        }
        Ok(())
    };
    match (key.scope, key.name.as_str()) {
        (AttributeScope::Inventory | AttributeScope::Monitor | AttributeScope::Tags, name) => {
            use inventory_attributes::Column as Stored;
            let mut rows = inventory_attributes::Entity::find()
                .filter(Stored::TenantId.eq(scope.tenant().as_uuid()))
                .filter(Stored::Scope.eq(key.scope.as_str()))
                .filter(Stored::Name.eq(name))
                .select_only()
                .columns([Stored::DeviceNumber, Stored::Value])
                .into_tuple::<(i32, String)>()
                .stream(scope.connection())
                .await?;
            while let Some((number, value)) = rows.try_next().await? {
                let value: Option<Value> = serde_json::from_str(&value).ok();
                look(number, value.as_ref().and_then(AttributeValue::from_json))?;
            }
        }
        (AttributeScope::Identity, name) => {
            let column = match name {
                "status" => value_of(Column::Status),
                "id" => id_text(scope.connection().get_database_backend()),
                _ => value_of(Column::IdentityData),
            };
            let is_known = matches!(name, "status" | "id");
            let mut rows =
                narrow(scope, column).into_tuple::<(i32, String)>().stream(scope.connection()).await?;
            while let Some((number, text)) = rows.try_next().await? {
                let value = if is_known {
                    Some(AttributeValue::Text(text))
                } else {
                    let identity: Option<Value> = serde_json::from_str(&text).ok();
                    identity.and_then(|identity| AttributeValue::from_json(identity.get(name)?))
                };
                look(number, value)?;
            }
        }
        (AttributeScope::System, "group") => {
            let query = narrow(scope, value_of(Column::GroupName)).filter(Column::GroupName.is_not_null());
            let mut rows = query.into_tuple::<(i32, String)>().stream(scope.connection()).await?;
            while let Some((number, group)) = rows.try_next().await? {
                look(number, Some(AttributeValue::Text(group)))?;
            }
        }
        (AttributeScope::System, name @ ("created_ts" | "updated_ts")) => {
            let column = if name == "created_ts" { Column::CreatedAt } else { Column::UpdatedAt };
            let query = narrow(scope, value_of(column));
            let mut rows =
                query.into_tuple::<(i32, chrono::DateTime<chrono::Utc>)>().stream(scope.connection()).await?;
            while let Some((number, moment)) = rows.try_next().await? {
                look(number, Some(AttributeValue::Text(shown(moment))))?;
            }
        }
        (AttributeScope::System, _) => {}
    }
    Ok(found)
}

/// The id of a device as text.
pub(super) fn id_text(backend: DbBackend) -> SimpleExpr {
    Expr::cust(if backend == DbBackend::Postgres {
        "CAST(devices.id AS text)"
    } else {
        "lower(substr(hex(devices.id), 1, 8) || '-' || substr(hex(devices.id), 9, 4) || '-' || \
         substr(hex(devices.id), 13, 4) || '-' || substr(hex(devices.id), 17, 4) || '-' || substr(hex(devices.id), 21))"
    })
}

fn narrow(scope: &Scope, column: SimpleExpr) -> Select<Entity> {
    visible(scope).select_only().column(Column::Number).column_as(column, "value")
}
