//! The groups that the targets of a deployment were in: who may see only some groups sees it by them.

use sea_orm_migration::prelude::{
    ConnectionTrait, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table, async_trait,
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
                    .table("deployment_groups")
                    .col(uuid("tenant_id"))
                    .col(uuid("deployment_id"))
                    // Empty for targets in no group.
                    .col(text("group_name"))
                    .primary_key(Index::create().col("tenant_id").col("deployment_id").col("group_name"))
                    .to_owned(),
            )
            .await?;
        let copy = "INSERT INTO deployment_groups (tenant_id, deployment_id, group_name) \
            SELECT tenant_id, id, group_name FROM deployments WHERE group_name IS NOT NULL";
        manager.get_connection().execute_unprepared(copy).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("deployment_groups").to_owned()).await
    }
}
