//! Loading the index at start.

use super::devices::KnownDevice;
use super::index::FleetIndex;
use crate::deployments::ArtifactFit;
use crate::ids::TenantId;
use crate::storage::{
    Change, ChangeSink, Database, StorageError, artifacts, deployments, device_deployments, overview,
    tenants, verification_keys,
};

impl FleetIndex {
    /// Reads what the index holds: devices in one streamed pass, then the unfinished deployments.
    pub async fn load(database: &Database) -> Result<Self, StorageError> {
        let index = Self::default();
        let scope = database.scope(TenantId::DEFAULT);
        for tenant in tenants::all(&scope).await? {
            let trust = verification_keys::trust(&database.scope(tenant.id)).await?;
            index.rollouts.write().entry(tenant.id).or_default().set_trust(trust);
            index.tenants.write().put(tenant.id, tenant.is_suspended(), tenant.token);
        }
        overview::devices(&scope, |row| {
            let mut devices = index.devices.write();
            devices.put(KnownDevice {
                number: row.number,
                id: row.id,
                tenant: row.tenant,
                status: row.status,
                generation: row.generation,
            });
            devices.put_inventory(row.number, row.inventory_digest);
            devices.swap_provides(row.number, row.provides_digest);
            devices.restore_seen(row.number, row.seen_at);
            if let Some((id, digest, status)) = row.auth_set {
                devices.put_auth_set(row.number, id, digest, status);
            }
        })
        .await?;
        for unfinished in deployments::all_unfinished(&scope).await? {
            let scope = database.scope(unfinished.tenant);
            let deployment = unfinished.deployment;
            let fits: Vec<ArtifactFit> =
                artifacts::fits_of_release(&scope, &deployment.artifact_name).await?;
            let created = Change::DeploymentCreated {
                number: deployment.number,
                id: deployment.id,
                artifact_name: deployment.artifact_name,
                forced: deployment.forced,
                phases: deployment.phases,
                targets: unfinished.targets,
                artifacts: fits,
            };
            index.apply(&[(unfinished.tenant, created)]);
            let states = device_deployments::states_of(&scope, deployment.number).await?;
            let changes: Vec<_> = states
                .into_iter()
                .map(|(device, artifact, state)| {
                    let deployment = deployment.number;
                    (unfinished.tenant, Change::DeviceDeployment { deployment, device, artifact, state })
                })
                .collect();
            index.apply(&changes);
            let mut rollouts = index.rollouts.write();
            let of_tenant = rollouts.entry(unfinished.tenant).or_default();
            of_tenant.restore_asked(deployment.number, deployment.asked_count);
        }
        Ok(index)
    }
}
