//! Counters: how many devices of a deployment are in each state.

use super::DeviceDeploymentState;

/// One counter for each state.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Statistics([i64; 13]);

impl Statistics {
    /// Counters of a deployment that no device asked for yet.
    #[must_use]
    pub fn targeted(devices: u64) -> Self {
        let mut counters = Self::default();
        counters.add(DeviceDeploymentState::Pending, i64::try_from(devices).unwrap_or(i64::MAX));
        counters
    }

    /// Devices in a state. A difference of counters may be negative.
    #[must_use]
    pub fn of(&self, state: DeviceDeploymentState) -> i64 {
        self.iter().find_map(|(known, count)| (known == state).then_some(count)).unwrap_or(0)
    }

    /// Adds devices to a state.
    pub fn add(&mut self, state: DeviceDeploymentState, devices: i64) {
        for (known, count) in DeviceDeploymentState::ALL.into_iter().zip(&mut self.0) {
            if known == state {
                *count += devices;
            }
        }
    }

    /// Moves one device between states.
    pub fn transfer(&mut self, from: DeviceDeploymentState, to: DeviceDeploymentState) {
        self.add(from, -1);
        self.add(to, 1);
    }

    /// Devices for which nothing can follow.
    #[must_use]
    pub fn finished(&self) -> i64 {
        self.iter().filter(|(state, _)| state.is_final()).map(|(_, count)| count).sum()
    }

    /// All states with their counters.
    pub fn iter(&self) -> impl Iterator<Item = (DeviceDeploymentState, i64)> + '_ {
        DeviceDeploymentState::ALL.into_iter().zip(self.0)
    }
}
