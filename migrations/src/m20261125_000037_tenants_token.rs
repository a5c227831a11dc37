//! By what devices of a tenant name it. The default tenant is named by nothing.

use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table, async_trait,
};
use sea_orm_migration::schema::{binary_len_null, integer};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The token is derived from the master key, the tenant's id and this.
        let edition = integer("token_edition").default(0).take();
        manager.alter_table(Table::alter().table("tenants").add_column(edition).to_owned()).await?;
        let hash = binary_len_null("token_sha256", 32).take();
        manager.alter_table(Table::alter().table("tenants").add_column(hash).to_owned()).await?;
        manager
            .create_index(
                Index::create()
                    .name("tenants_token")
                    .table("tenants")
                    .col("token_sha256")
                    .unique()
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("tenants_token").table("tenants").to_owned()).await?;
        manager.alter_table(Table::alter().table("tenants").drop_column("token_sha256").to_owned()).await?;
        manager.alter_table(Table::alter().table("tenants").drop_column("token_edition").to_owned()).await
    }
}
