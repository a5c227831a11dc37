//! What the fleet index needs at start, read as narrow streams.

use futures_util::TryStreamExt;
use sea_orm::{DbBackend, QueryResult, Statement, StreamTrait};
use uuid::Uuid;

use super::devices::number_from;
use super::{Scope, StorageError};
use crate::devices::{AuthSetStatus, CredentialDigest, DeviceStatus};
use crate::ids::{AuthSetId, DeviceId, DeviceNumber, TenantId};

/// A device and one of its authentication sets; a device with several comes once for each.
#[derive(Clone, Copy, Debug)]
pub struct DeviceOverview {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its place in arrays.
    pub number: DeviceNumber,
    /// Its id.
    pub id: DeviceId,
    /// Its status.
    pub status: DeviceStatus,
    /// Sessions of older generations are void.
    pub generation: u32,
    /// Recognises its inventory.
    pub inventory_digest: u64,
    /// Recognises what it reported to provide.
    pub provides_digest: u64,
    /// When it was last seen, in seconds since 1970; 0 for never.
    pub seen_at: u32,
    /// One of its sets.
    pub auth_set: Option<(AuthSetId, CredentialDigest, AuthSetStatus)>,
}

/// Streams all devices of all tenants through `each`.
pub async fn devices(scope: &Scope, mut each: impl FnMut(DeviceOverview) + Send) -> Result<(), StorageError> {
    let connection = scope.connection();
    let statement = plain(
        connection.get_database_backend(),
        "SELECT d.number, d.id, d.tenant_id, d.status, d.generation, d.inventory_digest, d.identity_hash, \
         COALESCE(s.seen_at, 0) AS seen_at, COALESCE(p.digest, 0) AS provides_digest, a.id AS auth_set_id, a.spki_sha256, a.status AS auth_set_status \
         FROM devices d LEFT JOIN auth_sets a ON a.device_number = d.number \
         LEFT JOIN device_sightings s ON s.device_number = d.number \
         LEFT JOIN device_provides p ON p.device_number = d.number ORDER BY d.number",
    );
    let mut rows = connection.stream_raw(statement).await?;
    while let Some(row) = rows.try_next().await? {
        each(overview(&row)?);
    }
    Ok(())
}

fn overview(row: &QueryResult) -> Result<DeviceOverview, StorageError> {
    let tenant = TenantId::from(row.try_get::<Uuid>("", "tenant_id")?);
    let status: String = row.try_get("", "status")?;
    let auth_set = match row.try_get::<Option<Uuid>>("", "auth_set_id")? {
        Some(id) => {
            let identity_hash = digest(row, "identity_hash")?;
            let spki_sha256 = digest(row, "spki_sha256")?;
            let status: String = row.try_get("", "auth_set_status")?;
            let status = status.parse().map_err(|_| StorageError::corrupt("auth_sets.status", status))?;
            Some((AuthSetId::from(id), CredentialDigest::new(tenant, &identity_hash, &spki_sha256), status))
        }
        None => None,
    };
    Ok(DeviceOverview {
        tenant,
        number: number_from(row.try_get("", "number")?)?,
        id: row.try_get::<Uuid>("", "id")?.into(),
        status: status.parse().map_err(|_| StorageError::corrupt("devices.status", status))?,
        generation: u32::try_from(row.try_get::<i64>("", "generation")?)
            .map_err(|_| StorageError::OutOfRange("devices.generation"))?,
        inventory_digest: row.try_get::<i64>("", "inventory_digest")?.cast_unsigned(),
        provides_digest: row.try_get::<i64>("", "provides_digest")?.cast_unsigned(),
        seen_at: u32::try_from(row.try_get::<i64>("", "seen_at")?).unwrap_or(u32::MAX),
        auth_set,
    })
}

fn digest(row: &QueryResult, column: &'static str) -> Result<[u8; 32], StorageError> {
    let bytes: Vec<u8> = row.try_get("", column)?;
    bytes.try_into().map_err(|_| StorageError::corrupt(column, "a digest of another length"))
}

fn plain(backend: DbBackend, sql: &str) -> Statement {
    Statement::from_string(backend, sql)
}
