//! Recovery codes of users.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use super::entity::recovery_codes::{ActiveModel, Column, Entity};
use super::{Access, StorageError, WriteScope};
use crate::ids::UserId;

/// How many codes of a user were not used.
pub async fn count(scope: &impl Access, user: UserId) -> Result<u64, StorageError> {
    let rows = Entity::find().filter(Column::UserId.eq(user.as_uuid()));
    Ok(PaginatorTrait::count(rows, &scope.executor()).await?)
}

/// Puts new codes in the place of all that a user has.
pub async fn replace(
    tx: &WriteScope<'_>,
    user: UserId,
    hmacs: &[[u8; 32]],
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    delete_of_user(tx, user).await?;
    let rows = hmacs.iter().map(|hmac| ActiveModel {
        user_id: ActiveValue::Set(user.as_uuid()),
        code_hmac: ActiveValue::Set(hmac.to_vec()),
        created_at: ActiveValue::Set(now),
    });
    Entity::insert_many(rows).exec_without_returning(&tx.executor()).await?;
    Ok(())
}

/// Uses a code up; answers whether it was there.
pub async fn use_up(tx: &WriteScope<'_>, user: UserId, hmac: &[u8; 32]) -> Result<bool, StorageError> {
    let done = Entity::delete_many()
        .filter(Column::UserId.eq(user.as_uuid()))
        .filter(Column::CodeHmac.eq(hmac.to_vec()))
        .exec(&tx.executor())
        .await?;
    Ok(done.rows_affected == 1)
}

/// Deletes all codes of a user.
pub async fn delete_of_user(tx: &WriteScope<'_>, user: UserId) -> Result<(), StorageError> {
    Entity::delete_many().filter(Column::UserId.eq(user.as_uuid())).exec(&tx.executor()).await?;
    Ok(())
}
