//! Arbitrary histories of devices, their keys and those who decide about them; what must hold after each act.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::Bench;
use crate::clock::Clock as _;
use crate::crypto::DeviceKey;
use crate::devices::{AuthSetStatus, DeviceStatus, DeviceWithSets, Identity};
use crate::fleet::{KnownCredential, Login};
use crate::ids::{AuthSetId, DeviceId, TenantId};
use crate::storage::devices::DeviceFilter;
use crate::storage::testing::{TestDatabase, database_tests};
use crate::storage::{Page, tenants};
use crate::writer::{Registered, Registration};

database_tests![acceptance_is_only_given];

/// Fewer than there are devices.
const DEVICE_LIMIT: u64 = 2;

const KEYS: [&str; 3] = [
    include_str!("../../../testdata/keys/p256.pub.pem"),
    include_str!("../../../testdata/keys/ed25519.pub.pem"),
    include_str!("../../../testdata/keys/rsa3072.pub.pem"),
];

/// What happens. Devices and keys are numbers; whatever is not there is not found.
#[derive(Clone, Debug)]
enum Act {
    Register { serial: u8, key: usize },
    Preauthorize { serial: u8, key: usize, force: bool },
    Decide { serial: u8, key: usize, to: AuthSetStatus },
    Dismiss { serial: u8, key: usize },
    Expire { serial: u8, key: usize },
    Revoke { serial: u8, key: usize },
    Decommission { serial: u8 },
    Wait,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let at = || (0..3_u8, 0..KEYS.len());
    let to = select(vec![
        AuthSetStatus::Accepted,
        AuthSetStatus::Accepted,
        AuthSetStatus::Rejected,
        AuthSetStatus::Pending,
        AuthSetStatus::Preauthorized,
    ]);
    let one = prop_oneof![
        8 => at().prop_map(|(serial, key)| Act::Register { serial, key }),
        3 => (at(), any::<bool>())
            .prop_map(|((serial, key), force)| Act::Preauthorize { serial, key, force }),
        6 => (at(), to).prop_map(|((serial, key), to)| Act::Decide { serial, key, to }),
        2 => at().prop_map(|(serial, key)| Act::Dismiss { serial, key }),
        1 => at().prop_map(|(serial, key)| Act::Expire { serial, key }),
        1 => at().prop_map(|(serial, key)| Act::Revoke { serial, key }),
        1 => (0..3_u8).prop_map(|serial| Act::Decommission { serial }),
        1 => Just(Act::Wait),
    ];
    proptest::collection::vec(one, 150)
}

