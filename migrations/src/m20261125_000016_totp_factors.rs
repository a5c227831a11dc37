//! The second factors of users: a row is a user who set one up, or is about to.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, Table, async_trait,
};
use sea_orm_migration::schema::{text, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("totp_factors")
                    .col(uuid("user_id").primary_key())
                    .col(text("state"))
                    .col(text("sealed_secret"))
                    .col(ColumnDef::new("last_step").big_integer().not_null())
                    .col(ColumnDef::new("failures").big_integer().not_null())
                    .col(timestamp_with_time_zone_null("failed_at"))
                    .col(timestamp_with_time_zone("created_at"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("totp_factors").to_owned()).await
    }
}
