//! What tenants ask of the signatures of artifacts.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue, EntityTrait};

use super::entity::signature_policies::{ActiveModel, Column, Entity};
use super::{Access, StorageError, WriteScope};
use crate::ids::UserId;
use crate::releases::SignaturePolicy;

/// The tenant's policy, if it has one.
pub async fn find(scope: &impl Access) -> Result<Option<SignaturePolicy>, StorageError> {
    let row = Entity::find_by_id(scope.tenant().as_uuid()).one(&scope.executor()).await?;
    let parse = |text: String| {
        text.parse().map_err(|_| StorageError::corrupt("signature_policies.policy", text.clone()))
    };
    row.map(|row| parse(row.policy)).transpose()
}

/// Gives the tenant a policy; `by` nobody if it comes from the configuration.
pub async fn set(
    tx: &WriteScope<'_>,
    policy: SignaturePolicy,
    by: Option<UserId>,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    let row = ActiveModel {
        tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
        policy: ActiveValue::Set(policy.as_str().to_owned()),
        updated_at: ActiveValue::Set(now),
        updated_by: ActiveValue::Set(by.map(UserId::as_uuid)),
    };
    Entity::insert(row)
        .on_conflict(
            OnConflict::column(Column::TenantId)
                .update_columns([Column::Policy, Column::UpdatedAt, Column::UpdatedBy])
                .to_owned(),
        )
        .exec_without_returning(&tx.executor())
        .await?;
    Ok(())
}
