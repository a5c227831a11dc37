//! Arbitrary histories of a fleet, followed by the index and by a model that only counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::select;
use proptest::test_runner::TestCaseError;

use super::FleetIndex;
use crate::deployments::offer::Decision;
use crate::deployments::{
    ArtifactFit, Batch, DeviceDeploymentState as State, DeviceFacts, PhasePlan, Phases,
};
use crate::devices::DeviceStatus;
use crate::ids::{ArtifactId, DeploymentId, DeploymentNumber, DeviceId, DeviceNumber, TenantId};
use crate::storage::{Change, ChangeSink as _};

const TENANT: TenantId = TenantId::DEFAULT;
const DEVICES: u32 = 4;
const RELEASES: [&str; 3] = ["one", "two", "three"];
const TYPES: [&str; 2] = ["board", "gateway"];

/// What people and devices do. Devices are numbers, deployments positions among those made so far.
#[derive(Clone, Debug)]
enum Act {
    /// `first` devices may begin now, and the others never.
    Create {
        release: &'static str,
        targets: Vec<bool>,
        forced: bool,
        first: Option<u64>,
    },
    Abort {
        deployment: usize,
    },
    AddArtifact {
        release: &'static str,
        device_type: &'static str,
        requires: Option<&'static str>,
    },
    RemoveArtifact {
        nth: usize,
    },
    Poll {
        device: u32,
        device_type: &'static str,
        runs: &'static str,
    },
    Report {
        device: u32,
        deployment: usize,
        state: State,
    },
    Decommission {
        device: u32,
    },
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let device = || 0..DEVICES;
    let release = || select(RELEASES.to_vec());
    let device_type = || select(TYPES.to_vec());
    let reportable: Vec<State> =
        State::ALL.into_iter().filter(|state| State::from_report(state.as_str()).is_ok()).collect();
    let one = prop_oneof![
        2 => (release(), proptest::collection::vec(any::<bool>(), 4), any::<bool>(), proptest::option::of(1_u64..3))
            .prop_map(|(release, targets, forced, first)| Act::Create { release, targets, forced, first }),
        1 => (0_usize..8).prop_map(|deployment| Act::Abort { deployment }),
        2 => (release(), device_type(), select(vec![None, Some("one"), Some("old")])).prop_map(
            |(release, device_type, requires)| Act::AddArtifact { release, device_type, requires }
        ),
        1 => (0_usize..8).prop_map(|nth| Act::RemoveArtifact { nth }),
        8 => (device(), device_type(), select(vec!["old", "one", "two", "three"]))
            .prop_map(|(device, device_type, runs)| Act::Poll { device, device_type, runs }),
        5 => (device(), 0_usize..8, select(reportable))
            .prop_map(|(device, deployment, state)| Act::Report { device, deployment, state }),
        1 => device().prop_map(|device| Act::Decommission { device }),
    ];
    proptest::collection::vec(one, 0..60)
}

/// A deployment as a person would keep book of it.
struct Book {
    number: DeploymentNumber,
    release: &'static str,
    is_over: bool,
    targets: BTreeSet<u32>,
    /// How many devices may begin.
    room: u64,
    /// The devices that have asked for it.
    asked: BTreeSet<u32>,
    /// How far each device is that was offered it.
    states: BTreeMap<u32, (Option<ArtifactId>, State)>,
}

impl Book {
    fn is_open_for(&self, device: u32) -> bool {
        let ended = self.states.get(&device).is_some_and(|(_, state)| state.is_final());
        !self.is_over && self.targets.contains(&device) && !ended
    }

    fn has_room_for(&self, device: u32) -> bool {
        self.states.contains_key(&device) || u64::try_from(self.asked.len()).unwrap() < self.room
    }
}

