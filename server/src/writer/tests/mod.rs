//! The writer against a real database, and the index that follows it.

mod histories;
mod registrations;
mod targets;
mod updates;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{DeviceUpdate, PendingLimits, Registered, Registration, UpdateAction, UpdateOutcome, Writer};
use crate::clock::Clock;
use crate::clock::manual::ManualClock;
use crate::deployments::offer::Decision;
use crate::deployments::service::{Deployments, Plan, Target};
use crate::deployments::{DeviceDeploymentState as State, DeviceFacts};
use crate::devices::service::Devices;
use crate::devices::{AuthSetStatus, Identity};
use crate::fleet::{FleetIndex, KnownDevice};
use crate::ids::{ArtifactId, DeploymentId, TenantId};
use crate::storage::devices::DeviceFilter;
use crate::storage::testing::{TestDatabase, artifact};
use crate::storage::{Page, artifacts, deployments, device_deployments};

const LIMITS: PendingLimits = PendingLimits { total: 6, per_device: 2 };

struct Bench {
    files: TestDatabase,
    fleet: Arc<FleetIndex>,
    writer: Writer,
    clock: Arc<ManualClock>,
}

impl Bench {
    async fn on(files: TestDatabase) -> Self {
        let clock = Arc::new(ManualClock::at(1_800_000_000));
        let fleet = Arc::new(FleetIndex::load(&files.database).await.unwrap());
        files.database.follow(Arc::<FleetIndex>::clone(&fleet));
        let (writer, _) = Writer::start(
            files.database.clone(),
            Arc::clone(&fleet),
            Arc::<ManualClock>::clone(&clock),
            LIMITS,
        );
        Self { files, fleet, writer, clock }
    }

    /// What a restart would load.
    async fn reloaded(&self) -> FleetIndex {
        FleetIndex::load(&self.files.database).await.unwrap()
    }

    fn devices(&self) -> Devices {
        let scope = self.files.database.scope(TenantId::DEFAULT);
        Devices::new(scope, Arc::clone(&self.fleet), Arc::<ManualClock>::clone(&self.clock), 2048)
    }

    fn deployments(&self) -> Deployments {
        let scope = self.files.database.scope(TenantId::DEFAULT);
        Deployments::new(scope, Arc::clone(&self.fleet), Arc::<ManualClock>::clone(&self.clock))
    }

    async fn register(&self, serial: u32, key: u8) -> Registered {
        let registration = Registration {
            identity: Identity::parse(&format!(r#"{{"sn":"{serial}"}}"#)).unwrap(),
            spki_sha256: [key; 32],
            public_key: format!("key {key}"),
        };
        self.writer.register(TenantId::DEFAULT, registration).await.unwrap()
    }

    async fn accept_all(&self) -> Vec<KnownDevice> {
        let (found, _) =
            self.devices().list(&DeviceFilter::default(), Page { page: 1, per_page: 100 }).await.unwrap();
        let mut known = Vec::new();
        for one in found {
            self.devices().decide(one.device.id, one.auth_sets[0].id, AuthSetStatus::Accepted).await.unwrap();
            known.push(self.fleet.device(one.device.id).unwrap());
        }
        known
    }

    async fn accepted(&self, count: u32) -> Vec<KnownDevice> {
        for serial in 0..count {
            self.register(serial, 1).await;
        }
        self.accept_all().await
    }

    async fn release(&self, name: &str) -> ArtifactId {
        let tx = self.files.database.begin(TenantId::DEFAULT).await.unwrap();
        let stored = artifact(name, "board", 5_000);
        artifacts::insert(&tx.scope(), &stored, &[]).await.unwrap();
        tx.commit(self.clock.now()).await.unwrap();
        stored.id
    }

    async fn deploy(&self, release: &str, target: Target) -> DeploymentId {
        let (name, artifact_name) = ("d".into(), release.into());
        let plan = Plan { name, artifact_name, target, forced: false, phases: Vec::new(), retries: 0 };
        self.deployments().create(&plan).await.unwrap()
    }

    fn decide(&self, device: &KnownDevice, artifact_name: &str) -> Decision {
        let facts = DeviceFacts {
            number: device.number,
            device_type: "board".into(),
            artifact_name: artifact_name.into(),
            provides: BTreeMap::new(),
            provides_known: true,
        };
        self.fleet.decide(TenantId::DEFAULT, &facts, self.clock.now())
    }

    async fn update(
        &self,
        deployment: DeploymentId,
        device: &KnownDevice,
        action: UpdateAction,
    ) -> UpdateOutcome {
        let update = DeviceUpdate { deployment, device: device.number, device_id: device.id, action };
        self.writer.update(TenantId::DEFAULT, update).await.unwrap()
    }

    async fn report(&self, deployment: DeploymentId, device: &KnownDevice, state: State) -> UpdateOutcome {
        self.update(deployment, device, UpdateAction::Reported { state, substate: None }).await
    }

    /// Asserts that counters say what rows say.
    async fn check_counters(&self, deployment: DeploymentId) {
        let scope = self.files.database.scope(TenantId::DEFAULT);
        let stored = deployments::find(&scope, deployment).await.unwrap().unwrap();
        let (rows, _) =
            device_deployments::list_of_deployment(&scope, stored.number, &[], None).await.unwrap();
        let rest = i64::try_from(stored.target_count).unwrap() - i64::try_from(rows.len()).unwrap();
        for state in State::ALL {
            let in_state = i64::try_from(rows.iter().filter(|row| row.state == state).count()).unwrap();
            // Who never asked is pending, or aborted with the deployment.
            let of_rest = if stored.finished_at.is_none() { State::Pending } else { State::Aborted };
            let is_rest = state == of_rest;
            let expected = in_state + if is_rest { rest } else { 0 };
            assert_eq!(stored.statistics.of(state), expected, "{state} of {stored:?}");
        }
    }
}

fn offered(artifact: ArtifactId) -> UpdateAction {
    UpdateAction::Offered { artifact: (artifact, 5_000) }
}
