//! Inventory attributes, a row each.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::devices::{number_column, number_from};
use super::entity::devices;
use super::entity::inventory_attributes::{ActiveModel, Column, Entity, Model};
use super::{Access, StorageError, WriteScope};
use crate::crypto::first_u64;
use crate::ids::DeviceNumber;
use crate::inventory::{Attribute, AttributeScope, AttributeValue, Difference};

/// Rows in one `INSERT`: nine values each.
const ROWS_PER_STATEMENT: usize = 1_000;

/// Values in one `IN (…)`.
const KEYS_PER_STATEMENT: usize = 10_000;

/// The devices among these that the tenant has.
pub async fn existing(
    scope: &impl Access,
    numbers: &[DeviceNumber],
) -> Result<Vec<DeviceNumber>, StorageError> {
    let mut found = Vec::with_capacity(numbers.len());
    for chunk in numbers.chunks(KEYS_PER_STATEMENT) {
        let rows: Vec<i32> = devices::Entity::find()
            .filter(devices::Column::TenantId.eq(scope.tenant().as_uuid()))
            .filter(devices::Column::Number.is_in(chunk.iter().copied().map(number_column)))
            .select_only()
            .column(devices::Column::Number)
            .into_tuple()
            .all(&scope.executor())
            .await?;
        for row in rows {
            found.push(number_from(row)?);
        }
    }
    Ok(found)
}

/// The stored attributes of these devices in these scopes, by device, scope and name.
pub async fn of_devices(
    scope: &impl Access,
    numbers: &[DeviceNumber],
    scopes: &[AttributeScope],
) -> Result<Vec<(DeviceNumber, Attribute)>, StorageError> {
    let mut found = Vec::new();
    for chunk in numbers.chunks(KEYS_PER_STATEMENT) {
        let rows = Entity::find()
            .filter(Column::TenantId.eq(scope.tenant().as_uuid()))
            .filter(Column::DeviceNumber.is_in(chunk.iter().copied().map(number_column)))
            .filter(Column::Scope.is_in(scopes.iter().map(|scope| scope.as_str())))
            .order_by_asc(Column::DeviceNumber)
            .order_by_asc(Column::Scope)
            .order_by_asc(Column::Name)
            .all(&scope.executor())
            .await?;
        for row in rows {
            found.push((number_from(row.device_number)?, attribute(row)?));
        }
    }
    Ok(found)
}

/// Writes what changed in one scope of devices.
pub async fn apply(
    tx: &WriteScope<'_>,
    scope: AttributeScope,
    differences: &[(DeviceNumber, Difference)],
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    for (number, difference) in differences.iter().filter(|(_, difference)| !difference.removed.is_empty()) {
        Entity::delete_many()
            .filter(Column::DeviceNumber.eq(number_column(*number)))
            .filter(Column::Scope.eq(scope.as_str()))
            .filter(Column::Name.is_in(&difference.removed))
            .exec(&tx.executor())
            .await?;
    }
    let rows: Vec<ActiveModel> = differences
        .iter()
        .flat_map(|(number, difference)| difference.written.iter().map(move |written| (*number, written)))
        .map(|(number, (name, described))| {
            let value = described.value.to_json().to_string();
            ActiveModel {
                device_number: ActiveValue::Set(number_column(number)),
                scope: ActiveValue::Set(scope.as_str().to_owned()),
                name: ActiveValue::Set(name.clone()),
                tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
                value_hash: ActiveValue::Set(value_hash(&value)),
                value: ActiveValue::Set(value),
                number: ActiveValue::Set(number_of(&described.value)),
                description: ActiveValue::Set(described.description.clone()),
                updated_at: ActiveValue::Set(now),
            }
        })
        .collect();
    for chunk in rows.chunks(ROWS_PER_STATEMENT) {
        Entity::insert_many(chunk.iter().cloned())
            .on_conflict(
                OnConflict::columns([Column::DeviceNumber, Column::Scope, Column::Name])
                    .update_columns([
                        Column::Value,
                        Column::ValueHash,
                        Column::Number,
                        Column::Description,
                        Column::UpdatedAt,
                    ])
                    .to_owned(),
            )
            .exec_without_returning(&tx.executor())
            .await?;
    }
    Ok(())
}

/// Forgets all attributes of a device.
pub async fn delete_of_device(tx: &WriteScope<'_>, number: DeviceNumber) -> Result<(), StorageError> {
    Entity::delete_many().filter(Column::DeviceNumber.eq(number_column(number))).exec(&tx.executor()).await?;
    Ok(())
}

/// What the index on values holds for a value's JSON text.
pub(super) fn value_hash(json: &str) -> i64 {
    first_u64(&Sha256::digest(json)).cast_signed()
}

fn number_of(value: &AttributeValue) -> Option<f64> {
    match value {
        AttributeValue::Number(number) => Some(*number),
        AttributeValue::Text(_) | AttributeValue::Texts(_) | AttributeValue::Numbers(_) => None,
    }
}

fn attribute(row: Model) -> Result<Attribute, StorageError> {
    let value = match row.number {
        // Not from its text, whose parser may be off by the last bit.
        Some(number) => Some(AttributeValue::Number(number)),
        None => serde_json::from_str::<Value>(&row.value).ok().as_ref().and_then(AttributeValue::from_json),
    };
    Ok(Attribute {
        scope: row
            .scope
            .parse()
            .map_err(|_| StorageError::corrupt("inventory_attributes.scope", row.scope))?,
        name: row.name,
        value: value.ok_or_else(|| StorageError::corrupt("inventory_attributes.value", row.value))?,
        description: row.description,
        updated_at: Some(row.updated_at),
    })
}
