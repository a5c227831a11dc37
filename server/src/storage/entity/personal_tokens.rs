//! Tokens that users make for programs.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel, Eq, PartialEq)]
#[sea_orm(table_name = "personal_tokens")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) tenant_id: Uuid,
    pub(crate) user_id: Uuid,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) handle: Option<String>,
    pub(crate) secret_sha256: Option<Vec<u8>>,
    pub(crate) superseded_sha256: Option<Vec<u8>>,
    pub(crate) superseded_until: Option<DateTimeUtc>,
    pub(crate) scopes: Option<String>,
    pub(crate) networks: Option<String>,
    pub(crate) created_at: DateTimeUtc,
    pub(crate) rotated_at: Option<DateTimeUtc>,
    pub(crate) expires_at: Option<DateTimeUtc>,
    pub(crate) last_used_at: Option<DateTimeUtc>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
