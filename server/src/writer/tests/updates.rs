//! Device deployments begin, are reported, and end.

use std::collections::BTreeMap;

use proptest::prelude::{Strategy, proptest};
use proptest::sample::select;

use super::{Bench, offered};
use crate::clock::Clock;
use crate::deployments::offer::Decision;
use crate::deployments::service::Target;
use crate::deployments::{DeviceDeploymentState as State, DeviceFacts};
use crate::devices::AuthSetStatus;
use crate::ids::TenantId;
use crate::storage::Page;
use crate::storage::devices::DeviceFilter;
use crate::storage::testing::{TestDatabase, database_tests};
use crate::writer::{Registered, UpdateAction, UpdateOutcome};

database_tests![
    an_update_is_counted_from_offer_to_end,
    an_abort_stops_who_began_and_counts_who_never_asked,
    a_decommissioned_device_ends_its_deployments_and_comes_back_as_a_new_one,
    a_restart_knows_what_the_index_knew,
    a_target_that_expires_ends_its_deployment,
];

async fn an_update_is_counted_from_offer_to_end(storage: TestDatabase) {
    let bench = Bench::on(storage).await;
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

async fn an_abort_stops_who_began_and_counts_who_never_asked(storage: TestDatabase) {
    let bench = Bench::on(storage).await;
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

async fn a_decommissioned_device_ends_its_deployments_and_comes_back_as_a_new_one(storage: TestDatabase) {
    let bench = Bench::on(storage).await;
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

async fn a_restart_knows_what_the_index_knew(storage: TestDatabase) {
    let bench = Bench::on(storage).await;
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

async fn a_target_that_expires_ends_its_deployment(storage: TestDatabase) {
    let bench = Bench::on(storage).await;
    bench.register(1, 1).await;
    bench.release("one").await;
    let (found, _) =
        bench.devices().list(&DeviceFilter::default(), Page { page: 1, per_page: 9 }).await.unwrap();
    let deployment = bench.deploy("one", Target::Devices(vec![found[0].device.id])).await;
    bench.devices().expire(found[0].device.id, found[0].auth_sets[0].id).await.unwrap();
    bench.check_counters(deployment).await;
    assert!(bench.deployments().get(deployment).await.unwrap().finished_at.is_some());
}

fn reportable() -> impl Strategy<Value = Vec<(usize, State)>> {
    let states: Vec<State> =
        State::ALL.into_iter().filter(|state| State::from_report(state.as_str()).is_ok()).collect();
    proptest::collection::vec((0_usize..3, select(states)), 0..24)
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(16))]

    #[test]
    fn counters_follow_any_storm_of_reports_on_sqlite(storm in reportable()) {
        run(async { counters_follow(&storm, TestDatabase::on_sqlite().await).await });
    }

    #[test]
    fn counters_follow_any_storm_of_reports_on_postgres(storm in reportable()) {
        run(async {
            if let Some(storage) = TestDatabase::on_postgres().await {
                counters_follow(&storm, storage).await;
            }
        });
    }
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

async fn counters_follow(storm: &[(usize, State)], storage: TestDatabase) {
    let bench = Bench::on(storage).await;
    let devices = bench.accepted(3).await;
    let artifact = bench.release("one").await;
    let deployment = bench.deploy("one", Target::All).await;
    for device in &devices {
        bench.update(deployment, device, offered(artifact)).await;
    }
    let reports = storm.iter().map(|(at, state)| bench.report(deployment, &devices[*at], *state));
    futures_util::future::join_all(reports).await;
    bench.check_counters(deployment).await;
}
