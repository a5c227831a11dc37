//! When devices were last seen: a narrow table, written in large batches.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};

use super::devices::number_column;
use super::entity::device_sightings::{ActiveModel, Column, Entity};
use super::{Access as _, StorageError, WriteScope};
use crate::ids::DeviceNumber;

/// Rows in one statement: two values each, below SQLite's 32,766 values.
const ROWS_PER_STATEMENT: usize = 10_000;

/// Stores when devices were last seen, in seconds since 1970.
pub async fn store(tx: &WriteScope<'_>, sightings: &[(DeviceNumber, u32)]) -> Result<(), StorageError> {
    for chunk in sightings.chunks(ROWS_PER_STATEMENT) {
        let rows = chunk.iter().map(|(number, seen_at)| ActiveModel {
            device_number: ActiveValue::Set(number_column(*number)),
            seen_at: ActiveValue::Set(i64::from(*seen_at)),
        });
        Entity::insert_many(rows)
            .on_conflict(OnConflict::column(Column::DeviceNumber).update_column(Column::SeenAt).to_owned())
            .exec_without_returning(&tx.executor())
            .await?;
    }
    Ok(())
}

/// Forgets a device.
pub async fn delete(tx: &WriteScope<'_>, number: DeviceNumber) -> Result<(), StorageError> {
    Entity::delete_many().filter(Column::DeviceNumber.eq(number_column(number))).exec(&tx.executor()).await?;
    Ok(())
}
