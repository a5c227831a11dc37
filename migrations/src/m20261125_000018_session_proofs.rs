//! How and when the user of a session proved who it is, and what keeps a session of the console going.

use sea_orm_migration::prelude::{
    ColumnDef, DbErr, DeriveMigrationName, MigrationTrait, SchemaManager, Table, async_trait,
};
use sea_orm_migration::schema::{binary_len_null, text, timestamp_with_time_zone_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in columns() {
            manager.alter_table(Table::alter().table("sessions").add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in columns() {
            let name = column.get_column_name();
            manager.alter_table(Table::alter().table("sessions").drop_column(name).to_owned()).await?;
        }
        Ok(())
    }
}

/// The sessions that there are were opened with a password, when they were made.
fn columns() -> [ColumnDef; 8] {
    [
        text("kind").default("api").take(),
        text("amr").default("pwd").take(),
        timestamp_with_time_zone_null("authenticated_at").take(),
        timestamp_with_time_zone_null("last_used_at").take(),
        timestamp_with_time_zone_null("idle_at").take(),
        binary_len_null("refresh_sha256", 32).take(),
        binary_len_null("superseded_sha256", 32).take(),
        timestamp_with_time_zone_null("refreshed_at").take(),
    ]
}
