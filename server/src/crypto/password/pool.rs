//! A bound on how much hashing goes on at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};

use super::hash::{HashScheme, PasswordHashError};
use crate::crypto::random::SecureRandom;

/// How many may wait for a turn.
const MAX_QUEUED: usize = 64;

/// What an overloaded caller is told to wait. A full queue of 64 takes about this long on one core.
const RETRY_AFTER_SECS: u32 = 5;

/// Why a password was not hashed or checked.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The queue is full.
    #[error("too many passwords are being checked")]
    Overloaded {
        /// When to come again.
        retry_after_secs: u32,
    },
    /// Hashing failed.
    #[error(transparent)]
    Hash(#[from] PasswordHashError),
    /// The task that hashed is gone.
    #[error("password task did not finish")]
    Interrupted(#[source] JoinError),
}

/// What a check of a password found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The right password.
    Right {
        /// Whether the stored hash is of older parameters, to be replaced now.
        needs_rehash: bool,
    },
    /// The wrong one, or there is no such user.
    Wrong,
}

/// Hashes and checks passwords, as many at once as there are cores, so that memory has a ceiling of
/// the memory of a hash times that number.
#[derive(Clone, Debug)]
pub struct PasswordPool {
    turns: Arc<Semaphore>,
    inside: Arc<AtomicUsize>,
    capacity: usize,
    scheme: Arc<HashScheme>,
    random: Arc<dyn SecureRandom>,
    dummy: SecretString,
}

impl PasswordPool {
    /// Makes a pool for a number of cores. Hashes once, so that there is something to compare with
    /// when a user does not exist.
    pub fn new(
        cores: usize,
        scheme: HashScheme,
        random: Arc<dyn SecureRandom>,
    ) -> Result<Self, PasswordHashError> {
        let cores = cores.max(1);
        let dummy = scheme.hash(&"there is no such user".into(), random.as_ref())?;
        Ok(Self {
            turns: Arc::new(Semaphore::new(cores)),
            inside: Arc::default(),
            capacity: cores + MAX_QUEUED,
            scheme: Arc::new(scheme),
            random,
            dummy,
        })
    }

    /// Hashes a new password into a PHC string.
    pub async fn hash(&self, password: SecretString) -> Result<SecretString, PasswordError> {
        let (scheme, random) = (Arc::clone(&self.scheme), Arc::clone(&self.random));
        self.run(move || scheme.hash(&password, random.as_ref())).await
    }

    /// Checks a password against the stored hash. Without one (no such user) it takes as long and
    /// says [`Verdict::Wrong`].
    pub async fn verify(
        &self,
        password: SecretString,
        stored: Option<SecretString>,
    ) -> Result<Verdict, PasswordError> {
        let is_known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.dummy.clone());
        let scheme = Arc::clone(&self.scheme);
        self.run(move || {
            let is_right = scheme.verify(&password, &stored)? && is_known;
            let needs_rehash = is_right && scheme.needs_rehash(&stored);
            Ok(if is_right { Verdict::Right { needs_rehash } } else { Verdict::Wrong })
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordHashError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let overloaded = PasswordError::Overloaded { retry_after_secs: RETRY_AFTER_SECS };
        let Some(_place) = Place::take(&self.inside, self.capacity) else { return Err(overloaded) };
        let Ok(turn) = Arc::clone(&self.turns).acquire_owned().await else { return Err(overloaded) };
        // The turn ends with the work, even if the caller went away meanwhile.
        let task = spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        Ok(task.await.map_err(PasswordError::Interrupted)??)
    }
}

/// A place among those who hash or wait, given back on drop.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(inside: &Arc<AtomicUsize>, capacity: usize) -> Option<Self> {
        inside
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| {
                (count < capacity).then_some(count + 1)
            })
            .ok()
            .map(|_| Self(Arc::clone(inside)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use super::{MAX_QUEUED, PasswordError, PasswordPool, Verdict};
    use crate::crypto::password::hash::{HashCost, HashScheme};
    use crate::crypto::random::SystemRandom;
    use crate::crypto::seal::MasterKey;

    fn pool() -> PasswordPool {
        let scheme = HashScheme::new(HashCost::default(), &MasterKey::from_bytes(&[1; 32])).unwrap();
        PasswordPool::new(1, scheme, Arc::new(SystemRandom::new())).unwrap()
    }

    #[tokio::test]
    async fn right_wrong_and_unknown() {
        let pool = pool();
        let stored = pool.hash("correct horse".into()).await.unwrap();
        let verdict = pool.verify("correct horse".into(), Some(stored.clone())).await.unwrap();
        assert_eq!(verdict, Verdict::Right { needs_rehash: false });
        assert_eq!(pool.verify("other".into(), Some(stored)).await.unwrap(), Verdict::Wrong);
        assert_eq!(pool.verify("there is no such user".into(), None).await.unwrap(), Verdict::Wrong);
        assert_eq!(pool.inside.load(Ordering::Acquire), 0);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let pool = pool();
        pool.inside.store(1 + MAX_QUEUED, Ordering::Release);
        let refused = pool.verify("any".into(), None).await.unwrap_err();
        assert!(matches!(refused, PasswordError::Overloaded { retry_after_secs: 1.. }));
        pool.inside.fetch_sub(1, Ordering::AcqRel);
        assert_eq!(pool.verify("any".into(), None).await.unwrap(), Verdict::Wrong);
    }
}
