//! What devices last reported to provide.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};

use super::devices::number_column;
use super::entity::device_provides::{ActiveModel, Column, Entity};
use super::{Access as _, StorageError, WriteScope};
use crate::ids::DeviceNumber;

/// Stores what a device reported, in place of what it reported before.
pub async fn store(
    tx: &WriteScope<'_>,
    device: DeviceNumber,
    digest: u64,
    provides: &str,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        device_number: ActiveValue::Set(number_column(device)),
        digest: ActiveValue::Set(digest.cast_signed()),
        provides: ActiveValue::Set(provides.to_owned()),
    };
    Entity::insert(row)
        .on_conflict(
            OnConflict::column(Column::DeviceNumber)
                .update_columns([Column::Digest, Column::Provides])
                .to_owned(),
        )
        .exec_without_returning(&tx.executor())
        .await?;
    Ok(())
}

/// Forgets a device.
pub async fn delete(tx: &WriteScope<'_>, device: DeviceNumber) -> Result<(), StorageError> {
    Entity::delete_many().filter(Column::DeviceNumber.eq(number_column(device))).exec(&tx.executor()).await?;
    Ok(())
}
