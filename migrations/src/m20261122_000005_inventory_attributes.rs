//! Inventory attributes, one row each, so that any of them can be searched.

use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table, async_trait,
};
use sea_orm_migration::schema::{
    big_integer, double_null, integer, text, text_null, timestamp_with_time_zone, uuid,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("inventory_attributes")
                    .col(integer("device_number"))
                    .col(text("scope"))
                    .col(text("name"))
                    .col(uuid("tenant_id"))
                    // The JSON text of a string, a number or an array of one of them.
                    .col(text("value"))
                    // The first eight bytes of the SHA-256 of `value`: equality is searched by index, however long values are.
                    .col(big_integer("value_hash"))
                    // The value if it is a number: numbers are sorted as such.
                    .col(double_null("number"))
                    .col(text_null("description"))
                    .col(timestamp_with_time_zone("updated_at"))
                    .primary_key(Index::create().col("device_number").col("scope").col("name"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("inventory_attributes_tenant_id_scope_name_value_hash")
                    .table("inventory_attributes")
                    .col("tenant_id")
                    .col("scope")
                    .col("name")
                    .col("value_hash")
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("inventory_attributes").to_owned()).await
    }
}
