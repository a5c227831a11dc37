//! When how many devices of a deployment may begin, and how often one may fail.

use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, Table, async_trait,
};
use sea_orm_migration::schema::{integer, text_null, timestamp_with_time_zone_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // JSON; nothing for all at once.
        let phases = text_null("phases").take();
        manager.alter_table(Table::alter().table("deployments").add_column(phases).to_owned()).await?;
        // The beginning of the first phase, for lists of what is scheduled.
        let starts_at = timestamp_with_time_zone_null("starts_at").take();
        manager.alter_table(Table::alter().table("deployments").add_column(starts_at).to_owned()).await?;
        let retries = integer("retries").default(0).take();
        manager.alter_table(Table::alter().table("deployments").add_column(retries).to_owned()).await?;
        let left = integer("retries_left").default(0).take();
        manager.alter_table(Table::alter().table("device_deployments").add_column(left).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let device_deployments =
            Table::alter().table("device_deployments").drop_column("retries_left").to_owned();
        manager.alter_table(device_deployments).await?;
        for column in ["retries", "starts_at", "phases"] {
            manager.alter_table(Table::alter().table("deployments").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
