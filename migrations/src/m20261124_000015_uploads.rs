//! Uploads that come in parts.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table, async_trait,
};
use sea_orm_migration::schema::{text, timestamp_with_time_zone, uuid, uuid_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("uploads")
                    .col(uuid("tenant_id"))
                    .col(uuid("id"))
                    .col(uuid("user_id"))
                    // Bytes that will come, and bytes that are on disk; less than all until the artifact is stored.
                    .col(ColumnDef::new("length").big_integer().not_null())
                    .col(ColumnDef::new("received").big_integer().not_null())
                    // As the client sent it.
                    .col(text("metadata"))
                    // What it became.
                    .col(uuid_null("artifact_id"))
                    .col(timestamp_with_time_zone("expires_at"))
                    .primary_key(Index::create().col("tenant_id").col("id"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("uploads_expires_at").table("uploads").col("expires_at").to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("uploads").to_owned()).await
    }
}
