//! Words that people put on releases.

use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table, async_trait,
};
use sea_orm_migration::schema::{text, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("release_tags")
                    .col(uuid("tenant_id"))
                    .col(text("release_name"))
                    .col(text("tag"))
                    .primary_key(Index::create().col("tenant_id").col("release_name").col("tag"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("release_tags_tenant_id_tag")
                    .table("release_tags")
                    .col("tenant_id")
                    .col("tag")
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("release_tags").to_owned()).await
    }
}
