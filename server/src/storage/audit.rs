//! The audit trail's rows: one chain for all tenants of the database.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveValue, ColumnTrait, EntityTrait, Order, PaginatorTrait as _, QueryFilter, QueryOrder, QuerySelect,
    Select,
};

use super::entity::audit_chain;
use super::entity::audit_events::{ActiveModel, Column, Entity, Model};
use super::patience::Executor;
use super::{Access, Page, StorageError, WriteScope};
use crate::audit::{Actor, ActorKind, Event, Hash, ObjectKind, Record, TrailFilter};
use crate::ids::TenantId;

/// Rows in one statement: twenty values each, below SQLite's 32,766 and PostgreSQL's 65,535.
const ROWS_PER_STATEMENT: usize = 1_000;

/// The one row of the table.
const CHAIN: i32 = 1;

/// Appends the events of one transaction to the chain.
pub(crate) async fn append(
    executor: &Executor<'_>,
    actor: &Actor,
    events: &[(TenantId, Event)],
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    if events.is_empty() {
        return Ok(());
    }
    // Before it is read: on PostgreSQL this waits for another process that is appending.
    advance(executor, i64::try_from(events.len()).unwrap_or(i64::MAX)).await?;
    let (end, mut previous) = end_of(executor).await?;
    let mut sequence = end - i64::try_from(events.len()).unwrap_or(i64::MAX);
    let mut records = Vec::with_capacity(events.len());
    for (tenant, event) in events {
        sequence += 1;
        let record = Record::new((sequence, previous), *tenant, actor, event, now);
        previous = record.hash;
        records.push(record);
    }
    for chunk in records.chunks(ROWS_PER_STATEMENT) {
        Entity::insert_many(chunk.iter().map(row)).exec_without_returning(executor).await?;
    }
    audit_chain::Entity::update_many()
        .col_expr(audit_chain::Column::Hash, Expr::value(previous.0.to_vec()))
        .filter(audit_chain::Column::Id.eq(CHAIN))
        .exec(executor)
        .await?;
    Ok(())
}

/// The records of all tenants that follow one, in order.
pub async fn following(scope: &impl Access, sequence: i64, limit: u64) -> Result<Vec<Record>, StorageError> {
    let rows = Entity::find()
        .filter(Column::Sequence.gt(sequence))
        .order_by_asc(Column::Sequence)
        .limit(limit)
        .all(&scope.executor())
        .await?;
    rows.into_iter().map(record).collect()
}

/// Sequence and hash of the last record, as the chain remembers them; 0 and [`GENESIS`](crate::audit::GENESIS) before
/// the first.
pub async fn end(scope: &impl Access) -> Result<(i64, Hash), StorageError> {
    end_of(&scope.executor()).await
}

/// The last record before the first one of this moment or later; the last of all if there is none of them.
pub async fn last_before(scope: &impl Access, moment: DateTime<Utc>) -> Result<i64, StorageError> {
    let first = Entity::find()
        .select_only()
        .column(Column::Sequence)
        .filter(Column::OccurredAt.gte(moment))
        .order_by_asc(Column::Sequence)
        .into_tuple::<i64>()
        .one(&scope.executor())
        .await?;
    match first {
        Some(first) => Ok(first - 1),
        None => Ok(end(scope).await?.0),
    }
}

/// Removes the records up to this one, of all tenants; returns how many.
pub async fn delete_through(tx: &WriteScope<'_>, sequence: i64) -> Result<u64, StorageError> {
    let deleted = Entity::delete_many().filter(Column::Sequence.lte(sequence)).exec(&tx.executor()).await?;
    Ok(deleted.rows_affected)
}

/// A part of the tenant's records that match, and how many match.
pub async fn list(
    scope: &impl Access,
    filter: &TrailFilter,
    page: Page,
) -> Result<(Vec<Record>, u64), StorageError> {
    let executor = scope.executor();
    let query = matching(scope, filter);
    let total = query.clone().count(&executor).await?;
    let order = if filter.oldest_first { Order::Asc } else { Order::Desc };
    let rows = query
        .order_by(Column::OccurredAt, order.clone())
        .order_by(Column::Sequence, order)
        .offset(page.offset())
        .limit(page.per_page)
        .all(&executor)
        .await?;
    Ok((rows.into_iter().map(record).collect::<Result<_, _>>()?, total))
}

