//! Signed ends of the audit trail.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "audit_checkpoints")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) sequence: i64,
    pub(crate) hash: Vec<u8>,
    pub(crate) created_at: DateTimeUtc,
    pub(crate) sealed_at: Option<DateTimeUtc>,
    pub(crate) kid: String,
    pub(crate) signature: Vec<u8>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
