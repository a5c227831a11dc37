//! The decision: what a device that asks for an update gets, and why.

use chrono::{DateTime, Utc};

use super::{ArtifactFit, DeviceDeploymentState, DeviceFacts, Phases};
use crate::ids::{ArtifactId, DeploymentNumber, DeviceNumber};
use crate::releases::Trust;

/// What the decision reads: the unfinished deployments of the device's tenant.
pub trait Rollouts {
    /// The unfinished deployments, oldest first.
    fn unfinished(&self) -> impl Iterator<Item = &Rollout>;
    /// Whose signatures count for the tenant.
    fn trust(&self) -> &Trust;
}

/// One unfinished deployment.
#[derive(Debug)]
pub struct Rollout {
    /// Its number: deployments are served in this order.
    pub number: DeploymentNumber,
    /// Its id.
    pub id: crate::ids::DeploymentId,
    /// The release that it rolls out.
    pub artifact_name: String,
    /// Whether devices that have the release already get it again.
    pub forced: bool,
    /// The artifacts of the release.
    pub artifacts: Vec<ArtifactFit>,
    /// When how many devices may begin.
    pub phases: Phases,
    /// How many have asked for it.
    pub asked: u64,
    /// The devices that it is meant for.
    pub targets: std::sync::Arc<roaring::RoaringBitmap>,
    /// The devices that have ended it.
    pub done: roaring::RoaringBitmap,
    /// The devices that were offered it and have not ended it.
    pub active: std::collections::HashMap<DeviceNumber, ActiveUpdate>,
}

/// A device deployment that has not ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ActiveUpdate {
    /// The artifact that was offered.
    pub artifact: Option<ArtifactId>,
    /// How far the device said it is; states between `pending` and the end need not be told apart.
    pub state: DeviceDeploymentState,
}

impl Rollout {
    /// How many devices may have begun, if a device that has not begun would be one too many.
    fn is_full_for(&self, device: DeviceNumber, now: DateTime<Utc>) -> Option<u64> {
        let room = self.phases.room(now);
        (self.asked >= room && !self.active.contains_key(&device)).then_some(room)
    }
}

/// What a device gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// No unfinished deployment is meant for it.
    Nothing,
    /// This artifact.
    Offer {
        /// The deployment.
        deployment: DeploymentNumber,
        /// The artifact.
        artifact: ArtifactId,
        /// Whether the device deployment exists already.
        repeated: bool,
    },
    /// It runs the release already and is not to get it again.
    AlreadyInstalled {
        /// The deployment.
        deployment: DeploymentNumber,
    },
    /// No artifact of the release fits it.
    NoArtifact {
        /// The deployment.
        deployment: DeploymentNumber,
    },
    /// The release has an artifact for it, whose signature does not count at this moment. Nothing is decided: the
    /// device asks again, and gets it when the signature counts again.
    Withheld {
        /// The oldest deployment of which this is so.
        deployment: DeploymentNumber,
    },
    /// The phases that have begun are full: it has to wait. Later deployments wait with it.
    Waiting {
        /// The deployment.
        deployment: DeploymentNumber,
    },
    /// It installed the release, and its last report was lost on the way.
    InferredSuccess {
        /// The deployment.
        deployment: DeploymentNumber,
    },
}

/// One reason on the way to a decision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reason {
    /// The deployment is not meant for the device.
    NotTargeted,
    /// The device has ended it.
    Done,
    /// The phases that have begun are full.
    PhasesFull {
        /// Devices that may have begun by now.
        room: u64,
    },
    /// The device has begun it and is offered it again until it ends.
    Unfinished(DeviceDeploymentState),
    /// The device reports the name of the release that it was offered.
    ReportsOfferedName,
    /// The device runs the release already.
    RunsRelease,
    /// The release has no artifact for the device.
    NothingFits {
        /// Artifacts of the release.
        artifacts: usize,
    },
    /// The artifact fits, but the signature policy forbids it: no valid key signed it.
    SignatureUntrusted(ArtifactId),
    /// The smallest of the artifacts that fit was chosen.
    Chosen(ArtifactId),
}

/// Where reasons go: to nobody on a poll, to a list when someone asks for an explanation.
pub trait Trace {
    /// Takes one reason.
    fn note(&mut self, deployment: DeploymentNumber, reason: Reason);
}

/// Drops reasons.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTrace;

impl Trace for NoTrace {
    fn note(&mut self, _: DeploymentNumber, _: Reason) {}
}

