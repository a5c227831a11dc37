//! Public keys that artifacts may be signed with.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "verification_keys")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) tenant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) spki: Vec<u8>,
    pub(crate) active_fingerprint: Option<Vec<u8>>,
    pub(crate) not_before: Option<DateTimeUtc>,
    pub(crate) not_after: Option<DateTimeUtc>,
    pub(crate) created_at: DateTimeUtc,
    pub(crate) created_by: Uuid,
    pub(crate) revoked_at: Option<DateTimeUtc>,
    pub(crate) revoked_by: Option<Uuid>,
    pub(crate) compared_at: Option<DateTimeUtc>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
