//! Networks that users logged in from.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter};

use super::entity::known_sites::{ActiveModel, Column, Entity};
use super::{Access, StorageError, WriteScope};
use crate::ids::UserId;
use crate::throttle::Site;

/// Answers whether a user logged in from a site at this moment or after.
pub async fn is_known(
    scope: &impl Access,
    user: UserId,
    site: Site,
    since: DateTime<Utc>,
) -> Result<bool, StorageError> {
    let row = Entity::find_by_id((user.as_uuid(), site.to_string())).one(&scope.executor()).await?;
    Ok(row.is_some_and(|row| row.login_at >= since))
}

/// Answers whether a user was logged in from any site that is remembered.
pub async fn any(scope: &impl Access, user: UserId) -> Result<bool, StorageError> {
    let found = Entity::find().filter(Column::UserId.eq(user.as_uuid()));
    Ok(found.one(&scope.executor()).await?.is_some())
}

/// Notes that a user logged in from a site.
pub async fn note(
    tx: &WriteScope<'_>,
    user: UserId,
    site: Site,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        user_id: ActiveValue::Set(user.as_uuid()),
        site: ActiveValue::Set(site.to_string()),
        login_at: ActiveValue::Set(now),
    };
    let again = OnConflict::columns([Column::UserId, Column::Site]).update_column(Column::LoginAt).to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(&tx.executor()).await?;
    Ok(())
}

/// Deletes what is known of a user.
pub async fn delete_of_user(tx: &WriteScope<'_>, user: UserId) -> Result<(), StorageError> {
    Entity::delete_many().filter(Column::UserId.eq(user.as_uuid())).exec(&tx.executor()).await?;
    Ok(())
}

/// Deletes what was last known before a moment, of all users.
pub async fn delete_before(tx: &WriteScope<'_>, moment: DateTime<Utc>) -> Result<(), StorageError> {
    Entity::delete_many().filter(Column::LoginAt.lt(moment)).exec(&tx.executor()).await?;
    Ok(())
}
