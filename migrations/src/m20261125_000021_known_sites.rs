//! The networks that users logged in from, and when they last did.

use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table, async_trait,
};
use sea_orm_migration::schema::{text, timestamp_with_time_zone, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("known_sites")
                    .col(uuid("user_id"))
                    .col(text("site"))
                    .col(timestamp_with_time_zone("login_at"))
                    .primary_key(Index::create().col("user_id").col("site"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create().name("known_sites_login_at").table("known_sites").col("login_at").to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("known_sites").to_owned()).await
    }
}
