//! Deployments: one release to a set of devices, with a counter for each state a device can be in.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table, async_trait,
};
use sea_orm_migration::schema::{
    big_integer, binary, binary_len_null, boolean, text, text_null, timestamp_with_time_zone,
    timestamp_with_time_zone_null, uuid,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("deployments")
                    // The order in which deployments were created, and what bitmaps and device deployments refer to.
                    .col(ColumnDef::new("number").integer().not_null().auto_increment().primary_key())
                    .col(uuid("id"))
                    .col(uuid("tenant_id"))
                    .col(text("name"))
                    .col(text("artifact_name"))
                    .col(text("kind"))
                    .col(boolean("forced"))
                    .col(text_null("group_name"))
                    // A serialised bitmap of device numbers.
                    .col(binary("targets"))
                    .col(big_integer("target_count"))
                    // SHA-256 of what was asked for; null once finished, so that only one unfinished deployment can hold it.
                    .col(binary_len_null("active_hash", 32))
                    .col(big_integer("asked_count"))
                    .col(big_integer("total_size"))
                    .col(big_integer("count_failure"))
                    .col(big_integer("count_aborted"))
                    .col(big_integer("count_pause_before_installing"))
                    .col(big_integer("count_pause_before_committing"))
                    .col(big_integer("count_pause_before_rebooting"))
                    .col(big_integer("count_downloading"))
                    .col(big_integer("count_installing"))
                    .col(big_integer("count_rebooting"))
                    .col(big_integer("count_pending"))
                    .col(big_integer("count_success"))
                    .col(big_integer("count_noartifact"))
                    .col(big_integer("count_already_installed"))
                    .col(big_integer("count_decommissioned"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("finished_at"))
                    .col(timestamp_with_time_zone_null("aborted_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("deployments_tenant_id_id")
                    .table("deployments")
                    .col("tenant_id")
                    .col("id")
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("deployments_tenant_id_active_hash")
                    .table("deployments")
                    .col("tenant_id")
                    .col("active_hash")
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("deployments_tenant_id_created_at")
                    .table("deployments")
                    .col("tenant_id")
                    .col("created_at")
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("deployments_tenant_id_artifact_name")
                    .table("deployments")
                    .col("tenant_id")
                    .col("artifact_name")
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("deployments_finished_at")
                    .table("deployments")
                    .col("finished_at")
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("deployments").to_owned()).await
    }
}
