//! Which keys fit the signature of an artifact.

use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table, async_trait,
};
use sea_orm_migration::schema::{timestamp_with_time_zone, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("artifact_signatures")
                    .col(uuid("tenant_id"))
                    .col(uuid("artifact_id"))
                    .col(uuid("key_id"))
                    .col(timestamp_with_time_zone("verified_at"))
                    .primary_key(Index::create().col("tenant_id").col("artifact_id").col("key_id"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("artifact_signatures").to_owned()).await
    }
}
