//! Tokens that users make for programs: JWTs, of which nothing secret is kept, and prefixed ones, of which a hash is.

use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, Index, MigrationTrait, SchemaManager, Table, async_trait,
};
use sea_orm_migration::schema::{
    binary_len_null, text, text_null, timestamp_with_time_zone, timestamp_with_time_zone_null, uuid,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("personal_tokens")
                    .col(uuid("id").primary_key())
                    .col(uuid("tenant_id"))
                    .col(uuid("user_id"))
                    .col(text("name"))
                    .col(text("kind"))
                    .col(text_null("handle"))
                    .col(binary_len_null("secret_sha256", 32))
                    .col(binary_len_null("superseded_sha256", 32))
                    .col(timestamp_with_time_zone_null("superseded_until"))
                    .col(text_null("scopes"))
                    .col(text_null("networks"))
                    .col(timestamp_with_time_zone("created_at"))
                    .col(timestamp_with_time_zone_null("rotated_at"))
                    .col(timestamp_with_time_zone_null("expires_at"))
                    .col(timestamp_with_time_zone_null("last_used_at"))
                    .to_owned(),
            )
            .await?;
        for (name, columns, is_unique) in [
            ("personal_tokens_tenant_id_user_id_name", &["tenant_id", "user_id", "name"][..], true),
            ("personal_tokens_handle", &["handle"], true),
            ("personal_tokens_user_id", &["user_id"], false),
            ("personal_tokens_expires_at", &["expires_at"], false),
        ] {
            let mut index = Index::create().name(name).table("personal_tokens").to_owned();
            for column in columns {
                index.col(*column);
            }
            if is_unique {
                index.unique();
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("personal_tokens").to_owned()).await
    }
}
