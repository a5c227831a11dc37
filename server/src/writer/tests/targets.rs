//! Arbitrary histories of devices, groups and deployments, through storage: who gets what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::sample::select;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::Bench;
use crate::clock::manual::ManualClock;
use crate::crypto::random::SystemRandom;
use crate::crypto::session_token::{SigningKey, SigningKeySet, TokenAuthority};
use crate::deployments::device_service::{DeviceDeploymentError, DeviceDeployments};
use crate::deployments::service::{Plan, Target};
use crate::deployments::{DeviceDeploymentState as State, DeviceFacts};
use crate::devices::AuthSetStatus;
use crate::devices::session::{DeviceSession, Sessions};
use crate::ids::{AuthSetId, DeploymentId, DeviceId};
use crate::inventory::{GroupName, Inventory};
use crate::storage::testing::{TestDatabase, database_tests};
use crate::writer::Registered;

database_tests![only_targets_get_anything];

const SERIALS: u32 = 4;
const GROUPS: [&str; 2] = ["north", "south"];

/// Whom a deployment is for. Named devices are serial numbers.
#[derive(Clone, Debug)]
enum Aim {
    All,
    Group(&'static str),
    Named(BTreeSet<u32>),
}

/// What happens. Deployments are counted back from the newest; whatever is not there is left alone.
#[derive(Clone, Debug)]
enum Act {
    Register { serial: u32 },
    Decide { serial: u32, to: AuthSetStatus },
    Decommission { serial: u32 },
    Join { serial: u32, group: &'static str },
    Leave { serial: u32 },
    Create { aim: Aim },
    Abort { nth: usize },
    Poll { serial: u32 },
    Report { serial: u32, nth: usize, state: State },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let serial = || 0..SERIALS;
    let group = || select(GROUPS.to_vec());
    let to = select(vec![AuthSetStatus::Accepted, AuthSetStatus::Accepted, AuthSetStatus::Rejected]);
    let aim = prop_oneof![
        1 => Just(Aim::All),
        3 => group().prop_map(Aim::Group),
        1 => proptest::collection::btree_set(serial(), 1..3).prop_map(Aim::Named),
    ];
    let state = select(vec![State::Installing, State::Rebooting, State::Success, State::Failure]);
    let one = prop_oneof![
        5 => serial().prop_map(|serial| Act::Register { serial }),
        5 => (serial(), to).prop_map(|(serial, to)| Act::Decide { serial, to }),
        1 => serial().prop_map(|serial| Act::Decommission { serial }),
        5 => (serial(), group()).prop_map(|(serial, group)| Act::Join { serial, group }),
        2 => serial().prop_map(|serial| Act::Leave { serial }),
        3 => aim.prop_map(|aim| Act::Create { aim }),
        1 => (0_usize..8).prop_map(|nth| Act::Abort { nth }),
        10 => serial().prop_map(|serial| Act::Poll { serial }),
        5 => (serial(), 0_usize..8, state)
            .prop_map(|(serial, nth, state)| Act::Report { serial, nth, state }),
    ];
    proptest::collection::vec(one, 400)
}

/// A device as a person would keep book of it, from its first request until it is decommissioned.
struct Entry {
    id: DeviceId,
    set: AuthSetId,
    is_accepted: bool,
    group: Option<&'static str>,
    /// Every token that it ever got.
    tokens: Vec<String>,
}

/// A deployment, likewise.
struct Book {
    id: DeploymentId,
    is_over: bool,
    targets: BTreeSet<DeviceId>,
    offered: BTreeSet<DeviceId>,
    ended: BTreeSet<DeviceId>,
}

impl Book {
    fn is_open_for(&self, device: DeviceId) -> bool {
        !self.is_over && self.targets.contains(&device) && !self.ended.contains(&device)
    }
}

struct World {
    bench: Bench,
    sessions: Sessions,
    service: DeviceDeployments,
    inventory: Inventory,
    devices: BTreeMap<u32, Entry>,
    books: Vec<Book>,
    /// Tokens of devices that were decommissioned.
    void: Vec<String>,
    offers: usize,
}

impl World {
    async fn new(storage: TestDatabase) -> Self {
        let bench = Bench::on(storage).await;
        let random = Arc::new(SystemRandom::new());
        let keys = SigningKeySet::new(SigningKey::generate(random.as_ref()).unwrap(), Vec::new());
        let clock = || Arc::<ManualClock>::clone(&bench.clock);
        let fleet = || Arc::clone(&bench.fleet);
        let (authority, issuer) = (TokenAuthority::new(keys), "Test".to_owned());
        let sessions = Sessions::new(authority, fleet(), clock(), random, issuer, 1_000_000, 10);
        let database = bench.files.database.clone();
        let service = DeviceDeployments::new(database, fleet(), bench.writer.clone(), clock());
        let inventory = Inventory::new(bench.files.scope(), fleet(), clock());
        let (devices, books, void) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { bench, sessions, service, inventory, devices, books, void, offers: 0 }
    }

