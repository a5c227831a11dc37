//! The change log's rows.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::change_log::{ActiveModel, Column, Entity};
use super::patience::Executor;
use super::{Access, Change, StorageError, WriteScope};
use crate::ids::TenantId;

/// Rows in one statement: five values each, below SQLite's 32,766 and PostgreSQL's 65,535.
const ROWS_PER_STATEMENT: usize = 1_000;

/// Appends the changes of one transaction.
pub(crate) async fn append(
    executor: &Executor<'_>,
    changes: &[(TenantId, Change)],
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    for chunk in changes.chunks(ROWS_PER_STATEMENT) {
        let rows = chunk.iter().map(|(tenant, change)| ActiveModel {
            sequence: ActiveValue::NotSet,
            tenant_id: ActiveValue::Set(tenant.as_uuid()),
            kind: ActiveValue::Set(change.kind().to_owned()),
            payload: ActiveValue::Set(change.payload().to_string()),
            created_at: ActiveValue::Set(now),
        });
        Entity::insert_many(rows).exec_without_returning(executor).await?;
    }
    Ok(())
}

/// Forgets all but the newest `keep` rows, of all tenants; returns how many went.
pub async fn prune(tx: &WriteScope<'_>, keep: u64) -> Result<u64, StorageError> {
    let newest: Option<i64> = Entity::find()
        .select_only()
        .column(Column::Sequence)
        .order_by_desc(Column::Sequence)
        .into_tuple()
        .one(&tx.executor())
        .await?;
    let Some(newest) = newest else { return Ok(0) };
    let limit = newest.saturating_sub(i64::try_from(keep).unwrap_or(i64::MAX));
    Ok(Entity::delete_many().filter(Column::Sequence.lte(limit)).exec(&tx.executor()).await?.rows_affected)
}
