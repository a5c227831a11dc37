//! The writer against a real database, and the index that follows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use proptest::prelude::{Strategy, proptest};
use proptest::sample::select;

use super::{DeviceUpdate, PendingLimits, Registered, Registration, UpdateAction, UpdateOutcome, Writer};
use crate::clock::Clock;
use crate::clock::manual::ManualClock;
use crate::deployments::offer::Decision;
use crate::deployments::service::{Deployments, Plan, Target};
use crate::deployments::{DeviceDeploymentState as State, DeviceFacts};
use crate::devices::service::Devices;
use crate::devices::{AuthSetStatus, DeviceStatus, Identity};
use crate::fleet::{FleetIndex, KnownDevice};
use crate::ids::{ArtifactId, DeploymentId, DeviceId, TenantId};
use crate::storage::devices::DeviceFilter;
use crate::storage::testing::{TestDatabase, artifact};
use crate::storage::{Page, artifacts, deployments, device_deployments, tenants};

const LIMITS: PendingLimits = PendingLimits { total: 6, per_device: 2 };

struct Bench {
    files: TestDatabase,
    fleet: Arc<FleetIndex>,
    writer: Writer,
    clock: Arc<ManualClock>,
}

impl Bench {
    async fn start() -> Self {
        Self::on(TestDatabase::open().await).await
    }

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
        Deployments::new(self.files.database.scope(TenantId::DEFAULT), Arc::<ManualClock>::clone(&self.clock))
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
        let plan = Plan { name: "d".into(), artifact_name: release.into(), target, forced: false };
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

#[tokio::test]
async fn unknown_devices_wait_and_known_ones_are_recognised() {
    let bench = Bench::start().await;
    assert_eq!(bench.register(1, 1).await, Registered::Refused(AuthSetStatus::Pending));
    assert_eq!(bench.register(1, 1).await, Registered::Refused(AuthSetStatus::Pending));
    assert_eq!(bench.fleet.device_count(), 1);
    let known = bench.accept_all().await;
    assert!(matches!(bench.register(1, 1).await, Registered::Accepted(login) if login.device == known[0]));
    assert_eq!(bench.register(1, 2).await, Registered::Refused(AuthSetStatus::Pending));
    assert_eq!(bench.fleet.device(known[0].id).unwrap().status, DeviceStatus::Accepted);
    assert_eq!(bench.reloaded().await.device(known[0].id), bench.fleet.device(known[0].id));
}

#[tokio::test]
async fn one_burst_of_the_same_device_makes_one_device() {
    let bench = Bench::start().await;
    let all = futures_util::future::join_all((0..50).map(|_| bench.register(1, 1))).await;
    assert!(all.iter().all(|outcome| *outcome == Registered::Refused(AuthSetStatus::Pending)));
    assert_eq!((bench.fleet.device_count(), bench.fleet.pending_count()), (1, 1));
}

#[tokio::test]
async fn what_waits_is_capped_in_all_and_for_each_device() {
    let bench = Bench::start().await;
    for key in 1..=2 {
        assert_eq!(bench.register(1, key).await, Registered::Refused(AuthSetStatus::Pending));
    }
    assert_eq!(bench.register(1, 3).await, Registered::TooMany);
    bench.clock.advance(TimeDelta::minutes(1));
    assert_eq!(bench.register(1, 3).await, Registered::Refused(AuthSetStatus::Pending));
    assert_eq!(bench.fleet.pending_count(), 2);
    let burst = futures_util::future::join_all((2..20).map(|serial| bench.register(serial, 1))).await;
    let refused = burst.iter().filter(|outcome| **outcome == Registered::TooMany).count();
    assert_eq!((burst.len() - refused, bench.fleet.pending_count()), (4, 6));
    assert_eq!(bench.reloaded().await.pending_count(), 6);
}

#[tokio::test]
async fn the_device_limit_holds_for_preauthorized_ones() {
    let bench = Bench::start().await;
    let pem = include_str!("../../testdata/keys/p256.pub.pem");
    let identity = serde_json::json!({ "sn": "9" });
    let id = bench.devices().preauthorize(&identity, pem, false).await.unwrap();
    let tx = bench.files.database.begin(TenantId::DEFAULT).await.unwrap();
    tenants::set_device_limit(&tx.scope(), Some(0)).await.unwrap();
    tx.commit(bench.clock.now()).await.unwrap();
    let set = bench.devices().get(id).await.unwrap().auth_sets.remove(0);
    let registration = Registration {
        identity: Identity::from_value(&identity).unwrap(),
        spki_sha256: set.spki_sha256,
        public_key: set.public_key,
    };
    let come = || bench.writer.register(TenantId::DEFAULT, registration.clone());
    assert_eq!(come().await.unwrap(), Registered::LimitReached);
    let tx = bench.files.database.begin(TenantId::DEFAULT).await.unwrap();
    tenants::set_device_limit(&tx.scope(), Some(1)).await.unwrap();
    tx.commit(bench.clock.now()).await.unwrap();
    assert!(matches!(come().await.unwrap(), Registered::Accepted(login) if login.device.id == id));
    assert_eq!(bench.fleet.device(id).unwrap().status, DeviceStatus::Accepted);
}

#[tokio::test]
async fn an_update_is_counted_from_offer_to_end() {
    let bench = Bench::start().await;
    let devices = bench.accepted(2).await;
    let artifact = bench.release("one").await;
    let deployment = bench.deploy("one", Target::All).await;
    assert!(matches!(bench.decide(&devices[0], "zero"), Decision::Offer { repeated: false, .. }));
    assert_eq!(bench.report(deployment, &devices[0], State::Downloading).await, UpdateOutcome::Unknown);
    assert_eq!(bench.update(deployment, &devices[0], offered(artifact)).await, UpdateOutcome::Done);
    assert!(matches!(bench.decide(&devices[0], "zero"), Decision::Offer { repeated: true, .. }));
    for state in
        [State::Downloading, State::Downloading, State::Installing, State::Rebooting, State::Installing]
    {
        assert_eq!(bench.report(deployment, &devices[0], state).await, UpdateOutcome::Done);
        bench.check_counters(deployment).await;
    }
    // The last report is lost; the name tells.
    assert!(matches!(bench.decide(&devices[0], "one"), Decision::InferredSuccess { .. }));
    assert_eq!(bench.report(deployment, &devices[0], State::Success).await, UpdateOutcome::Done);
    assert_eq!(bench.report(deployment, &devices[0], State::Failure).await, UpdateOutcome::Done);
    assert_eq!(bench.decide(&devices[0], "one"), Decision::Nothing);
    assert!(bench.fleet.is_idle(TenantId::DEFAULT, devices[0].number));
    assert_eq!(
        bench.update(deployment, &devices[1], UpdateAction::Ended(State::NoArtifact)).await,
        UpdateOutcome::Done
    );
    bench.check_counters(deployment).await;
    let stored = bench.deployments().get(deployment).await.unwrap();
    assert_eq!((stored.asked_count, stored.total_size, stored.finished_at.is_some()), (2, 5_000, true));
}

#[tokio::test]
async fn an_abort_stops_who_began_and_counts_who_never_asked() {
    let bench = Bench::start().await;
    let devices = bench.accepted(3).await;
    let artifact = bench.release("one").await;
    let deployment = bench.deploy("one", Target::All).await;
    bench.update(deployment, &devices[0], offered(artifact)).await;
    bench.report(deployment, &devices[0], State::Downloading).await;
    bench.update(deployment, &devices[1], offered(artifact)).await;
    bench.report(deployment, &devices[1], State::Success).await;
    bench.deployments().abort(deployment).await.unwrap();
    bench.check_counters(deployment).await;
    assert!(bench.deployments().abort(deployment).await.is_err());
    for state in [State::Installing, State::Failure] {
        assert_eq!(bench.report(deployment, &devices[0], state).await, UpdateOutcome::Stop);
    }
    let stored = bench.deployments().get(deployment).await.unwrap();
    assert_eq!((stored.statistics.of(State::Aborted), stored.statistics.of(State::Success)), (2, 1));
    assert_eq!(bench.decide(&devices[0], "zero"), Decision::Nothing);
    assert_eq!(bench.decide(&devices[2], "zero"), Decision::Nothing);
    assert_eq!(bench.update(deployment, &devices[2], offered(artifact)).await, UpdateOutcome::Unknown);
}

#[tokio::test]
async fn a_decommissioned_device_ends_its_deployments_and_comes_back_as_a_new_one() {
    let bench = Bench::start().await;
    let devices = bench.accepted(2).await;
    let artifact = bench.release("one").await;
    let deployment = bench.deploy("one", Target::All).await;
    bench.update(deployment, &devices[0], offered(artifact)).await;
    bench.report(deployment, &devices[0], State::Downloading).await;
    for device in &devices {
        bench.devices().decommission(device.id).await.unwrap();
        bench.check_counters(deployment).await;
        assert_eq!(bench.fleet.device(device.id), None);
    }
    assert!(bench.deployments().get(deployment).await.unwrap().finished_at.is_some());
    assert_eq!(bench.register(0, 1).await, Registered::Refused(AuthSetStatus::Pending));
    let (found, _) =
        bench.devices().list(&DeviceFilter::default(), Page { page: 1, per_page: 9 }).await.unwrap();
    assert_eq!(found.len(), 1);
    assert!(found[0].device.number > devices[1].number && found[0].device.id != devices[0].id);
}

#[tokio::test]
async fn a_restart_knows_what_the_index_knew() {
    let bench = Bench::start().await;
    let devices = bench.accepted(3).await;
    let artifact = bench.release("one").await;
    let deployment =
        bench.deploy("one", Target::Devices(devices[..2].iter().map(|one| one.id).collect())).await;
    bench.update(deployment, &devices[0], offered(artifact)).await;
    bench.report(deployment, &devices[0], State::Installing).await;
    let again = Bench::on(bench.files).await;
    for (device, name) in devices.iter().flat_map(|device| [(device, "zero"), (device, "one")]) {
        assert_eq!(
            again.decide(device, name),
            bench.fleet.decide(
                TenantId::DEFAULT,
                &DeviceFacts {
                    number: device.number,
                    device_type: "board".into(),
                    artifact_name: name.into(),
                    provides: BTreeMap::new(),
                    provides_known: true,
                },
                again.clock.now(),
            )
        );
    }
    assert!(again.fleet.is_active(TenantId::DEFAULT, deployment, devices[0].number));
    assert!(!again.fleet.is_active(TenantId::DEFAULT, deployment, devices[1].number));
}

#[tokio::test]
async fn decisions_void_sessions_and_move_acceptance() {
    let bench = Bench::start().await;
    let device = bench.accepted(1).await.remove(0);
    bench.register(0, 2).await;
    bench.clock.advance(TimeDelta::seconds(1));
    let sets = bench.devices().get(device.id).await.unwrap().auth_sets;
    bench.devices().decide(device.id, sets[1].id, AuthSetStatus::Accepted).await.unwrap();
    let after = bench.fleet.device(device.id).unwrap();
    assert_ne!(after.generation, device.generation);
    let states: Vec<_> =
        bench.devices().get(device.id).await.unwrap().auth_sets.iter().map(|set| set.status).collect();
    assert_eq!(states, [AuthSetStatus::Rejected, AuthSetStatus::Accepted]);
    assert_eq!(bench.register(0, 1).await, Registered::Refused(AuthSetStatus::Rejected));
    assert!(matches!(bench.register(0, 2).await, Registered::Accepted(_)));
    bench.devices().revoke_sessions(sets[1].id).await.unwrap();
    assert_ne!(bench.fleet.device(device.id).unwrap().generation, after.generation);
    bench.devices().dismiss(device.id, sets[1].id).await.unwrap();
    assert_eq!(bench.fleet.device(device.id).unwrap().status, DeviceStatus::Rejected);
    assert!(bench.devices().decide(DeviceId::generate(), sets[0].id, AuthSetStatus::Accepted).await.is_err());
}

#[tokio::test]
async fn preauthorizing_one_more_key_leaves_the_session_alone() {
    let bench = Bench::start().await;
    let device = bench.accepted(1).await.remove(0);
    let pem = include_str!("../../testdata/keys/p256.pub.pem");
    let identity = serde_json::json!({ "sn": "0" });
    assert!(bench.devices().preauthorize(&identity, pem, false).await.is_err());
    assert_eq!(bench.devices().preauthorize(&identity, pem, true).await.unwrap(), device.id);
    assert_eq!(bench.fleet.device(device.id), Some(device));
    assert_eq!(bench.devices().get(device.id).await.unwrap().auth_sets.len(), 2);
}

#[tokio::test]
async fn of_two_expected_keys_in_one_batch_only_the_last_gets_a_session() {
    let bench = Bench::start().await;
    let identity = serde_json::json!({ "sn": "5" });
    let pems = [
        include_str!("../../testdata/keys/p256.pub.pem"),
        include_str!("../../testdata/keys/ed25519.pub.pem"),
    ];
    let id = bench.devices().preauthorize(&identity, pems[0], false).await.unwrap();
    assert_eq!(bench.fleet.device(id).unwrap().status, DeviceStatus::Preauthorized);
    bench.devices().preauthorize(&identity, pems[1], true).await.unwrap();
    let sets = bench.devices().get(id).await.unwrap().auth_sets;
    let requests = sets.iter().map(|set| {
        let registration = Registration {
            identity: Identity::from_value(&identity).unwrap(),
            spki_sha256: set.spki_sha256,
            public_key: set.public_key.clone(),
        };
        bench.writer.register(TenantId::DEFAULT, registration)
    });
    let came: Vec<_> =
        futures_util::future::join_all(requests).await.into_iter().map(Result::unwrap).collect();
    let now = bench.fleet.device(id).unwrap();
    let sessions: Vec<_> = came
        .iter()
        .filter(|one| matches!(one, Registered::Accepted(login) if login.device.generation == now.generation))
        .collect();
    assert_eq!(sessions.len(), 1, "{came:?}");
    let accepted = bench.fleet.accepted_auth_set(now.number);
    assert!(matches!(sessions[0], Registered::Accepted(login) if Some(login.auth_set) == accepted));
}

#[tokio::test]
async fn a_target_that_expires_ends_its_deployment() {
    let bench = Bench::start().await;
    bench.register(1, 1).await;
    bench.release("one").await;
    let (found, _) =
        bench.devices().list(&DeviceFilter::default(), Page { page: 1, per_page: 9 }).await.unwrap();
    let deployment = bench.deploy("one", Target::Devices(vec![found[0].device.id])).await;
    bench.devices().expire(found[0].device.id, found[0].auth_sets[0].id).await.unwrap();
    bench.check_counters(deployment).await;
    assert!(bench.deployments().get(deployment).await.unwrap().finished_at.is_some());
}

#[tokio::test]
async fn a_commit_is_told_even_if_nobody_waits_for_it() {
    let bench = Bench::start().await;
    let device = bench.accepted(1).await.remove(0);
    let set = bench.devices().get(device.id).await.unwrap().auth_sets.remove(0);
    let devices = bench.devices();
    // Given up at every point where it waits, sooner or later after the commit.
    for waits in 0..64 {
        let mut deciding = Box::pin(devices.decide(device.id, set.id, AuthSetStatus::Rejected));
        for _ in 0..waits {
            if futures_util::poll!(&mut deciding).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(deciding);
    }
    // The next transaction waits for whatever is still under way.
    bench.devices().revoke_sessions(set.id).await.unwrap();
    let stored = bench.devices().get(device.id).await.unwrap().device;
    let known = bench.fleet.device(device.id).unwrap();
    assert_eq!((known.status, known.generation), (stored.status, stored.generation));
}

#[tokio::test]
async fn a_pending_key_expires_with_its_device() {
    let bench = Bench::start().await;
    bench.register(1, 1).await;
    let (found, _) =
        bench.devices().list(&DeviceFilter::default(), Page { page: 1, per_page: 9 }).await.unwrap();
    bench.devices().expire(found[0].device.id, found[0].auth_sets[0].id).await.unwrap();
    assert_eq!((bench.fleet.device_count(), bench.fleet.pending_count()), (0, 0));
}

fn reportable() -> impl Strategy<Value = Vec<(usize, State)>> {
    let states: Vec<State> =
        State::ALL.into_iter().filter(|state| State::from_report(state.as_str()).is_ok()).collect();
    proptest::collection::vec((0_usize..3, select(states)), 0..24)
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(16))]
    #[test]
    fn counters_follow_any_storm_of_reports(storm in reportable()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bench = Bench::start().await;
            let devices = bench.accepted(3).await;
            let artifact = bench.release("one").await;
            let deployment = bench.deploy("one", Target::All).await;
            for device in &devices {
                bench.update(deployment, device, offered(artifact)).await;
            }
            let reports = storm.iter().map(|(at, state)| bench.report(deployment, &devices[*at], *state));
            futures_util::future::join_all(reports).await;
            bench.check_counters(deployment).await;
        });
    }
}
