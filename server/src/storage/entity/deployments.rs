//! Deployments.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "deployments")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) number: i32,
    pub(crate) id: Uuid,
    pub(crate) tenant_id: Uuid,
    pub(crate) name: String,
    pub(crate) artifact_name: String,
    pub(crate) kind: String,
    pub(crate) forced: bool,
    pub(crate) group_name: Option<String>,
    pub(crate) targets: Vec<u8>,
    pub(crate) target_count: i64,
    pub(crate) active_hash: Option<Vec<u8>>,
    pub(crate) asked_count: i64,
    pub(crate) total_size: i64,
    pub(crate) count_failure: i64,
    pub(crate) count_aborted: i64,
    pub(crate) count_pause_before_installing: i64,
    pub(crate) count_pause_before_committing: i64,
    pub(crate) count_pause_before_rebooting: i64,
    pub(crate) count_downloading: i64,
    pub(crate) count_installing: i64,
    pub(crate) count_rebooting: i64,
    pub(crate) count_pending: i64,
    pub(crate) count_success: i64,
    pub(crate) count_noartifact: i64,
    pub(crate) count_already_installed: i64,
    pub(crate) count_decommissioned: i64,
    pub(crate) created_at: DateTimeUtc,
    pub(crate) finished_at: Option<DateTimeUtc>,
    pub(crate) aborted_at: Option<DateTimeUtc>,
    pub(crate) phases: Option<String>,
    pub(crate) starts_at: Option<DateTimeUtc>,
    pub(crate) retries: i32,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