struct World {
    index: FleetIndex,
    books: Vec<Book>,
    artifacts: Vec<(&'static str, ArtifactFit)>,
    gone: BTreeSet<u32>,
}

impl World {
    fn new() -> Self {
        let world = Self {
            index: FleetIndex::default(),
            books: Vec::new(),
            artifacts: Vec::new(),
            gone: BTreeSet::new(),
        };
        for number in 0..DEVICES {
            world.apply(Change::Device {
                number: number.into(),
                id: DeviceId::generate(),
                status: DeviceStatus::Accepted,
                generation: 1,
            });
        }
        world
    }

    fn apply(&self, change: Change) {
        self.index.apply(&[(TENANT, change)]);
    }

    fn act(&mut self, act: Act) -> Result<(), TestCaseError> {
        match act {
            Act::Create { release, targets, forced, first } => self.create(release, &targets, forced, first),
            Act::Abort { deployment } => {
                if let Some(book) = self.books.get_mut(deployment) {
                    book.is_over = true;
                    let number = book.number;
                    self.apply(Change::DeploymentFinished { number });
                }
            }
            Act::AddArtifact { release, device_type, requires } => {
                let depends = requires.map(|name| ("artifact_name".to_owned(), vec![name.to_owned()]));
                let artifact = ArtifactFit {
                    id: ArtifactId::generate(),
                    size: 1,
                    device_types: vec![device_type.to_owned()],
                    depends: depends.into_iter().collect(),
                    signers: Vec::new(),
                };
                self.artifacts.push((release, artifact.clone()));
                self.apply(Change::ArtifactAdded { artifact_name: release.to_owned(), artifact });
            }
            Act::RemoveArtifact { nth } => {
                if nth < self.artifacts.len() {
                    let (release, artifact) = self.artifacts.remove(nth);
                    self.apply(Change::ArtifactRemoved {
                        artifact_name: release.to_owned(),
                        id: artifact.id,
                    });
                }
            }
            Act::Poll { device, .. } | Act::Report { device, .. } if self.gone.contains(&device) => {}
            Act::Poll { device, device_type, runs } => self.poll(device, device_type, runs)?,
            Act::Report { device, deployment, state } => self.report(device, deployment, state),
            Act::Decommission { device } => self.decommission(device),
        }
        Ok(())
    }

    fn create(&mut self, release: &'static str, targets: &[bool], forced: bool, first: Option<u64>) {
        let number = DeploymentNumber::from(u32::try_from(self.books.len()).unwrap() + 1);
        let targets: BTreeSet<u32> = (0..DEVICES)
            .zip(targets)
            .filter(|(device, is)| **is && !self.gone.contains(device))
            .map(|(d, _)| d)
            .collect();
        let count = u64::try_from(targets.len()).unwrap();
        let starts_at = Some(DateTime::<Utc>::MAX_UTC);
        let plans = [
            PhasePlan { batch: first.map(Batch::Devices), starts_at: None },
            PhasePlan { batch: None, starts_at },
        ];
        let phases = first.and_then(|_| Phases::plan(&plans, count, DateTime::UNIX_EPOCH).ok());
        let room = phases.as_ref().and(first).unwrap_or(u64::MAX);
        let artifacts = self.artifacts.iter().filter(|(name, _)| *name == release);
        self.apply(Change::DeploymentCreated {
            number,
            id: DeploymentId::generate(),
            artifact_name: release.to_owned(),
            forced,
            phases: phases.unwrap_or_default(),
            targets: Arc::new(targets.iter().copied().collect()),
            artifacts: artifacts.map(|(_, artifact)| artifact.clone()).collect(),
        });
        let (asked, states) = (BTreeSet::new(), BTreeMap::new());
        self.books.push(Book { number, release, is_over: false, targets, room, asked, states });
    }