impl Trace for Vec<(DeploymentNumber, Reason)> {
    fn note(&mut self, deployment: DeploymentNumber, reason: Reason) {
        self.push((deployment, reason));
    }
}

/// Decides what a device gets. The oldest unfinished deployment that is meant for it and that it has not ended
/// decides; what it began, it is offered until it ends (device protocol §2.2). A deployment whose artifacts the
/// signature policy forbids is passed over and stays unfinished: else it would be in the way of the one that
/// replaces it.
pub fn offer(
    facts: &DeviceFacts,
    rollouts: &impl Rollouts,
    now: DateTime<Utc>,
    trace: &mut impl Trace,
) -> Decision {
    let mut withheld = None;
    for rollout in rollouts.unfinished() {
        let number = facts.number.as_u32();
        if !rollout.targets.contains(number) {
            trace.note(rollout.number, Reason::NotTargeted);
        } else if rollout.done.contains(number) {
            trace.note(rollout.number, Reason::Done);
        } else if let Some(room) = rollout.is_full_for(facts.number, now) {
            trace.note(rollout.number, Reason::PhasesFull { room });
            return Decision::Waiting { deployment: rollout.number };
        } else {
            let is_trusted = |fit: &ArtifactFit| rollouts.trust().admits(&fit.signers, now);
            let decision = decide(facts, rollout, is_trusted, trace);
            if let Decision::Withheld { deployment } = decision {
                withheld = withheld.or(Some(deployment));
            } else {
                return decision;
            }
        }
    }
    withheld.map_or(Decision::Nothing, |deployment| Decision::Withheld { deployment })
}