pub(super) fn identity(serial: impl std::fmt::Display) -> Identity {
    Identity::parse(&format!(r#"{{"sn":"{serial}"}}"#)).unwrap()
}

fn key(key: usize) -> DeviceKey {
    DeviceKey::from_pem(KEYS[key], 2048).unwrap()
}

/// Everything that is stored about devices, by the hash of their identity.
pub(super) async fn stored(bench: &Bench) -> BTreeMap<[u8; 32], DeviceWithSets> {
    let page = Page { page: 1, per_page: 100 };
    let (found, _) = bench.devices().list(&DeviceFilter::default(), page).await.unwrap();
    found.into_iter().map(|one| (one.device.identity.hash(), one)).collect()
}

fn accepted_in(devices: &BTreeMap<[u8; 32], DeviceWithSets>) -> BTreeSet<AuthSetId> {
    let sets = devices.values().flat_map(|one| &one.auth_sets);
    sets.filter(|set| set.status == AuthSetStatus::Accepted).map(|set| set.id).collect()
}

struct World {
    bench: Bench,
    before: BTreeMap<[u8; 32], DeviceWithSets>,
    /// Sessions that are good, and those that ended.
    alive: Vec<Login>,
    dead: Vec<Login>,
}

impl World {
    fn named(&self, serial: u8, number: usize) -> Option<(DeviceId, AuthSetId, AuthSetStatus)> {
        let found = self.before.get(&identity(serial).hash())?;
        let spki = key(number).spki_sha256();
        let set = found.auth_sets.iter().find(|set| set.spki_sha256 == spki)?;
        Some((found.device.id, set.id, set.status))
    }

    /// Does it, and checks what must hold afterwards.
    async fn act(&mut self, act: &Act) {
        // The one set that this act may make accepted.
        let mut given = None;
        let mut revoked = None;
        let devices = self.bench.devices();
        match *act {
            Act::Register { serial, key: number } => {
                let before = self.named(serial, number);
                let expected = before.filter(|(_, _, status)| *status == AuthSetStatus::Preauthorized);
                given = expected.map(|(_, set, _)| set);
                self.register(serial, number, before.map(|(_, _, status)| status)).await;
            }
            Act::Preauthorize { serial, key, force } => {
                let identity = serde_json::from_str(identity(serial).as_str()).unwrap();
                let done = devices.preauthorize(&identity, KEYS[key], force).await;
                let is_known = self.before.contains_key(&Identity::from_value(&identity).unwrap().hash());
                assert_eq!(done.is_ok(), force || !is_known, "{done:?}");
            }
            Act::Decide { serial, key, to } => {
                if let Some((device, set, from)) = self.named(serial, key) {
                    let is_done = devices.decide(device, set, to).await.is_ok();
                    given = (is_done && to == AuthSetStatus::Accepted).then_some(set);
                    assert!(!is_done || from.decide(to).is_ok());
                }
            }
            Act::Dismiss { serial, key } => {
                if let Some((device, set, _)) = self.named(serial, key) {
                    devices.dismiss(device, set).await.unwrap();
                }
            }
            Act::Expire { serial, key } => {
                if let Some((device, set, _)) = self.named(serial, key) {
                    devices.expire(device, set).await.unwrap();
                }
            }
            Act::Revoke { serial, key } => {
                if let Some((device, set, _)) = self.named(serial, key) {
                    devices.revoke_sessions(set).await.unwrap();
                    revoked = Some(device);
                }
            }
            Act::Decommission { serial } => {
                if let Some(found) = self.before.get(&identity(serial).hash()) {
                    devices.decommission(found.device.id).await.unwrap();
                }
            }
            Act::Wait => self.bench.clock.advance(TimeDelta::minutes(2)),
        }
        let after = stored(&self.bench).await;
        let accepted = accepted_in(&after);
        let newly: Vec<_> = accepted.difference(&accepted_in(&self.before)).copied().collect();
        assert!(newly.iter().all(|set| Some(*set) == given), "accepted, and nobody said so");
        self.check_sessions(&accepted, revoked);
        self.check_counts(&after).await;
        self.before = after;
    }

    async fn register(&mut self, serial: u8, number: usize, before: Option<AuthSetStatus>) {
        let key = key(number);
        let registration = Registration {
            identity: identity(serial),
            spki_sha256: key.spki_sha256(),
            public_key: key.to_pem(),
        };
        match self.bench.writer.register(TenantId::DEFAULT, registration).await.unwrap() {
            Registered::Accepted(login) => {
                assert!(matches!(before, Some(AuthSetStatus::Accepted | AuthSetStatus::Preauthorized)));
                self.alive.push(login);
            }
            Registered::Refused(status) => {
                assert_ne!(status, AuthSetStatus::Accepted);
                assert_eq!(status, before.unwrap_or(AuthSetStatus::Pending));
            }
            Registered::LimitReached => assert_eq!(before, Some(AuthSetStatus::Preauthorized)),
            Registered::TooMany => assert_eq!(before, None),
        }
    }

    /// A session lives while its set is accepted, and never comes back.
    fn check_sessions(&mut self, accepted: &BTreeSet<AuthSetId>, revoked: Option<DeviceId>) {
        let is_ended =
            |login: &Login| !accepted.contains(&login.auth_set) || revoked == Some(login.device.id);
        let (ended, alive): (Vec<_>, Vec<_>) = self.alive.drain(..).partition(is_ended);
        self.alive = alive;
        self.dead.extend(ended);
        let opens = |login: &Login| {
            let found = self.bench.fleet.device(login.device.id);
            found.is_some_and(|found| {
                found.status == DeviceStatus::Accepted && found.generation == login.device.generation
            })
        };
        assert!(self.alive.iter().all(opens), "a session ended, and its set did not");
        assert!(!self.dead.iter().any(opens), "a session outlived its set");
    }

    /// Devices, their sets, the counts and the index say the same.
    async fn check_counts(&self, after: &BTreeMap<[u8; 32], DeviceWithSets>) {
        let devices = self.bench.devices();
        for found in after.values() {
            let sets = || found.auth_sets.iter();
            let accepted = sets().filter(|set| set.status == AuthSetStatus::Accepted);
            assert!(accepted.count() <= 1, "{found:?}");
            assert_eq!(found.device.status, DeviceStatus::strongest(sets().map(|set| set.status)));
            let known = self.bench.fleet.device(found.device.id).unwrap();
            assert_eq!((known.status, known.generation), (found.device.status, found.device.generation));
            for set in sets() {
                let digest = crate::devices::CredentialDigest::new(
                    TenantId::DEFAULT,
                    &found.device.identity.hash(),
                    &set.spki_sha256,
                );
                match self.bench.fleet.credential(digest) {
                    KnownCredential::Accepted(login) => {
                        assert_eq!((set.status, login.auth_set), (AuthSetStatus::Accepted, set.id));
                    }
                    KnownCredential::Refused(status) => assert_eq!(status, set.status),
                    KnownCredential::Unknown => assert_eq!(set.status, AuthSetStatus::Preauthorized),
                }
            }
        }
        for status in [
            DeviceStatus::Noauth,
            DeviceStatus::Rejected,
            DeviceStatus::Pending,
            DeviceStatus::Preauthorized,
            DeviceStatus::Accepted,
        ] {
            let listed = after.values().filter(|found| found.device.status == status).count();
            assert_eq!(devices.count(Some(status)).await.unwrap(), u64::try_from(listed).unwrap());
        }
        assert!(devices.count(Some(DeviceStatus::Accepted)).await.unwrap() <= DEVICE_LIMIT);
        assert_eq!(self.bench.fleet.device_count(), after.len());
    }
}

/// Nobody is accepted whom no operator accepted or expected, one set a device at most; a session dies with its set;
/// counts, rows and index agree. Whatever happened before.
async fn acceptance_is_only_given(storage: TestDatabase) {
    let bench = Bench::on(storage).await;
    let tx = bench.files.database.begin(TenantId::DEFAULT).await.unwrap();
    tenants::set_device_limit(&tx.scope(), Some(DEVICE_LIMIT)).await.unwrap();
    tx.commit(bench.clock.now()).await.unwrap();
    let mut world = World { bench, before: BTreeMap::new(), alive: Vec::new(), dead: Vec::new() };
    let history = acts().new_tree(&mut TestRunner::default()).unwrap().current();
    let mut accepted = 0;
    for (at, act) in history.iter().enumerate() {
        // What failed can be read: only a test that fails shows what it printed.
        println!("{at}: {act:?}");
        world.act(act).await;
        accepted += accepted_in(&world.before).len();
    }
    assert!(accepted > 0, "a history without any acceptance shows nothing");
    for found in world.before.values() {
        let id = found.device.id;
        assert_eq!(world.bench.reloaded().await.device(id), world.bench.fleet.device(id));
    }
}