    fn poll(&mut self, device: u32, device_type: &str, runs: &str) -> Result<(), TestCaseError> {
        let facts = DeviceFacts {
            number: device.into(),
            device_type: device_type.to_owned(),
            artifact_name: runs.to_owned(),
            provides: BTreeMap::new(),
            provides_known: true,
        };
        let is_idle = self.index.is_idle(TENANT, device.into());
        let decision = self.index.decide(TENANT, &facts, DateTime::UNIX_EPOCH);
        let oldest = self.books.iter().position(|book| book.is_open_for(device));
        if is_idle {
            prop_assert_eq!(decision, Decision::Nothing, "an idle poll hides an update");
        }
        let has_room = oldest.and_then(|at| self.books.get(at)).is_none_or(|book| book.has_room_for(device));
        prop_assert_eq!(has_room, !matches!(decision, Decision::Waiting { .. }));
        let (number, artifact, state) = match decision {
            Decision::Waiting { deployment } => {
                let book = oldest.and_then(|at| self.books.get(at));
                prop_assert_eq!(Some(deployment), book.map(|book| book.number));
                return Ok(());
            }
            Decision::Nothing => {
                prop_assert_eq!(oldest, None);
                return Ok(());
            }
            Decision::Offer { deployment, artifact, repeated } => {
                let book = oldest.and_then(|at| self.books.get(at));
                let release = book.map(|book| book.release);
                let known = self.artifacts.iter().find(|(_, fit)| fit.id == artifact);
                prop_assert_eq!(known.map(|(name, _)| *name), release);
                let fit = &known.unwrap().1;
                prop_assert!(fit.device_types.iter().any(|one| one == device_type));
                let before = book.and_then(|book| book.states.get(&device)).copied();
                prop_assert_eq!(repeated, before.is_some_and(|(was, _)| was == Some(artifact)));
                // Depends are judged when something is chosen, not when it is offered again.
                prop_assert!(repeated || fit.fits(&facts));
                (deployment, Some(artifact), before.map_or(State::Pending, |(_, state)| state))
            }
            Decision::AlreadyInstalled { deployment } => (deployment, None, State::AlreadyInstalled),
            Decision::NoArtifact { deployment } => (deployment, None, State::NoArtifact),
            Decision::Withheld { .. } => return Err(TestCaseError::fail("the policy is off")),
            Decision::InferredSuccess { deployment } => (deployment, None, State::Success),
        };
        prop_assert_eq!(Some(number), oldest.and_then(|at| self.books.get(at)).map(|book| book.number));
        if let Some(book) = oldest.and_then(|at| self.books.get_mut(at)) {
            book.asked.insert(device);
        }
        self.note(device, number, artifact, state);
        let active = self.books.iter().filter(|book| !book.is_over);
        let active =
            active.filter(|book| book.states.get(&device).is_some_and(|(_, state)| !state.is_final()));
        prop_assert!(active.count() <= 1, "two updates at a time");
        Ok(())
    }

    /// Reports count for what was offered, and by the state machine.
    fn report(&mut self, device: u32, deployment: usize, state: State) {
        use crate::deployments::state::ReportEffect;
        let Some(book) = self.books.get(deployment).filter(|book| !book.is_over) else { return };
        let Some((artifact, before)) = book.states.get(&device).copied() else { return };
        if let ReportEffect::MovesTo(next) = before.reported(state) {
            self.note(device, book.number, artifact, next);
        }
    }

    fn decommission(&mut self, device: u32) {
        let open = self.books.iter().filter(|book| book.is_open_for(device));
        for number in open.map(|book| book.number).collect::<Vec<_>>() {
            self.note(device, number, None, State::Decommissioned);
        }
        self.gone.insert(device);
        self.apply(Change::DeviceRemoved { number: device.into() });
    }

    fn note(&mut self, device: u32, number: DeploymentNumber, artifact: Option<ArtifactId>, state: State) {
        if let Some(book) = self.books.iter_mut().find(|book| book.number == number) {
            book.states.insert(device, (artifact, state));
        }
        let device = DeviceNumber::from(device);
        self.apply(Change::DeviceDeployment { deployment: number, device, artifact, state });
    }
}

proptest! {
    /// Nothing for who is not targeted, nothing again for who has ended, the oldest first, one at a time, and
    /// only what fits; whatever happened before.
    #[test]
    fn offers_follow_the_book(acts in acts()) {
        let mut world = World::new();
        for act in acts {
            world.act(act)?;
        }
    }
}
