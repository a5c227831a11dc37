//! Device deployments.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "device_deployments")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i32,
    pub(crate) tenant_id: Uuid,
    pub(crate) deployment_number: i32,
    pub(crate) deployment_id: Uuid,
    pub(crate) device_number: i32,
    pub(crate) device_id: Uuid,
    pub(crate) artifact_id: Option<Uuid>,
    pub(crate) artifact_size: i64,
    pub(crate) status: String,
    pub(crate) substate: Option<String>,
    pub(crate) logged: bool,
    pub(crate) created_at: DateTimeUtc,
    pub(crate) started_at: Option<DateTimeUtc>,
    pub(crate) finished_at: Option<DateTimeUtc>,
    pub(crate) retries_left: i32,
    pub(crate) deleted_at: Option<DateTimeUtc>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
