//! The roles of a member of a tenant: as many as it is given, where there was one.

use sea_orm_migration::prelude::{
    ConnectionTrait, DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table, async_trait,
};
use sea_orm_migration::schema::{text, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("membership_roles")
                    .col(uuid("tenant_id"))
                    .col(uuid("user_id"))
                    .col(text("role"))
                    .primary_key(Index::create().col("tenant_id").col("user_id").col("role"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("membership_roles_tenant_id_role")
                    .table("membership_roles")
                    .col("tenant_id")
                    .col("role")
                    .to_owned(),
            )
            .await?;
        let copy = "INSERT INTO membership_roles (tenant_id, user_id, role) \
            SELECT tenant_id, user_id, role FROM memberships";
        manager.get_connection().execute_unprepared(copy).await?;
        manager.alter_table(Table::alter().table("memberships").drop_column("role").to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = text("role").default("viewer").take();
        manager.alter_table(Table::alter().table("memberships").add_column(column).to_owned()).await?;
        // Of several roles one stays: `admin` where it is among them.
        let copy = "UPDATE memberships SET role = (SELECT min(r.role) FROM membership_roles r \
            WHERE r.tenant_id = memberships.tenant_id AND r.user_id = memberships.user_id) \
            WHERE EXISTS (SELECT 1 FROM membership_roles r \
            WHERE r.tenant_id = memberships.tenant_id AND r.user_id = memberships.user_id)";
        manager.get_connection().execute_unprepared(copy).await?;
        manager.drop_table(Table::drop().table("membership_roles").to_owned()).await
    }
}
