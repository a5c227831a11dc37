//! Devices, and in narrow tables of their own what changes often: last contact and reported provides.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table, async_trait,
};
use sea_orm_migration::schema::{big_integer, binary_len, text, text_null, timestamp_with_time_zone, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("devices")
                    // Indexes bitmaps and arrays, so it is never reused: AUTOINCREMENT in SQLite, a sequence in PostgreSQL.
                    .col(ColumnDef::new("number").integer().not_null().auto_increment().primary_key())
                    .col(uuid("id"))
                    .col(uuid("tenant_id"))
                    .col(binary_len("identity_hash", 32))
                    .col(text("identity_data"))
                    .col(text("status"))
                    .col(big_integer("generation"))
                    .col(text_null("group_name"))
                    .col(big_integer("inventory_digest"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("devices_tenant_id_id")
                    .table("devices")
                    .col("tenant_id")
                    .col("id")
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("devices_tenant_id_identity_hash")
                    .table("devices")
                    .col("tenant_id")
                    .col("identity_hash")
                    .unique()
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("devices_tenant_id_status")
                    .table("devices")
                    .col("tenant_id")
                    .col("status")
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("devices_tenant_id_group_name")
                    .table("devices")
                    .col("tenant_id")
                    .col("group_name")
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("device_sightings")
                    .col(ColumnDef::new("device_number").integer().not_null().primary_key())
                    .col(big_integer("seen_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("device_provides")
                    .col(ColumnDef::new("device_number").integer().not_null().primary_key())
                    .col(big_integer("digest"))
                    .col(text("provides"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("device_provides").to_owned()).await?;
        manager.drop_table(Table::drop().table("device_sightings").to_owned()).await?;
        manager.drop_table(Table::drop().table("devices").to_owned()).await
    }
}
