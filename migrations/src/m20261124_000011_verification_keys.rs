//! Public keys that artifacts may be signed with.

use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table, async_trait,
};
use sea_orm_migration::schema::{
    binary, binary_len_null, text, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid, uuid_null,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("verification_keys")
                    .col(uuid("tenant_id"))
                    .col(uuid("id"))
                    .col(text("name"))
                    // SubjectPublicKeyInfo, DER.
                    .col(binary("spki"))
                    // SHA-256 of `spki`; null once revoked, so that a key is trusted once only and can be again.
                    .col(binary_len_null("active_fingerprint", 32))
                    .col(timestamp_with_time_zone_null("not_before"))
                    .col(timestamp_with_time_zone_null("not_after"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(uuid("created_by"))
                    .col(timestamp_with_time_zone_null("revoked_at"))
                    .col(uuid_null("revoked_by"))
                    // When the artifacts that were stored before the key had all been compared with it.
                    .col(timestamp_with_time_zone_null("compared_at"))
                    .primary_key(Index::create().col("tenant_id").col("id"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("verification_keys_tenant_id_active_fingerprint")
                    .table("verification_keys")
                    .col("tenant_id")
                    .col("active_fingerprint")
                    .unique()
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("verification_keys").to_owned()).await
    }
}
