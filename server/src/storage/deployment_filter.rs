//! Which deployments a list holds.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, QueryFilter, Select};

use super::entity::deployments::{Column, Entity};
use super::escape::contains;
use crate::deployments::DeploymentStatus;
use crate::ids::DeploymentId;

/// Which deployments a list holds.
#[derive(Clone, Debug, Default)]
pub struct DeploymentFilter {
    /// Any of these states at the moment `now`; empty for all.
    pub statuses: Vec<DeploymentStatus>,
    /// What separates deployments that are scheduled from those that are not.
    pub now: DateTime<Utc>,
    /// Only those that were aborted.
    pub aborted: bool,
    /// Any of these ids; empty for all.
    pub ids: Vec<DeploymentId>,
    /// Any of these names; empty for all.
    pub names: Vec<String>,
    /// A part of the name or of the release's name, whatever the case.
    pub search: Option<String>,
    /// Created at this moment or before.
    pub created_before: Option<DateTime<Utc>>,
    /// Created at this moment or after.
    pub created_after: Option<DateTime<Utc>>,
    /// Oldest first instead of newest first.
    pub oldest_first: bool,
}

/// What of a query fits a filter.
pub(super) fn matching(mut query: Select<Entity>, filter: &DeploymentFilter) -> Select<Entity> {
    let waiting = || Column::FinishedAt.is_null().and(Column::AskedCount.eq(0));
    if !filter.statuses.is_empty() {
        let any = filter.statuses.iter().fold(sea_orm::Condition::any(), |any, status| {
            any.add(match status {
                DeploymentStatus::Finished => Column::FinishedAt.is_not_null(),
                DeploymentStatus::Scheduled => waiting().and(Column::StartsAt.gt(filter.now)),
                DeploymentStatus::Pending => {
                    waiting().and(Column::StartsAt.is_null().or(Column::StartsAt.lte(filter.now)))
                }
                DeploymentStatus::InProgress => Column::FinishedAt.is_null().and(Column::AskedCount.gt(0)),
            })
        });
        query = query.filter(any);
    }
    if filter.aborted {
        query = query.filter(Column::AbortedAt.is_not_null());
    }
    if !filter.ids.is_empty() {
        query = query.filter(Column::Id.is_in(filter.ids.iter().map(|id| id.as_uuid())));
    }
    if !filter.names.is_empty() {
        query = query.filter(Column::Name.is_in(filter.names.iter().map(String::as_str)));
    }
    if let Some(text) = &filter.search {
        let contains = |column: Column| contains(Expr::col(column), text);
        query = query.filter(contains(Column::Name).or(contains(Column::ArtifactName)));
    }
    if let Some(moment) = filter.created_before {
        query = query.filter(Column::CreatedAt.lte(moment));
    }
    if let Some(moment) = filter.created_after {
        query = query.filter(Column::CreatedAt.gte(moment));
    }
    query
}
