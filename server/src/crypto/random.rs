//! Randomness for secrets, passed in so that tests can choose it.

use std::fmt;

use aws_lc_rs::rand::SecureRandom as _;

/// The system has no randomness to give.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the system's random number generator failed")]
pub struct RandomError;

/// A source of bytes that nobody can predict.
pub trait SecureRandom: fmt::Debug + Send + Sync {
    /// Fills all of `destination`.
    fn fill(&self, destination: &mut [u8]) -> Result<(), RandomError>;
}

/// The generator of the crypto provider, seeded by the operating system.
#[derive(Debug, Default)]
pub struct SystemRandom(aws_lc_rs::rand::SystemRandom);

impl SystemRandom {
    /// Returns a handle; all handles share one generator.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl SecureRandom for SystemRandom {
    fn fill(&self, destination: &mut [u8]) -> Result<(), RandomError> {
        self.0.fill(destination).map_err(|_| RandomError)
    }
}

/// Returns `N` random bytes.
pub fn random_bytes<const N: usize>(random: &dyn SecureRandom) -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    random.fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
pub(crate) mod testing {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::{RandomError, SecureRandom};

    /// Gives 1, 1, 1 … to the first caller, 2, 2, 2 … to the second, and so on.
    #[derive(Debug, Default)]
    pub(crate) struct CountingRandom(AtomicU8);

    impl SecureRandom for CountingRandom {
        fn fill(&self, destination: &mut [u8]) -> Result<(), RandomError> {
            destination.fill(self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SystemRandom, random_bytes};

    #[test]
    fn two_draws_differ() {
        let random = SystemRandom::new();
        let first: [u8; 32] = random_bytes(&random).unwrap();
        let second: [u8; 32] = random_bytes(&random).unwrap();
        assert_ne!(first, second);
    }
}
