//! Second factors of users, whatever the tenant.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::entity::totp_factors::{ActiveModel, Column, Entity};
use super::{Access, StorageError, WriteScope};
use crate::ids::UserId;
use crate::users::TotpState;

/// The second factor of a user.
#[derive(Clone, Debug)]
pub struct TotpFactor {
    /// How far it is set up.
    pub state: TotpState,
    /// The secret, sealed.
    pub sealed_secret: String,
    /// Wrong codes since the last quiet time.
    pub failures: i64,
    /// When the last of them came.
    pub failed_at: Option<DateTime<Utc>>,
}

/// The second factor of a user, if there is one.
pub async fn find(scope: &impl Access, user: UserId) -> Result<Option<TotpFactor>, StorageError> {
    let row = Entity::find_by_id(user.as_uuid()).one(&scope.executor()).await?;
    row.map(|row| {
        Ok(TotpFactor {
            state: state(&row.state)?,
            sealed_secret: row.sealed_secret,
            failures: row.failures,
            failed_at: row.failed_at,
        })
    })
    .transpose()
}

/// How far the second factors of these users are set up; who has none is left out.
pub async fn states(
    scope: &impl Access,
    users: impl IntoIterator<Item = Uuid> + Send,
) -> Result<HashMap<Uuid, TotpState>, StorageError> {
    let rows: Vec<(Uuid, String)> = Entity::find()
        .select_only()
        .column(Column::UserId)
        .column(Column::State)
        .filter(Column::UserId.is_in(users))
        .into_tuple()
        .all(&scope.executor())
        .await?;
    rows.into_iter().map(|(user, text)| Ok((user, state(&text)?))).collect()
}

/// Puts a secret that is not verified yet in the place of whatever a user has.
pub async fn replace(
    tx: &WriteScope<'_>,
    user: UserId,
    sealed_secret: String,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    delete(tx, user).await?;
    let row = ActiveModel {
        user_id: ActiveValue::Set(user.as_uuid()),
        state: ActiveValue::Set(TotpState::Unverified.as_str().to_owned()),
        sealed_secret: ActiveValue::Set(sealed_secret),
        last_step: ActiveValue::Set(0),
        failures: ActiveValue::Set(0),
        failed_at: ActiveValue::Set(None),
        created_at: ActiveValue::Set(now),
    };
    Entity::insert(row).exec_without_returning(&tx.executor()).await?;
    Ok(())
}

/// Uses a step up, and with it its code and those of all steps before; the factor is enabled by it. Answers whether the
/// step was there to be used: of many that use one at once, one does.
pub async fn use_step(tx: &WriteScope<'_>, user: UserId, step: i64) -> Result<bool, StorageError> {
    let done = Entity::update_many()
        .col_expr(Column::LastStep, Expr::value(step))
        .col_expr(Column::State, Expr::value(TotpState::Enabled.as_str()))
        .filter(Column::UserId.eq(user.as_uuid()))
        .filter(Column::LastStep.lt(step))
        .exec(&tx.executor())
        .await?;
    Ok(done.rows_affected == 1)
}

/// Counts a wrong code; those of before `quiet_since` are forgotten if none came later.
pub async fn count_failure(
    tx: &WriteScope<'_>,
    user: UserId,
    quiet_since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    Entity::update_many()
        .col_expr(Column::Failures, Expr::value(0_i64))
        .filter(Column::UserId.eq(user.as_uuid()))
        .filter(Column::FailedAt.lte(quiet_since))
        .exec(&tx.executor())
        .await?;
    Entity::update_many()
        .col_expr(Column::Failures, Expr::col(Column::Failures).add(1))
        .col_expr(Column::FailedAt, Expr::value(now))
        .filter(Column::UserId.eq(user.as_uuid()))
        .exec(&tx.executor())
        .await?;
    Ok(())
}

/// Deletes the second factor of a user; answers whether there was one.
pub async fn delete(tx: &WriteScope<'_>, user: UserId) -> Result<bool, StorageError> {
    let done = Entity::delete_by_id(user.as_uuid()).exec(&tx.executor()).await?;
    Ok(done.rows_affected == 1)
}

fn state(text: &str) -> Result<TotpState, StorageError> {
    match text {
        "unverified" => Ok(TotpState::Unverified),
        "enabled" => Ok(TotpState::Enabled),
        other => Err(StorageError::corrupt("totp_factors.state", other)),
    }
}
