//! The end of the audit trail: one row, which whoever appends to the trail locks first.

use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, MigrationTrait, Query, SchemaManager, Table, async_trait,
};
use sea_orm_migration::schema::{big_integer, binary, integer};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("audit_chain")
                    .col(integer("id").primary_key())
                    .col(big_integer("sequence"))
                    .col(binary("hash"))
                    .to_owned(),
            )
            .await?;
        manager
            .execute(
                Query::insert()
                    .into_table("audit_chain")
                    .columns(["id", "sequence", "hash"])
                    .values_panic([1.into(), 0_i64.into(), vec![0_u8; 32].into()])
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("audit_chain").to_owned()).await
    }
}
