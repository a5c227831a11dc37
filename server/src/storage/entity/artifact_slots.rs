//! Which artifact of a release fits which device type and depends.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "artifact_slots")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) artifact_name: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) device_type: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) depends_hash: Vec<u8>,
    pub(crate) artifact_id: Uuid,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
