//! The audit trail: one row for each act, each bound to the one before by its hash.

use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table, async_trait,
};
use sea_orm_migration::schema::{
    big_integer, binary, binary_null, text, text_null, timestamp_with_time_zone, uuid,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("audit_events")
                    // Counted by `audit_chain`, so that there are no gaps.
                    .col(big_integer("sequence").primary_key())
                    .col(uuid("tenant_id"))
                    .col(timestamp_with_time_zone("occurred_at"))
                    .col(text("actor_kind"))
                    .col(text("actor_id"))
                    .col(text_null("actor_email"))
                    .col(text_null("credential"))
                    .col(text_null("address"))
                    .col(text_null("request_id"))
                    .col(text("action"))
                    .col(text("object_kind"))
                    .col(text("object_id"))
                    .col(text_null("object_label"))
                    .col(text_null("object_detail"))
                    .col(text("outcome"))
                    .col(text_null("change"))
                    .col(binary_null("before_digest"))
                    .col(binary_null("after_digest"))
                    .col(binary("previous_hash"))
                    .col(binary("hash"))
                    .to_owned(),
            )
            .await?;
        for (name, column) in [
            ("audit_events_tenant_id_occurred_at", "occurred_at"),
            ("audit_events_tenant_id_actor_id", "actor_id"),
            ("audit_events_tenant_id_object_id", "object_id"),
        ] {
            manager
                .create_index(
                    Index::create()
                        .name(name)
                        .table("audit_events")
                        .col("tenant_id")
                        .col(column)
                        .col("sequence")
                        .to_owned(),
                )
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("audit_events").to_owned()).await
    }
}
