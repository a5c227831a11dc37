//! Makes or finds the devices of a fleet.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::config::FleetConfig;
use super::key_pool::{self, KeyPoolError};
use super::member::Member;
use super::progress::Progress;
use super::state_file::{FleetState, StateError};
use crate::device::{DeviceKey, Identity, Memory};

/// Devices that are ready to be switched on.
pub struct Fleet {
    pub(super) config: FleetConfig,
    pub(super) members: Vec<Member>,
    pub(super) state: FleetState,
    pub(super) progress: Arc<Progress>,
}

/// Why a fleet cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The state directory cannot be made.
    #[error("failed to make the directory {}", path.display())]
    Directory {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The stored state is of no use.
    #[error(transparent)]
    State(#[from] StateError),
    /// There are not enough keys.
    #[error(transparent)]
    Keys(#[from] KeyPoolError),
    /// The thread that makes keys ended early.
    #[error("the preparation was interrupted")]
    Interrupted,
}

impl Fleet {
    /// Loads what is in the state directory and makes the rest; [`Progress`] counts the keys.
    ///
    /// Nothing is sent yet, so that devices can be preauthorized by what [`Self::members`] says.
    pub async fn prepare(config: FleetConfig, progress: Arc<Progress>) -> Result<Self, PrepareError> {
        tokio::task::spawn_blocking(move || Self::prepare_blocking(config, progress))
            .await
            .map_err(|_| PrepareError::Interrupted)?
    }

    /// The devices, by number.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The live counters.
    #[must_use]
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    fn prepare_blocking(config: FleetConfig, progress: Arc<Progress>) -> Result<Self, PrepareError> {
        let mut rng = StdRng::seed_from_u64(config.seed);
        let fresh = FleetState::new(rng.random(), config.key_type);
        let state = match &config.state_dir {
            Some(path) => {
                std::fs::create_dir_all(path)
                    .map_err(|source| PrepareError::Directory { path: path.clone(), source })?;
                FleetState::load(path, config.key_type)?.unwrap_or(fresh)
            }
            None => fresh,
        };
        let distinct = config.distinct_keys();
        let wanted = distinct.max(state.keys_used());
        let keys =
            key_pool::load_or_generate(config.state_dir.as_deref(), config.key_type, wanted, &progress)?;
        let members = (0..config.devices)
            .filter_map(|index| member(index, distinct, &keys, &state, &config.artifact_name))
            .collect();
        let fleet = Self { config, members, state, progress };
        // The identities must survive a process that is killed later on.
        fleet.save()?;
        Ok(fleet)
    }

    /// Writes what the devices remember, if the fleet has a state directory.
    pub(super) fn save(&self) -> Result<(), StateError> {
        match &self.config.state_dir {
            Some(dir) => self.state.updated(&self.members).save(dir),
            None => Ok(()),
        }
    }
}

/// The device with a number; a known one keeps its key, whatever the size of the pool is today.
fn member(
    index: u32,
    distinct: usize,
    keys: &[Arc<DeviceKey>],
    state: &FleetState,
    artifact_name: &str,
) -> Option<Member> {
    let identity = Identity::numbered(state.fleet, index);
    let (key_index, memory) = match state.device(index) {
        Some(known) => (known.key_index, Memory { software: known.software, interrupted: known.interrupted }),
        None => (index % u32::try_from(distinct).ok()?, Memory::new(artifact_name)),
    };
    let key = Arc::clone(keys.get(usize::try_from(key_index).ok()?)?);
    Some(Member { index, identity, key, key_index, memory })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{Fleet, FleetConfig, Progress};
    use crate::device::{KeyType, Profile, StoredArtifact, Timing};
    use crate::protocol::{Generation, Origin, Trust};

    fn config(devices: u32, key_pool: usize) -> FleetConfig {
        let ca = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
        let timing = Timing::for_poll(Duration::from_secs(1));
        FleetConfig {
            key_type: KeyType::Ed25519,
            key_pool: Some(key_pool),
            ..FleetConfig::new(
                Origin::parse("https://localhost:1").unwrap(),
                Trust::from_pem(ca.as_bytes()).unwrap(),
                devices,
                Profile::new("sim", Generation::V3, timing),
                7,
            )
        }
    }

    #[tokio::test]
    async fn a_second_run_has_the_same_devices() {
        let dir = tempfile::tempdir().unwrap();
        let with_state = |devices, keys, seed| FleetConfig {
            state_dir: Some(dir.path().to_owned()),
            seed,
            ..config(devices, keys)
        };
        let mut first = Fleet::prepare(with_state(4, 2, 1), Arc::default()).await.unwrap();
        let artifact = StoredArtifact { name: "r1".to_owned(), ..StoredArtifact::default() };
        first.members[3].memory.software.commit(artifact);
        first.save().unwrap();
        // Fewer devices in between must not lose the others.
        Fleet::prepare(with_state(1, 1, 2), Arc::default()).await.unwrap();
        let second = Fleet::prepare(with_state(6, 3, 3), Arc::default()).await.unwrap();
        for (before, after) in first.members().iter().zip(second.members()) {
            assert_eq!(before.identity_json(), after.identity_json());
            assert_eq!(before.public_key_pem(), after.public_key_pem());
            assert_eq!(before.memory(), after.memory());
        }
        assert_eq!(second.members()[3].memory().software.artifact_name(), "r1");
        assert_eq!(second.members().len(), 6);
    }

    #[tokio::test]
    async fn keys_are_shared_beyond_the_pool() {
        let fleet = Fleet::prepare(config(5, 2), Arc::new(Progress::new())).await.unwrap();
        let members = fleet.members();
        assert_eq!(members[0].public_key_pem(), members[4].public_key_pem());
        assert_ne!(members[0].public_key_pem(), members[1].public_key_pem());
        assert_ne!(members[0].identity_json(), members[4].identity_json());
    }
}
