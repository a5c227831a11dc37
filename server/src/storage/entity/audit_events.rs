//! The audit trail.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "audit_events")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) sequence: i64,
    pub(crate) tenant_id: Uuid,
    pub(crate) occurred_at: DateTimeUtc,
    pub(crate) actor_kind: String,
    pub(crate) actor_id: String,
    pub(crate) actor_email: Option<String>,
    pub(crate) credential: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) action: String,
    pub(crate) object_kind: String,
    pub(crate) object_id: String,
    pub(crate) object_label: Option<String>,
    pub(crate) object_detail: Option<String>,
    pub(crate) outcome: String,
    pub(crate) change: Option<String>,
    pub(crate) before_digest: Option<Vec<u8>>,
    pub(crate) after_digest: Option<Vec<u8>>,
    pub(crate) previous_hash: Vec<u8>,
    pub(crate) hash: Vec<u8>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
