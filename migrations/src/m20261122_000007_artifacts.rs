//! Releases, their artifacts, and the slots that keep two artifacts of a release from fitting one device.

use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table, async_trait,
};
use sea_orm_migration::schema::{
    big_integer, binary_len, boolean, integer, text, timestamp_with_time_zone, uuid,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("releases")
                    .col(uuid("tenant_id"))
                    .col(text("name"))
                    .col(text("notes"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .primary_key(Index::create().col("tenant_id").col("name"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("releases_tenant_id_updated_at")
                    .table("releases")
                    .col("tenant_id")
                    .col("updated_at")
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("artifacts")
                    .col(uuid("tenant_id"))
                    // Who uploads may choose it, so it is unique for one tenant only.
                    .col(uuid("id"))
                    .col(text("kind"))
                    .col(text("name"))
                    .col(text("description"))
                    .col(integer("format_version"))
                    .col(boolean("signed"))
                    .col(big_integer("size"))
                    .col(binary_len("blob_sha256", 32))
                    // What the artifact says of itself, as JSON: payloads, provides, depends, clears.
                    .col(text("contents"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .primary_key(Index::create().col("tenant_id").col("id"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("artifacts_tenant_id_name")
                    .table("artifacts")
                    .col("tenant_id")
                    .col("name")
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("artifacts_blob_sha256")
                    .table("artifacts")
                    .col("blob_sha256")
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("artifact_slots")
                    .col(uuid("tenant_id"))
                    .col(text("artifact_name"))
                    .col(text("device_type"))
                    // SHA-256 of one combination of the other depends.
                    .col(binary_len("depends_hash", 32))
                    .col(uuid("artifact_id"))
                    .primary_key(
                        Index::create()
                            .col("tenant_id")
                            .col("artifact_name")
                            .col("device_type")
                            .col("depends_hash"),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("artifact_slots_artifact_id")
                    .table("artifact_slots")
                    .col("artifact_id")
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("artifact_slots").to_owned()).await?;
        manager.drop_table(Table::drop().table("artifacts").to_owned()).await?;
        manager.drop_table(Table::drop().table("releases").to_owned()).await
    }
}
