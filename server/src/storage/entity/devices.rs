//! Devices.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "devices")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) number: i32,
    pub(crate) id: Uuid,
    pub(crate) tenant_id: Uuid,
    pub(crate) identity_hash: Vec<u8>,
    pub(crate) identity_data: String,
    pub(crate) status: String,
    pub(crate) generation: i64,
    pub(crate) group_name: Option<String>,
    pub(crate) inventory_digest: i64,
    pub(crate) tags_edition: Option<Uuid>,
    pub(crate) created_at: DateTimeUtc,
    pub(crate) updated_at: DateTimeUtc,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
