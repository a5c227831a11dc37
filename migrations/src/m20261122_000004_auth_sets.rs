//! Authentication sets: one public key that a device proved, or is expected to prove.

use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table, async_trait,
};
use sea_orm_migration::schema::{binary_len, integer, text, timestamp_with_time_zone, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("auth_sets")
                    .col(uuid("id").primary_key())
                    .col(uuid("tenant_id"))
                    .col(integer("device_number"))
                    .col(uuid("device_id"))
                    .col(text("status"))
                    .col(binary_len("spki_sha256", 32))
                    .col(text("public_key"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("auth_sets_tenant_id_device_number_spki_sha256")
                    .table("auth_sets")
                    .col("tenant_id")
                    .col("device_number")
                    .col("spki_sha256")
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("auth_sets_device_number")
                    .table("auth_sets")
                    .col("device_number")
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("auth_sets_status_created_at")
                    .table("auth_sets")
                    .col("status")
                    .col("created_at")
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("auth_sets").to_owned()).await
    }
}
