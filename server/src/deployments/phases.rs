//! Phases: when how many devices of a deployment may begin (management API §4.4).

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Phases that one deployment may have.
const MAX_PHASES: usize = 100;

/// How large a phase is to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Batch {
    /// A share of the devices, 1 to 100.
    Percent(u32),
    /// So many devices.
    Devices(u64),
}

/// A phase as it is asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PhasePlan {
    /// How large it is to be; the last one may take the rest.
    pub batch: Option<Batch>,
    /// When it begins; the first one may begin at once.
    pub starts_at: Option<DateTime<Utc>>,
}

/// A phase of a deployment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Phase {
    /// Its id.
    pub id: Uuid,
    /// When it begins.
    pub starts_at: DateTime<Utc>,
    /// The share that was asked for, if it was one.
    pub percent: Option<u32>,
    /// How many devices may begin with it, beside those of the phases before.
    pub devices: u64,
}

/// The phases of a deployment, in the order in which they begin; none if all devices may begin at once.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Phases(Arc<[Phase]>);

/// Why a deployment cannot have these phases.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidPhases {
    /// There are too many.
    #[error("phases: at most {MAX_PHASES} are possible")]
    TooMany,
    /// One but the first does not say when it begins.
    #[error("phases: each but the first needs a start_ts")]
    NoStart,
    /// One begins before the one before it.
    #[error("phases: each has to begin after the one before it")]
    Order,
    /// One but the last does not say how large it is.
    #[error("phases: each but the last needs a batch_size or batch_size_devices")]
    NoSize,
    /// Some are shares, others numbers.
    #[error("phases: give the size of all as batch_size, or of all as batch_size_devices")]
    Mixed,
    /// One would be for no device.
    #[error("phases: number {0} would be for no device")]
    Empty(usize),
    /// Together they are not all devices.
    #[error(
        "phases: together they have to be all devices; leave the size of the last one out to let it take the rest"
    )]
    NotAll,
}

impl Phases {
    /// Phases as they are stored.
    #[must_use]
    pub fn stored(phases: Vec<Phase>) -> Self {
        Self(phases.into())
    }

    /// What is asked for, for so many devices. Shares are computed once, and rounded down; the last phase takes what is
    /// left.
    pub fn plan(plans: &[PhasePlan], devices: u64, now: DateTime<Utc>) -> Result<Self, InvalidPhases> {
        if plans.len() > MAX_PHASES {
            return Err(InvalidPhases::TooMany);
        }
        let sizes: Vec<Batch> = plans.iter().filter_map(|plan| plan.batch).collect();
        let is_share = |batch: &Batch| matches!(batch, Batch::Percent(_));
        if sizes.iter().any(is_share) && !sizes.iter().all(is_share) {
            return Err(InvalidPhases::Mixed);
        }
        let mut phases: Vec<Phase> = Vec::with_capacity(plans.len());
        let mut left = devices;
        for (at, plan) in plans.iter().enumerate() {
            let is_last = at + 1 == plans.len();
            let starts_at = match (plan.starts_at, phases.last()) {
                (Some(start), Some(before)) if start <= before.starts_at => return Err(InvalidPhases::Order),
                (Some(start), _) => start,
                (None, None) => now,
                (None, Some(_)) => return Err(InvalidPhases::NoStart),
            };
            let asked = match plan.batch {
                None if !is_last => return Err(InvalidPhases::NoSize),
                None => left,
                Some(Batch::Devices(size)) => size,
                Some(Batch::Percent(_)) if is_last => left,
                Some(Batch::Percent(share)) => share_of(devices, share),
            };
            if asked == 0 {
                return Err(InvalidPhases::Empty(at + 1));
            }
            left = left.checked_sub(asked).ok_or(InvalidPhases::NotAll)?;
            let percent = match plan.batch {
                Some(Batch::Percent(share)) => Some(share),
                Some(Batch::Devices(_)) | None => None,
            };
            phases.push(Phase { id: Uuid::new_v4(), starts_at, percent, devices: asked });
        }
        let shares: u64 = phases.iter().filter_map(|phase| phase.percent).map(u64::from).sum();
        let has_all_shares = plans.iter().all(|plan| plan.batch.as_ref().is_some_and(is_share));
        let is_all = plans.is_empty() || left == 0 && (!has_all_shares || shares == 100);
        if is_all { Ok(Self(phases.into())) } else { Err(InvalidPhases::NotAll) }
    }

    /// How many devices may have begun at a moment.
    #[must_use]
    pub fn room(&self, now: DateTime<Utc>) -> u64 {
        if self.0.is_empty() {
            return u64::MAX;
        }
        self.0.iter().take_while(|phase| phase.starts_at <= now).map(|phase| phase.devices).sum()
    }

    /// When the first one begins, if there is any.
    #[must_use]
    pub fn starts_at(&self) -> Option<DateTime<Utc>> {
        self.0.first().map(|phase| phase.starts_at)
    }