fn decide(
    facts: &DeviceFacts,
    rollout: &Rollout,
    is_trusted: impl Fn(&ArtifactFit) -> bool,
    trace: &mut impl Trace,
) -> Decision {
    let deployment = rollout.number;
    let active = rollout.active.get(&facts.number);
    let begun = active.filter(|update| update.state != DeviceDeploymentState::Pending);
    let has_name = facts.artifact_name == rollout.artifact_name;
    if let Some(update) = begun {
        trace.note(deployment, Reason::Unfinished(update.state));
        if has_name && !rollout.forced {
            trace.note(deployment, Reason::ReportsOfferedName);
            return Decision::InferredSuccess { deployment };
        }
    } else if has_name && !rollout.forced {
        trace.note(deployment, Reason::RunsRelease);
        return Decision::AlreadyInstalled { deployment };
    }
    // What was offered once is offered again, whatever joined the release since.
    if let Some(artifact) = active.and_then(|update| update.artifact) {
        let offered = rollout
            .artifacts
            .iter()
            .find(|fit| fit.id == artifact && fit.device_types.contains(&facts.device_type));
        // Another one of the release does not replace it, even if that would be trusted: the device may have
        // begun to install it.
        if offered.is_some_and(|fit| !is_trusted(fit)) {
            trace.note(deployment, Reason::SignatureUntrusted(artifact));
            return Decision::Withheld { deployment };
        }
        if offered.is_some() {
            trace.note(deployment, Reason::Chosen(artifact));
            return Decision::Offer { deployment, artifact, repeated: true };
        }
    }
    let (mut best, mut untrusted) = (None::<&ArtifactFit>, false);
    for fit in rollout.artifacts.iter().filter(|fit| fit.fits(facts)) {
        if !is_trusted(fit) {
            untrusted = true;
            trace.note(deployment, Reason::SignatureUntrusted(fit.id));
        } else if best.is_none_or(|best| (fit.size, fit.id) < (best.size, best.id)) {
            best = Some(fit);
        }
    }
    if let Some(best) = best {
        trace.note(deployment, Reason::Chosen(best.id));
        Decision::Offer { deployment, artifact: best.id, repeated: false }
    } else if untrusted {
        Decision::Withheld { deployment }
    } else {
        trace.note(deployment, Reason::NothingFits { artifacts: rollout.artifacts.len() });
        Decision::NoArtifact { deployment }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};
    use std::sync::Arc;

    use chrono::DateTime;
    use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
    use proptest::sample::select;
    use roaring::RoaringBitmap;

    use super::{ActiveUpdate, Decision, NoTrace, Reason, Rollout, Rollouts, offer};
    use crate::deployments::{
        ArtifactFit, Batch, DeviceDeploymentState as State, DeviceFacts, PhasePlan, Phases,
    };
    use crate::ids::{ArtifactId, DeploymentId, KeyId};
    use crate::releases::{SignaturePolicy, Trust, Validity};

    struct Fleet(Vec<Rollout>, Trust);

    impl Rollouts for Fleet {
        fn unfinished(&self) -> impl Iterator<Item = &Rollout> {
            self.0.iter()
        }

        fn trust(&self) -> &Trust {
            &self.1
        }
    }

    fn artifact(id: u128, size: u64, device_type: &str) -> ArtifactFit {
        ArtifactFit {
            id: ArtifactId::from(uuid::Uuid::from_u128(id)),
            size,
            device_types: vec![device_type.to_owned()],
            depends: BTreeMap::new(),
            signers: Vec::new(),
        }
    }

    fn rollout(number: u32, targets: &[u32], artifacts: Vec<ArtifactFit>) -> Rollout {
        Rollout {
            number: number.into(),
            id: DeploymentId::generate(),
            artifact_name: format!("release-{number}"),
            forced: false,
            artifacts,
            phases: Phases::default(),
            asked: 0,
            targets: Arc::new(targets.iter().copied().collect()),
            done: RoaringBitmap::new(),
            active: HashMap::new(),
        }
    }

    fn facts(number: u32, artifact_name: &str) -> DeviceFacts {
        DeviceFacts {
            number: number.into(),
            device_type: "board".to_owned(),
            artifact_name: artifact_name.to_owned(),
            provides: BTreeMap::new(),
            provides_known: true,
        }
    }

    fn decide(facts: &DeviceFacts, rollouts: Vec<Rollout>) -> Decision {
        offer(facts, &Fleet(rollouts, Trust::default()), DateTime::UNIX_EPOCH, &mut NoTrace)
    }

    #[test]
    fn the_smallest_artifact_that_fits_is_chosen() {
        let artifacts = vec![artifact(1, 30, "board"), artifact(2, 20, "board"), artifact(3, 10, "other")];
        let decision = decide(&facts(7, "old"), vec![rollout(1, &[7], artifacts)]);
        let chosen = ArtifactId::from(uuid::Uuid::from_u128(2));
        assert_eq!(decision, Decision::Offer { deployment: 1.into(), artifact: chosen, repeated: false });
    }

    #[test]
    fn who_has_not_begun_waits_for_a_phase_with_room() {
        let at = |secs: i64| DateTime::from_timestamp(secs, 0).unwrap();
        let plans = [(Some(Batch::Devices(1)), 10), (None, 20)]
            .map(|(batch, start)| PhasePlan { batch, starts_at: Some(at(start)) });
        let fleet = |asked: u64, active: &[u32]| {
            let mut one = rollout(1, &[7, 8], vec![artifact(1, 1, "board")]);
            one.phases = Phases::plan(&plans, 2, at(0)).unwrap();
            one.asked = asked;
            for device in active {
                let update = ActiveUpdate { artifact: Some(one.artifacts[0].id), state: State::Installing };
                one.active.insert((*device).into(), update);
            }
            // What comes later does not overtake.
            Fleet(vec![one, rollout(2, &[7, 8], vec![artifact(2, 1, "board")])], Trust::default())
        };
        let decide = |device: u32, fleet: &Fleet, secs: i64| {
            offer(&facts(device, "old"), fleet, at(secs), &mut NoTrace)
        };
        let waiting = Decision::Waiting { deployment: 1.into() };
        assert_eq!(decide(7, &fleet(0, &[]), 9), waiting);
        assert!(matches!(decide(7, &fleet(0, &[]), 10), Decision::Offer { repeated: false, .. }));
        assert_eq!(decide(8, &fleet(1, &[7]), 10), waiting);
        assert!(matches!(decide(7, &fleet(1, &[7]), 10), Decision::Offer { repeated: true, .. }));
        assert!(matches!(decide(8, &fleet(1, &[7]), 20), Decision::Offer { repeated: false, .. }));
        let mut trace = Vec::new();
        offer(&facts(8, "old"), &fleet(1, &[7]), at(19), &mut trace);
        assert_eq!(trace, [(1.into(), Reason::PhasesFull { room: 1 })]);
    }

    #[test]
    fn the_oldest_unfinished_deployment_decides() {
        let fits = || vec![artifact(1, 1, "board")];
        let mut first = rollout(1, &[7], fits());
        first.done.insert(7);
        let second = rollout(2, &[8], fits());
        let third = rollout(3, &[7], vec![]);
        let fourth = rollout(4, &[7], fits());
        let mut trace = Vec::new();
        let fleet = Fleet(vec![first, second, third, fourth], Trust::default());
        let decision = offer(&facts(7, "old"), &fleet, DateTime::UNIX_EPOCH, &mut trace);
        assert_eq!(decision, Decision::NoArtifact { deployment: 3.into() });
        let reasons: Vec<_> = trace.into_iter().map(|(_, reason)| reason).collect();
        assert_eq!(reasons, [Reason::Done, Reason::NotTargeted, Reason::NothingFits { artifacts: 0 }]);
    }

    #[test]
    fn what_runs_already_is_not_offered_unless_forced() {
        let mut one = rollout(1, &[7], vec![artifact(1, 1, "board")]);
        assert_eq!(
            decide(&facts(7, "release-1"), vec![rollout(1, &[7], vec![artifact(1, 1, "board")])]),
            Decision::AlreadyInstalled { deployment: 1.into() }
        );
        one.forced = true;
        assert!(matches!(decide(&facts(7, "release-1"), vec![one]), Decision::Offer { .. }));
    }

    #[test]
    fn a_lost_final_report_is_recognised_by_the_name() {
        for (state, expected) in [
            (State::Pending, Decision::AlreadyInstalled { deployment: 1.into() }),
            (State::Installing, Decision::InferredSuccess { deployment: 1.into() }),
        ] {
            let mut one = rollout(1, &[7], vec![artifact(1, 1, "board")]);
            one.active.insert(7.into(), ActiveUpdate { artifact: Some(one.artifacts[0].id), state });
            assert_eq!(decide(&facts(7, "release-1"), vec![one]), expected);
        }
    }

    #[test]
    fn what_was_offered_is_offered_again() {
        let artifacts = vec![artifact(1, 30, "board"), artifact(2, 20, "board")];
        let mut one = rollout(1, &[7], artifacts);
        let offered = one.artifacts[0].id;
        one.active.insert(7.into(), ActiveUpdate { artifact: Some(offered), state: State::Downloading });
        let decision = decide(&facts(7, "old"), vec![one]);
        assert_eq!(decision, Decision::Offer { deployment: 1.into(), artifact: offered, repeated: true });
    }

    fn second(at: i64) -> DateTime<chrono::Utc> {
        DateTime::from_timestamp(at, 0).unwrap()
    }

    /// A fleet whose one device is to get an artifact signed by one key, valid until second 100.
    fn signed_fleet(policy: SignaturePolicy) -> (Fleet, KeyId, ArtifactId) {
        let key = KeyId::generate();
        let mut signed = artifact(1, 20, "board");
        signed.signers = vec![key];
        let id = signed.id;
        let validity = Validity { not_after: Some(second(100)), ..Validity::default() };
        let trust = Trust { policy, keys: BTreeMap::from([(key, validity)]) };
        (Fleet(vec![rollout(1, &[7], vec![signed])], trust), key, id)
    }

    fn decide_at(fleet: &Fleet, at: i64) -> (Decision, Vec<Reason>) {
        let mut trace = Vec::new();
        let decision = offer(&facts(7, "old"), fleet, second(at), &mut trace);
        (decision, trace.into_iter().map(|(_, reason)| reason).collect())
    }

    #[test]
    fn what_no_valid_key_signed_is_withheld_and_comes_back() {
        let (mut fleet, key, id) = signed_fleet(SignaturePolicy::Require);
        let offered = Decision::Offer { deployment: 1.into(), artifact: id, repeated: false };
        let withheld = Decision::Withheld { deployment: 1.into() };
        assert_eq!(decide_at(&fleet, 100), (offered, vec![Reason::Chosen(id)]));
        assert_eq!(decide_at(&fleet, 101), (withheld, vec![Reason::SignatureUntrusted(id)]));
        fleet.1.keys.insert(key, Validity { revoked: true, ..Validity::default() });
        assert_eq!(decide_at(&fleet, 50).0, withheld);
        for policy in [SignaturePolicy::Off, SignaturePolicy::Warn] {
            fleet.1.policy = policy;
            assert_eq!(decide_at(&fleet, 50).0, offered, "{policy}");
        }
        fleet.1.policy = SignaturePolicy::Require;
        let other = KeyId::generate();
        fleet.0[0].artifacts[0].signers.push(other);
        fleet.1.keys.insert(other, Validity::default());
        assert_eq!(decide_at(&fleet, 50).0, offered);
    }

    #[test]
    fn a_trusted_artifact_is_chosen_before_a_smaller_one_that_is_not() {
        let (mut fleet, _, id) = signed_fleet(SignaturePolicy::Require);
        let unsigned = artifact(2, 10, "board");
        let reasons = vec![Reason::SignatureUntrusted(unsigned.id), Reason::Chosen(id)];
        fleet.0[0].artifacts.insert(0, unsigned);
        let offered = Decision::Offer { deployment: 1.into(), artifact: id, repeated: false };
        assert_eq!(decide_at(&fleet, 0), (offered, reasons));
    }

    #[test]
    fn what_was_begun_is_withheld_too_and_its_end_is_still_recognised() {
        let (mut fleet, _, id) = signed_fleet(SignaturePolicy::Require);
        let update = ActiveUpdate { artifact: Some(id), state: State::Installing };
        fleet.0[0].active.insert(7.into(), update);
        let repeated = Decision::Offer { deployment: 1.into(), artifact: id, repeated: true };
        assert_eq!(decide_at(&fleet, 100).0, repeated);
        let (decision, reasons) = decide_at(&fleet, 101);
        assert_eq!(decision, Decision::Withheld { deployment: 1.into() });
        assert_eq!(reasons, [Reason::Unfinished(State::Installing), Reason::SignatureUntrusted(id)]);
        let runs_it = facts(7, "release-1");
        let decision = offer(&runs_it, &fleet, second(101), &mut NoTrace);
        assert_eq!(decision, Decision::InferredSuccess { deployment: 1.into() });
    }

    #[test]
    fn what_is_withheld_is_not_in_the_way_of_what_replaces_it() {
        let (mut fleet, _, _) = signed_fleet(SignaturePolicy::Require);
        let key = KeyId::generate();
        fleet.1.keys.insert(key, Validity::default());
        let mut resigned = artifact(9, 1, "board");
        resigned.signers = vec![key];
        let id = resigned.id;
        fleet.0.push(rollout(2, &[7], vec![resigned]));
        let (decision, _) = decide_at(&fleet, 101);
        assert_eq!(decision, Decision::Offer { deployment: 2.into(), artifact: id, repeated: false });
        // A release without an artifact for the device ends as before.
        fleet.0.insert(0, rollout(0, &[7], vec![artifact(3, 1, "other")]));
        assert_eq!(decide_at(&fleet, 101).0, Decision::NoArtifact { deployment: 0.into() });
    }

    fn rollouts() -> impl Strategy<Value = Vec<Rollout>> {
        let devices = || proptest::collection::btree_set(0_u32..8, 0..8);
        let types = proptest::collection::vec(select(vec!["board", "other"]), 0..4);
        let one = (devices(), devices(), devices(), types, any::<bool>());
        proptest::collection::vec(one, 0..6).prop_map(|all| {
            (1..)
                .zip(all)
                .map(|(number, (targets, done, active, types, forced))| {
                    let targets: Vec<u32> = targets.into_iter().collect();
                    let artifacts = (1..)
                        .zip(types)
                        .map(|(id, kind)| artifact(id, u64::try_from(id).unwrap(), kind))
                        .collect();
                    let mut one = rollout(number, &targets, artifacts);
                    one.forced = forced;
                    one.done = done.into_iter().collect();
                    let update = ActiveUpdate { artifact: None, state: State::Downloading };
                    one.active = active.into_iter().map(|device| (device.into(), update)).collect();
                    one
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn nothing_reaches_a_device_that_is_not_targeted(all in rollouts(), device in 0_u32..8) {
            let open: Vec<_> = all
                .iter()
                .filter(|one| one.targets.contains(device) && !one.done.contains(device))
                .map(|one| one.number)
                .collect();
            let artifacts: Vec<_> = all.iter().map(|one| (one.number, one.artifacts.clone())).collect();
            let facts = facts(device, "release-2");
            match decide(&facts, all) {
                Decision::Nothing => prop_assert!(open.is_empty()),
                Decision::Withheld { .. } => prop_assert!(false, "nothing is asked of signatures"),
                Decision::Waiting { .. } => prop_assert!(false, "there are no phases"),
                Decision::Offer { deployment, artifact, .. } => {
                    prop_assert_eq!(Some(&deployment), open.first());
                    let (_, of_release) = artifacts.iter().find(|(number, _)| *number == deployment).unwrap();
                    prop_assert!(of_release.iter().any(|fit| fit.id == artifact && fit.fits(&facts)));
                }
                Decision::AlreadyInstalled { deployment }
                | Decision::NoArtifact { deployment }
                | Decision::InferredSuccess { deployment } => {
                    prop_assert_eq!(Some(&deployment), open.first());
                }
            }
        }
    }
}