    async fn act(&mut self, act: Act) {
        match act {
            Act::Register { serial } => self.register(serial).await,
            Act::Decide { serial, to } => {
                if let Some(entry) = self.devices.get_mut(&serial) {
                    self.bench.devices().decide(entry.id, entry.set, to).await.unwrap();
                    entry.is_accepted = to == AuthSetStatus::Accepted;
                }
            }
            Act::Decommission { serial } => {
                if let Some(entry) = self.devices.remove(&serial) {
                    self.bench.devices().decommission(entry.id).await.unwrap();
                    for book in self.books.iter_mut().filter(|book| book.is_open_for(entry.id)) {
                        book.ended.insert(entry.id);
                    }
                    self.void.extend(entry.tokens);
                }
            }
            Act::Join { serial, group } => {
                if let Some(entry) = self.devices.get_mut(&serial) {
                    let name: GroupName = group.parse().unwrap();
                    self.inventory.put_into_group(entry.id, &name).await.unwrap();
                    entry.group = Some(group);
                }
            }
            Act::Leave { serial } => {
                if let Some(entry) = self.devices.get_mut(&serial)
                    && let Some(group) = entry.group.take()
                {
                    let name: GroupName = group.parse().unwrap();
                    self.inventory.take_out_of_group(entry.id, &name).await.unwrap();
                }
            }
            Act::Create { aim } => self.create(&aim).await,
            Act::Abort { nth } => {
                if let Some(book) = self.books.iter_mut().nth_back(nth) {
                    // Refused if it has ended by itself, which it has when all of its targets have.
                    let is_done = self.bench.deployments().abort(book.id).await.is_ok();
                    assert_eq!(is_done, !book.is_over && book.ended.len() < book.targets.len());
                    book.is_over = true;
                }
            }
            Act::Poll { serial } => self.poll(serial).await,
            Act::Report { serial, nth, state } => self.report(serial, nth, state).await,
        }
        assert!(self.void.iter().all(|token| self.sessions.check(token).is_err()), "a decommissioned device");
        for entry in self.devices.values().filter(|entry| !entry.is_accepted) {
            assert!(entry.tokens.iter().all(|token| self.sessions.check(token).is_err()), "not accepted");
        }
    }

    async fn register(&mut self, serial: u32) {
        let answer = self.bench.register(serial, 1).await;
        let Some(entry) = self.devices.get_mut(&serial) else {
            assert_eq!(answer, Registered::Refused(AuthSetStatus::Pending));
            let stored = super::histories::stored(&self.bench).await;
            let found = stored.get(&super::histories::identity(serial).hash()).unwrap();
            let (id, set) = (found.device.id, found.auth_sets[0].id);
            let entry = Entry { id, set, is_accepted: false, group: None, tokens: Vec::new() };
            self.devices.insert(serial, entry);
            return;
        };
        match answer {
            Registered::Accepted(login) => {
                assert!(entry.is_accepted && login.device.id == entry.id);
                entry.tokens.push(self.sessions.open(&login).unwrap());
            }
            Registered::Refused(status) => {
                assert!(!entry.is_accepted && status != AuthSetStatus::Accepted);
            }
            Registered::LimitReached | Registered::TooMany => panic!("there are fewer devices than that"),
        }
    }

