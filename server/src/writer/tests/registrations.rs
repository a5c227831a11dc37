//! Devices appear, are accepted, and lose their keys.

use chrono::TimeDelta;

use super::Bench;
use crate::clock::Clock;
use crate::devices::{AuthSetStatus, DeviceStatus, Identity};
use crate::ids::{DeviceId, TenantId};
use crate::storage::devices::DeviceFilter;
use crate::storage::testing::{TestDatabase, database_tests};
use crate::storage::{Page, tenants};
use crate::writer::{Registered, Registration};

database_tests![
    unknown_devices_wait_and_known_ones_are_recognised,
    one_burst_of_the_same_device_makes_one_device,
    what_waits_is_capped_in_all_and_for_each_device,
    the_device_limit_holds_for_preauthorized_ones,
    decisions_void_sessions_and_move_acceptance,
    preauthorizing_one_more_key_leaves_the_session_alone,
    of_two_expected_keys_in_one_batch_only_the_last_gets_a_session,
    a_commit_is_told_even_if_nobody_waits_for_it,
    a_pending_key_expires_with_its_device,
];

async fn unknown_devices_wait_and_known_ones_are_recognised(storage: TestDatabase) {
    let bench = Bench::on(storage).await;
    assert_eq!(bench.register(1, 1).await, Registered::Refused(AuthSetStatus::Pending));
    assert_eq!(bench.register(1, 1).await, Registered::Refused(AuthSetStatus::Pending));
    assert_eq!(bench.fleet.device_count(), 1);
    let known = bench.accept_all().await;
    assert!(matches!(bench.register(1, 1).await, Registered::Accepted(login) if login.device == known[0]));
    assert_eq!(bench.register(1, 2).await, Registered::Refused(AuthSetStatus::Pending));
    assert_eq!(bench.fleet.device(known[0].id).unwrap().status, DeviceStatus::Accepted);
    assert_eq!(bench.reloaded().await.device(known[0].id), bench.fleet.device(known[0].id));
}

async fn one_burst_of_the_same_device_makes_one_device(storage: TestDatabase) {
    let bench = Bench::on(storage).await;
    let all = futures_util::future::join_all((0..50).map(|_| bench.register(1, 1))).await;
    assert!(all.iter().all(|outcome| *outcome == Registered::Refused(AuthSetStatus::Pending)));
    assert_eq!((bench.fleet.device_count(), bench.fleet.pending_count()), (1, 1));
}

async fn what_waits_is_capped_in_all_and_for_each_device(storage: TestDatabase) {
    let bench = Bench::on(storage).await;
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

async fn the_device_limit_holds_for_preauthorized_ones(storage: TestDatabase) {
    let bench = Bench::on(storage).await;
    let pem = include_str!("../../../testdata/keys/p256.pub.pem");
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

async fn decisions_void_sessions_and_move_acceptance(storage: TestDatabase) {
    let bench = Bench::on(storage).await;
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

async fn preauthorizing_one_more_key_leaves_the_session_alone(storage: TestDatabase) {
    let bench = Bench::on(storage).await;
    let device = bench.accepted(1).await.remove(0);
    let pem = include_str!("../../../testdata/keys/p256.pub.pem");
    let identity = serde_json::json!({ "sn": "0" });
    assert!(bench.devices().preauthorize(&identity, pem, false).await.is_err());
    assert_eq!(bench.devices().preauthorize(&identity, pem, true).await.unwrap(), device.id);
    assert_eq!(bench.fleet.device(device.id), Some(device));
    assert_eq!(bench.devices().get(device.id).await.unwrap().auth_sets.len(), 2);
}

async fn of_two_expected_keys_in_one_batch_only_the_last_gets_a_session(storage: TestDatabase) {
    let bench = Bench::on(storage).await;
    let identity = serde_json::json!({ "sn": "5" });
    let pems = [
        include_str!("../../../testdata/keys/p256.pub.pem"),
        include_str!("../../../testdata/keys/ed25519.pub.pem"),
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

async fn a_commit_is_told_even_if_nobody_waits_for_it(storage: TestDatabase) {
    let bench = Bench::on(storage).await;
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

async fn a_pending_key_expires_with_its_device(storage: TestDatabase) {
    let bench = Bench::on(storage).await;
    bench.register(1, 1).await;
    let (found, _) =
        bench.devices().list(&DeviceFilter::default(), Page { page: 1, per_page: 9 }).await.unwrap();
    bench.devices().expire(found[0].device.id, found[0].auth_sets[0].id).await.unwrap();
    assert_eq!((bench.fleet.device_count(), bench.fleet.pending_count()), (0, 0));
}
