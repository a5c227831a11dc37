//! Attributes that are arrays are found by themselves: a search for a value looks for it in each of their elements,
//! and for everything else by its hash.

use sea_orm_migration::prelude::{
    ConnectionTrait, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, async_trait,
};

const NAME: &str = "inventory_attributes_tenant_id_scope_name_array";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A query has to spell the condition in these very words.
        let sql = format!(
            "CREATE INDEX {NAME} ON inventory_attributes (tenant_id, scope, name) WHERE substr(value, 1, 1) = '['"
        );
        manager.get_connection().execute_unprepared(&sql).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(NAME).table("inventory_attributes").to_owned()).await
    }
}