    async fn create(&mut self, aim: &Aim) {
        let id_of = |serial: &u32| self.devices.get(serial).map(|entry| entry.id);
        let accepted = || self.devices.values().filter(|entry| entry.is_accepted);
        let (target, targets): (_, BTreeSet<DeviceId>) = match aim {
            Aim::All => (Target::All, accepted().map(|entry| entry.id).collect()),
            Aim::Group(group) => {
                let members = accepted().filter(|entry| entry.group == Some(*group));
                (Target::Group((*group).to_owned()), members.map(|entry| entry.id).collect())
            }
            Aim::Named(serials) => {
                // Whom a person names gets it as soon as it is accepted.
                let ids: BTreeSet<DeviceId> = serials.iter().filter_map(id_of).collect();
                (Target::Devices(ids.iter().copied().collect()), ids)
            }
        };
        let name = format!("deployment {}", self.books.len());
        let artifact_name = "new".to_owned();
        let plan = Plan { name, artifact_name, target, forced: false, phases: Vec::new(), retries: 0 };
        match self.bench.deployments().create(&plan).await {
            Ok(id) => {
                assert!(!targets.is_empty());
                let (offered, ended) = (BTreeSet::new(), BTreeSet::new());
                self.books.push(Book { id, is_over: false, targets, offered, ended });
            }
            Err(err) => assert!(targets.is_empty(), "{err}"),
        }
    }

    /// The session of a device that has one; all of its good tokens open the same.
    fn session(&self, serial: u32) -> Option<DeviceSession> {
        let entry = self.devices.get(&serial)?;
        entry.tokens.iter().find_map(|token| self.sessions.check(token).ok())
    }

    async fn poll(&mut self, serial: u32) {
        let Some(session) = self.session(serial) else { return };
        let was_told_nothing = self.service.was_told_nothing(&session);
        let facts = DeviceFacts {
            number: session.number,
            device_type: "board".to_owned(),
            artifact_name: "old".to_owned(),
            provides: BTreeMap::new(),
            provides_known: true,
        };
        let offer = self.service.next(&session, &facts).await.unwrap();
        let oldest = self.books.iter_mut().find(|book| book.is_open_for(session.id));
        assert_eq!(offer.map(|offer| offer.deployment), oldest.as_ref().map(|book| book.id));
        if let Some(book) = oldest {
            assert!(!was_told_nothing, "an idle poll hides an update");
            book.offered.insert(session.id);
            self.offers += 1;
        }
    }

    async fn report(&mut self, serial: u32, nth: usize, state: State) {
        let Some(session) = self.session(serial) else { return };
        let Some(book) = self.books.iter_mut().nth_back(nth) else { return };
        let done = self.service.report(&session, book.id, state, None).await;
        if !book.offered.contains(&session.id) {
            let is_refused =
                matches!(done, Err(DeviceDeploymentError::Unknown(_) | DeviceDeploymentError::Aborted));
            assert!(is_refused, "{done:?}");
        } else if book.is_open_for(session.id) {
            done.unwrap();
            if state.is_final() {
                book.ended.insert(session.id);
            }
        }
    }
}

/// Nothing for who was not a target when a deployment was made: whoever joined its group later, was accepted later
/// or took the place of a decommissioned device; the targets get the oldest first, also those that left the group or
/// were rejected for a while. Whatever happened before.
async fn only_targets_get_anything(storage: TestDatabase) {
    let mut world = World::new(storage).await;
    world.bench.release("new").await;
    let history = acts().new_tree(&mut TestRunner::default()).unwrap().current();
    for (at, act) in history.into_iter().enumerate() {
        // What failed can be read: only a test that fails shows what it printed.
        println!("{at}: {act:?}");
        world.act(act).await;
    }
    assert!(world.offers > 0, "a history without any offer shows nothing");
    for book in &world.books {
        world.bench.check_counters(book.id).await;
    }
    let reloaded = world.bench.reloaded().await;
    for entry in world.devices.values() {
        assert_eq!(reloaded.device(entry.id), world.bench.fleet.device(entry.id));
    }
}