fn matching(scope: &impl Access, filter: &TrailFilter) -> Select<Entity> {
    let mut query = Entity::find().filter(Column::TenantId.eq(scope.tenant().as_uuid()));
    if let Some(after) = filter.after {
        query = query.filter(Column::OccurredAt.gte(after));
    }
    if let Some(before) = filter.before {
        query = query.filter(Column::OccurredAt.lte(before));
    }
    if !filter.actor_ids.is_empty() {
        query = query.filter(Column::ActorId.is_in(&filter.actor_ids));
    }
    if let Some(name) = &filter.deployment_name {
        query = query.filter(Column::ObjectKind.eq(ObjectKind::Deployment.as_str()));
        query = query.filter(Column::ObjectLabel.eq(name));
    }
    for (column, wanted) in [
        (Column::ActorKind, filter.actor_kind.map(ActorKind::as_str)),
        (Column::ActorEmail, filter.actor_email.as_deref()),
        (Column::ObjectId, filter.object_id.as_deref()),
        (Column::ObjectKind, filter.object_kind.map(ObjectKind::as_str)),
    ] {
        if let Some(wanted) = wanted {
            query = query.filter(column.eq(wanted));
        }
    }
    query
}

async fn advance(executor: &Executor<'_>, by: i64) -> Result<(), StorageError> {
    let column = audit_chain::Column::Sequence;
    let advanced = audit_chain::Entity::update_many()
        .col_expr(column, Expr::col(column).add(by))
        .filter(audit_chain::Column::Id.eq(CHAIN))
        .exec(executor)
        .await?;
    if advanced.rows_affected == 1 { Ok(()) } else { Err(StorageError::NoAuditChain) }
}

/// Sequence and hash of the last record, as the chain remembers them.
async fn end_of(executor: &Executor<'_>) -> Result<(i64, Hash), StorageError> {
    let row = audit_chain::Entity::find_by_id(CHAIN).one(executor).await?;
    let row = row.ok_or(StorageError::NoAuditChain)?;
    Ok((row.sequence, hash("audit_chain.hash", row.hash)?))
}

pub(super) fn row(record: &Record) -> ActiveModel {
    ActiveModel {
        sequence: ActiveValue::Set(record.sequence),
        tenant_id: ActiveValue::Set(record.tenant.as_uuid()),
        occurred_at: ActiveValue::Set(record.at),
        actor_kind: ActiveValue::Set(record.actor_kind.clone()),
        actor_id: ActiveValue::Set(record.actor_id.clone()),
        actor_email: ActiveValue::Set(record.actor_email.clone()),
        credential: ActiveValue::Set(record.credential.clone()),
        address: ActiveValue::Set(record.address.clone()),
        request_id: ActiveValue::Set(record.request_id.clone()),
        action: ActiveValue::Set(record.action.clone()),
        object_kind: ActiveValue::Set(record.object_kind.clone()),
        object_id: ActiveValue::Set(record.object_id.clone()),
        object_label: ActiveValue::Set(record.object_label.clone()),
        object_detail: ActiveValue::Set(record.object_detail.clone()),
        outcome: ActiveValue::Set(record.outcome.clone()),
        change: ActiveValue::Set(record.change.clone()),
        before_digest: ActiveValue::Set(record.before.map(|hash| hash.0.to_vec())),
        after_digest: ActiveValue::Set(record.after.map(|hash| hash.0.to_vec())),
        previous_hash: ActiveValue::Set(record.previous.0.to_vec()),
        hash: ActiveValue::Set(record.hash.0.to_vec()),
    }
}

fn record(row: Model) -> Result<Record, StorageError> {
    let digest = |column, bytes: Option<Vec<u8>>| bytes.map(|bytes| hash(column, bytes)).transpose();
    Ok(Record {
        sequence: row.sequence,
        tenant: row.tenant_id.into(),
        at: row.occurred_at,
        actor_kind: row.actor_kind,
        actor_id: row.actor_id,
        actor_email: row.actor_email,
        credential: row.credential,
        address: row.address,
        request_id: row.request_id,
        action: row.action,
        object_kind: row.object_kind,
        object_id: row.object_id,
        object_label: row.object_label,
        object_detail: row.object_detail,
        outcome: row.outcome,
        change: row.change,
        before: digest("audit_events.before_digest", row.before_digest)?,
        after: digest("audit_events.after_digest", row.after_digest)?,
        previous: hash("audit_events.previous_hash", row.previous_hash)?,
        hash: hash("audit_events.hash", row.hash)?,
    })
}

