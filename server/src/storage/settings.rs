//! What consoles keep for a tenant and for each of its users.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, EntityTrait};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::entity::settings::{ActiveModel, Column, Entity};
use super::{Access, StorageError, WriteScope};
use crate::ids::UserId;
use crate::users::settings::{Settings, SettingsOwner};

/// The owner's settings, if something was stored once.
pub async fn find(scope: &impl Access, owner: SettingsOwner) -> Result<Option<Settings>, StorageError> {
    let key = (scope.tenant().as_uuid(), owner_id(owner));
    let Some(row) = Entity::find_by_id(key).one(&scope.executor()).await? else { return Ok(None) };
    let content: Map<String, Value> = serde_json::from_str(&row.content)
        .map_err(|err| StorageError::corrupt("settings.content", err.to_string()))?;
    Ok(Some(Settings { content, edition: row.edition }))
}

/// Puts settings into the place of those that are there.
pub async fn put(
    tx: &WriteScope<'_>,
    owner: SettingsOwner,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let content = serde_json::to_string(&settings.content)
        .map_err(|err| StorageError::corrupt("settings.content", err.to_string()))?;
    let row = ActiveModel {
        tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
        owner_id: ActiveValue::Set(owner_id(owner)),
        content: ActiveValue::Set(content),
        edition: ActiveValue::Set(settings.edition),
        updated_at: ActiveValue::Set(now),
    };
    Entity::insert(row)
        .on_conflict(
            OnConflict::columns([Column::TenantId, Column::OwnerId])
                .update_columns([Column::Content, Column::Edition, Column::UpdatedAt])
                .to_owned(),
        )
        .exec_without_returning(&tx.executor())
        .await?;
    Ok(())
}

/// Forgets the settings of a user in the tenant.
pub(super) async fn delete_of_member(tx: &WriteScope<'_>, user: UserId) -> Result<(), StorageError> {
    let key = (tx.tenant().as_uuid(), user.as_uuid());
    Entity::delete_by_id(key).exec(&tx.executor()).await?;
    Ok(())
}

/// The tenant's own have no user's id.
const fn owner_id(owner: SettingsOwner) -> Uuid {
    match owner {
        SettingsOwner::Tenant => Uuid::nil(),
        SettingsOwner::User(user) => user.as_uuid(),
    }
}
