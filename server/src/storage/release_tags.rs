//! Words that people put on releases.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::release_tags::{ActiveModel, Column, Entity};
use super::sight::release_seen;
use super::{Access, StorageError, WriteScope};

/// Values in one `IN (…)`.
const KEYS_PER_STATEMENT: usize = 1_000;

/// The tags of these releases, each in the order of the alphabet; those without a tag are missing.
pub async fn of_releases(
    scope: &impl Access,
    names: &[String],
) -> Result<HashMap<String, Vec<String>>, StorageError> {
    let mut found: HashMap<String, Vec<String>> = HashMap::new();
    for chunk in names.chunks(KEYS_PER_STATEMENT) {
        let rows = Entity::find()
            .filter(Column::TenantId.eq(scope.tenant().as_uuid()))
            .filter(Column::ReleaseName.is_in(chunk))
            .all(&scope.executor())
            .await?;
        for row in rows {
            found.entry(row.release_name).or_default().push(row.tag);
        }
    }
    // Databases know more than one alphabet.
    for tags in found.values_mut() {
        tags.sort_unstable();
    }
    Ok(found)
}

/// All tags of the tenant, each once, in the order of the alphabet.
pub async fn all(scope: &impl Access) -> Result<BTreeSet<String>, StorageError> {
    let tags: Vec<String> = Entity::find()
        .filter(Column::TenantId.eq(scope.tenant().as_uuid()))
        .filter(release_seen(scope, Column::ReleaseName))
        .select_only()
        .column(Column::Tag)
        .distinct()
        .order_by_asc(Column::Tag)
        .into_tuple()
        .all(&scope.executor())
        .await?;
    Ok(tags.into_iter().collect())
}

/// Replaces the tags of a release.
pub async fn replace(tx: &WriteScope<'_>, name: &str, tags: &BTreeSet<String>) -> Result<(), StorageError> {
    delete_of_release(tx, name).await?;
    if tags.is_empty() {
        return Ok(());
    }
    let rows = tags.iter().map(|tag| ActiveModel {
        tenant_id: ActiveValue::Set(tx.tenant().as_uuid()),
        release_name: ActiveValue::Set(name.to_owned()),
        tag: ActiveValue::Set(tag.clone()),
    });
    Entity::insert_many(rows).exec_without_returning(&tx.executor()).await?;
    Ok(())
}

/// Takes all tags from a release.
pub async fn delete_of_release(tx: &WriteScope<'_>, name: &str) -> Result<(), StorageError> {
    Entity::delete_many()
        .filter(Column::TenantId.eq(tx.tenant().as_uuid()))
        .filter(Column::ReleaseName.eq(name))
        .exec(&tx.executor())
        .await?;
    Ok(())
}
