//! Device deployments: what one deployment means for one device; made when it is first offered.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table, async_trait,
};
use sea_orm_migration::schema::{
    big_integer, boolean, integer, text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null,
    uuid, uuid_null,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("device_deployments")
                    .col(ColumnDef::new("id").integer().not_null().auto_increment().primary_key())
                    .col(uuid("tenant_id"))
                    .col(integer("deployment_number"))
                    .col(uuid("deployment_id"))
                    .col(integer("device_number"))
                    .col(uuid("device_id"))
                    .col(uuid_null("artifact_id"))
                    .col(big_integer("artifact_size"))
                    .col(text("status"))
                    .col(text_null("substate"))
                    .col(boolean("logged"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("started_at"))
                    .col(timestamp_with_time_zone_null("finished_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("device_deployments_tenant_id_deployment_number_device_number")
                    .table("device_deployments")
                    .col("tenant_id")
                    .col("deployment_number")
                    .col("device_number")
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("device_deployments_deployment_number_status")
                    .table("device_deployments")
                    .col("deployment_number")
                    .col("status")
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("device_deployments_tenant_id_device_id_created_at")
                    .table("device_deployments")
                    .col("tenant_id")
                    .col("device_id")
                    .col("created_at")
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("device_deployments_artifact_id")
                    .table("device_deployments")
                    .col("artifact_id")
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("device_deployment_logs")
                    .col(ColumnDef::new("device_deployment_id").integer().not_null().primary_key())
                    .col(text("messages"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("device_deployment_logs").to_owned()).await?;
        manager.drop_table(Table::drop().table("device_deployments").to_owned()).await
    }
}