pub(super) fn hash(column: &'static str, bytes: Vec<u8>) -> Result<Hash, StorageError> {
    let bytes = bytes.try_into().map_err(|_| StorageError::corrupt(column, "not 32 bytes"))?;
    Ok(Hash(bytes))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::{DateTime, TimeDelta};

    use super::following;
    use crate::audit::{Action, Actor, Event, GENESIS, Object, Origin, Who};
    use crate::ids::{TenantId, UserId};
    use crate::storage::testing::{TestDatabase, database_tests};
    use crate::storage::{Access as _, Scope, StorageError, releases};

    database_tests![
        what_is_dropped_leaves_no_record,
        records_of_all_tenants_form_one_chain,
        two_processes_extend_one_chain,
        a_change_without_an_event_is_not_stored,
    ];

    fn acting(scope: Scope) -> Scope {
        let who = Who::User {
            id: UserId::generate(),
            email: "ops@example.com".to_owned(),
            credential: uuid::Uuid::nil(),
        };
        let origin =
            Origin { address: Some("::ffff:192.0.2.7".parse().unwrap()), request_id: Some("r-1".to_owned()) };
        scope.acting(Arc::new(Actor { who, origin }))
    }

    fn event(name: &str) -> Event {
        Event::new(Action::Create, Object::group(name)).change("members: 3").states(None, Some(b"x"))
    }

    async fn what_is_dropped_leaves_no_record(storage: TestDatabase) {
        let tx = acting(storage.scope()).begin().await.unwrap();
        tx.scope().audit(event("a"));
        drop(tx);
        assert_eq!(following(&storage.scope(), 0, 10).await.unwrap(), []);
    }

    async fn a_change_without_an_event_is_not_stored(storage: TestDatabase) {
        let now = DateTime::UNIX_EPOCH;
        for is_told in [false, true] {
            let tx = acting(storage.scope()).begin().await.unwrap();
            releases::touch(&tx.scope(), "app-1", now).await.unwrap();
            if is_told {
                tx.scope().audit(event("app-1"));
            }
            let done = tx.commit(now).await;
            assert_eq!(matches!(done, Err(StorageError::Unrecorded)), !is_told, "{done:?}");
            assert_eq!(releases::find(&storage.scope(), "app-1").await.unwrap().is_some(), is_told);
        }
        // What the server does by itself needs no telling.
        let tx = acting(storage.scope()).unattended().begin().await.unwrap();
        releases::touch(&tx.scope(), "app-2", now).await.unwrap();
        tx.commit(now).await.unwrap();
    }

    async fn records_of_all_tenants_form_one_chain(storage: TestDatabase) {
        let other = TenantId::from(uuid::Uuid::now_v7());
        let now = DateTime::UNIX_EPOCH + TimeDelta::nanoseconds(1_234_567_890);
        for round in 0..3 {
            let tx = acting(storage.scope()).begin().await.unwrap();
            tx.scope().audit(event(&format!("first of {round}")));
            tx.scope_of(other).audit(event(&format!("second of {round}")));
            tx.commit(now).await.unwrap();
        }
        let records = following(&storage.scope(), 0, 10).await.unwrap();
        let sequences: Vec<i64> = records.iter().map(|record| record.sequence).collect();
        assert_eq!(sequences, [1, 2, 3, 4, 5, 6]);
        let mut previous = GENESIS;
        for record in &records {
            assert_eq!((record.previous, record.hash), (previous, record.expected_hash()));
            previous = record.hash;
        }
        let last = records.last().unwrap();
        assert_eq!((last.tenant, last.time().as_str()), (other, "1970-01-01T00:00:01.234567Z"));
        assert_eq!(last.address.as_deref(), Some("192.0.2.7"));
        assert_eq!(last.actor_email.as_deref(), Some("ops@example.com"));
        assert_eq!(following(&storage.scope(), 4, 1).await.unwrap(), records[4..5]);
    }

    async fn two_processes_extend_one_chain(storage: TestDatabase) {
        let mut writers = Vec::new();
        for name in ["server", "command line"] {
            let scope = acting(storage.again().await.scope(storage.scope().tenant()));
            writers.push(tokio::spawn(async move {
                for round in 0..20 {
                    let tx = scope.begin().await.unwrap();
                    tx.scope().audit(event(&format!("{name} {round}")));
                    tx.commit(DateTime::UNIX_EPOCH).await.unwrap();
                }
            }));
        }
        for writer in writers {
            writer.await.unwrap();
        }
        let records = following(&storage.scope(), 0, 100).await.unwrap();
        assert_eq!(records.len(), 40);
        for (at, pair) in (1_i64..).zip(records.windows(2)) {
            assert_eq!((pair[0].sequence, pair[0].hash), (at, pair[1].previous));
        }
    }
}
