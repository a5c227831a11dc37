//! Secrets by which users replace their passwords.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};

use super::entity::password_resets::{ActiveModel, Column, Entity};
use super::{Access, StorageError, WriteScope};
use crate::ids::{TenantId, UserId};

/// When the secret of a user was made, if it has one.
pub async fn made_at(scope: &impl Access, user: UserId) -> Result<Option<DateTime<Utc>>, StorageError> {
    let row = Entity::find_by_id(user.as_uuid()).one(&scope.executor()).await?;
    Ok(row.map(|row| row.created_at))
}

/// Whose secret this is, and in which tenant it was made, if it is good at this moment.
pub async fn holder(
    scope: &impl Access,
    secret_sha256: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<(TenantId, UserId)>, StorageError> {
    let row = Entity::find()
        .filter(Column::SecretSha256.eq(secret_sha256.to_vec()))
        .filter(Column::ExpiresAt.gt(now))
        .one(&scope.executor())
        .await?;
    Ok(row.map(|row| (row.tenant_id.into(), row.user_id.into())))
}

/// Stores the secret of a user, instead of one that it has.
pub async fn replace(
    tx: &WriteScope<'_>,
    user: UserId,
    secret_sha256: &[u8; 32],
    (created_at, expires_at): (DateTime<Utc>, DateTime<Utc>),
) -> Result<(), StorageError> {
    let row = ActiveModel {
        user_id: ActiveValue::Set(user.as_uuid()),
        tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
        secret_sha256: ActiveValue::Set(secret_sha256.to_vec()),
        created_at: ActiveValue::Set(created_at),
        expires_at: ActiveValue::Set(expires_at),
    };
    let again = OnConflict::column(Column::UserId)
        .update_columns([Column::TenantId, Column::SecretSha256, Column::CreatedAt, Column::ExpiresAt])
        .to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(&tx.executor()).await?;
    Ok(())
}

/// Uses a secret up; answers whether it was there.
pub async fn take(tx: &WriteScope<'_>, secret_sha256: &[u8; 32]) -> Result<bool, StorageError> {
    let done = Entity::delete_many()
        .filter(Column::SecretSha256.eq(secret_sha256.to_vec()))
        .exec(&tx.executor())
        .await?;
    Ok(done.rows_affected > 0)
}

/// Deletes the secret of a user.
pub async fn delete_of_user(tx: &WriteScope<'_>, user: UserId) -> Result<(), StorageError> {
    Entity::delete_by_id(user.as_uuid()).exec(&tx.executor()).await?;
    Ok(())
}
