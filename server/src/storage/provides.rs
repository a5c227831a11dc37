//! What devices last reported to provide.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};

use super::devices::number_column;
use super::entity::device_provides::{ActiveModel, Column, Entity};
use super::{Access as _, StorageError, WriteScope};
use crate::ids::DeviceNumber;

/// What one device reported.
#[derive(Clone, Copy, Debug)]
pub struct ReportedProvides<'a> {
    /// The device.
    pub device: DeviceNumber,
    /// Recognises the same report.
    pub digest: u64,
    /// The JSON object that it sent.
    pub provides: &'a str,
}

/// Stores what devices reported, each in place of what it reported before; a device must occur only once.
pub async fn store(tx: &WriteScope<'_>, reported: &[ReportedProvides<'_>]) -> Result<(), StorageError> {
    if reported.is_empty() {
        return Ok(());
    }
    let rows = reported.iter().map(|one| ActiveModel {
        device_number: ActiveValue::Set(number_column(one.device)),
        digest: ActiveValue::Set(one.digest.cast_signed()),
        provides: ActiveValue::Set(one.provides.to_owned()),
    });
    let replace = OnConflict::column(Column::DeviceNumber)
        .update_columns([Column::Digest, Column::Provides])
        .to_owned();
    Entity::insert_many(rows).on_conflict(replace).exec_without_returning(&tx.executor()).await?;
    Ok(())
}

/// Forgets a device.
pub async fn delete(tx: &WriteScope<'_>, device: DeviceNumber) -> Result<(), StorageError> {
    Entity::delete_many().filter(Column::DeviceNumber.eq(number_column(device))).exec(&tx.executor()).await?;
    Ok(())
}
