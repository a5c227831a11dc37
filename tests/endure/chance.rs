//! Randomness that can be had again.

use std::env;
use std::hash::{BuildHasher, RandomState};

use rand::SeedableRng;
use rand::rngs::StdRng;

/// Returns the seed of a trial, and prints it: `SEALIFT_ENDURE_SEED`, else one that no run had before.
///
/// What is chosen is the same for the same seed; when it meets what the server does is up to the machine.
pub(crate) fn seed(trial: &str) -> u64 {
    let given = number("SEALIFT_ENDURE_SEED");
    // The standard library's hashers are keyed by the system's randomness.
    let seed = given.unwrap_or_else(|| RandomState::new().hash_one(trial));
    eprintln!("endure: {trial}: SEALIFT_ENDURE_SEED={seed}");
    seed
}

/// Returns a generator for one part of a trial.
pub(crate) fn generator(seed: u64, part: u64) -> StdRng {
    StdRng::seed_from_u64(seed ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// Returns the number in an environment variable.
pub(crate) fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text:?} is no number")))
}
