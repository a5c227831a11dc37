//! Sealed secrets: what they are for is known, what they are is not.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::entity::signing_keys::{ActiveModel, Column, Entity};
use super::{Access, StorageError, WriteScope};

/// A secret under the master key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SealedKey {
    /// Its id: the `kid` of a token-signing key.
    pub id: String,
    /// The sealed bytes.
    pub sealed: String,
}

/// The keys for a purpose, newest first.
pub async fn list(scope: &impl Access, purpose: &str) -> Result<Vec<SealedKey>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Purpose.eq(purpose))
        .order_by_desc(Column::CreatedAt)
        .all(&scope.executor())
        .await?;
    Ok(rows.into_iter().map(|row| SealedKey { id: row.id, sealed: row.sealed }).collect())
}

/// Adds a key.
pub async fn insert(
    tx: &WriteScope<'_>,
    purpose: &str,
    key: &SealedKey,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        id: ActiveValue::Set(key.id.clone()),
        purpose: ActiveValue::Set(purpose.to_owned()),
        sealed: ActiveValue::Set(key.sealed.clone()),
        created_at: ActiveValue::Set(now),
    };
    Entity::insert(row).exec_without_returning(&tx.executor()).await?;
    Ok(())
}