    /// Each phase, and how many of its devices have begun when so many have altogether.
    pub fn begun(&self, mut begun: u64) -> impl Iterator<Item = (&Phase, u64)> {
        self.0.iter().map(move |phase| {
            let own = begun.min(phase.devices);
            begun -= own;
            (phase, own)
        })
    }

    /// Whether all devices may begin at once.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn share_of(devices: u64, percent: u32) -> u64 {
    let share = u128::from(devices) * u128::from(percent) / 100;
    u64::try_from(share).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use super::{Batch, InvalidPhases, PhasePlan, Phases};

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn share(percent: u32, hours: i64) -> PhasePlan {
        PhasePlan { batch: Some(Batch::Percent(percent)), starts_at: Some(at(hours)) }
    }

    fn size(devices: u64, hours: i64) -> PhasePlan {
        PhasePlan { batch: Some(Batch::Devices(devices)), starts_at: Some(at(hours)) }
    }

    fn rest(hours: i64) -> PhasePlan {
        PhasePlan { batch: None, starts_at: Some(at(hours)) }
    }

    fn sizes(plans: &[PhasePlan], devices: u64) -> Result<Vec<u64>, InvalidPhases> {
        let phases = Phases::plan(plans, devices, at(0))?;
        Ok(phases.begun(devices).map(|(_, own)| own).collect())
    }

    #[test]
    fn shares_are_rounded_down_and_the_last_takes_the_rest() {
        assert_eq!(sizes(&[share(10, 1), share(25, 2), rest(3)], 25), Ok(vec![2, 6, 17]));
        assert_eq!(sizes(&[share(33, 1), share(33, 2), share(34, 3)], 10), Ok(vec![3, 3, 4]));
        assert_eq!(sizes(&[size(1, 1), size(9, 2)], 10), Ok(vec![1, 9]));
        assert_eq!(sizes(&[size(1, 1), rest(2)], 10), Ok(vec![1, 9]));
        assert_eq!(sizes(&[share(100, 1)], 10), Ok(vec![10]));
        assert_eq!(sizes(&[PhasePlan::default()], 10), Ok(vec![10]));
        assert_eq!(sizes(&[], 10), Ok(vec![]));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused = |plans: &[PhasePlan]| sizes(plans, 10).unwrap_err();
        assert_eq!(refused(&[share(5, 1), rest(2)]), InvalidPhases::Empty(1));
        assert_eq!(refused(&[size(10, 1), rest(2)]), InvalidPhases::Empty(2));
        assert_eq!(refused(&[size(11, 1), rest(2)]), InvalidPhases::NotAll);
        assert_eq!(refused(&[share(50, 1), share(40, 2)]), InvalidPhases::NotAll);
        assert_eq!(refused(&[share(90, 1), share(20, 2)]), InvalidPhases::NotAll);
        assert_eq!(refused(&[size(4, 1), size(4, 2)]), InvalidPhases::NotAll);
        assert_eq!(refused(&[share(50, 1), size(5, 2)]), InvalidPhases::Mixed);
        assert_eq!(refused(&[rest(1), rest(2)]), InvalidPhases::NoSize);
        assert_eq!(refused(&[share(50, 2), rest(2)]), InvalidPhases::Order);
        let late = PhasePlan { starts_at: None, ..rest(0) };
        assert_eq!(refused(&[share(50, 2), late]), InvalidPhases::NoStart);
        assert_eq!(refused(&vec![share(1, 1); 101]), InvalidPhases::TooMany);
    }

    #[test]
    fn room_grows_with_each_phase() {
        let phases = Phases::plan(&[share(10, 1), share(25, 2), rest(3)], 20, at(0)).unwrap();
        let room: Vec<u64> = (0..5).map(|hours| phases.room(at(hours))).collect();
        assert_eq!(room, [0, 2, 7, 20, 20]);
        assert_eq!(phases.starts_at(), Some(at(1)));
        let begun: Vec<u64> = phases.begun(5).map(|(_, own)| own).collect();
        assert_eq!(begun, [2, 3, 0]);
        assert_eq!(Phases::default().room(at(0)), u64::MAX);
    }

    proptest! {
        #[test]
        fn accepted_phases_are_all_devices(
            batches in proptest::collection::vec((0_u32..=100, proptest::bool::ANY), 0..6),
            devices in 1_u64..10_000,
        ) {
            let last = batches.len();
            let plans: Vec<PhasePlan> = batches
                .iter()
                .enumerate()
                .map(|(n, (percent, has_size))| PhasePlan {
                    batch: (*has_size || n + 1 < last).then_some(Batch::Percent(*percent)),
                    starts_at: Some(at(i64::try_from(n).unwrap())),
                })
                .collect();
            if let Ok(phases) = Phases::plan(&plans, devices, at(0)) {
                let all: u64 = phases.begun(u64::MAX).map(|(phase, _)| phase.devices).sum();
                prop_assert_eq!(all, if plans.is_empty() { 0 } else { devices });
                prop_assert!(phases.begun(u64::MAX).all(|(phase, _)| phase.devices > 0));
                prop_assert!(phases.room(at(100)) >= devices);
            }
        }
    }
}
