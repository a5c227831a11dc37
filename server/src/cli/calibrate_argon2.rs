//! `sealift calibrate-argon2`

use std::time::{Duration, Instant};

use super::error::CliError;
use super::exit::Exit;
use super::output::{print_error, print_line};
use crate::crypto::password::{HashCost, HashScheme, PASSES_FLOOR, PasswordHashError};
use crate::crypto::random::{SystemRandom, random_bytes};
use crate::crypto::seal::MasterKey;

/// What a hash should take at least: half of what nobody minds waiting for (user authentication §2).
const TARGET: Duration = Duration::from_millis(75);

/// Memory is taken in steps of this.
const STEP_KIB: u32 = 1024;

/// No more memory is tried, in KiB.
const MOST_KIB: u32 = 1 << 18;

/// Hashes of which the quickest counts.
const ROUNDS: usize = 5;

/// Find out how much memory hashing passwords should take on this machine
#[derive(clap::Args, Clone, Copy, Debug)]
pub(super) struct Args {}

/// Measures, and prints the settings.
pub(super) fn run(_args: Args) -> Result<Exit, CliError> {
    let random = SystemRandom::new();
    let failed = |err: PasswordHashError| CliError::unreachable("failed to hash", err);
    let key = random_bytes(&random).map_err(|err| CliError::unreachable("failed to hash", err))?;
    let master = MasterKey::from_bytes(&key);
    let measure = |cost: HashCost| {
        let scheme = HashScheme::new(cost, &master)?;
        let mut quickest = Duration::MAX;
        for _ in 0..ROUNDS {
            let began = Instant::now();
            scheme.hash(&"correct horse battery staple".into(), &random)?;
            quickest = quickest.min(began.elapsed());
        }
        Ok(quickest)
    };
    let mut cost = HashCost::default();
    let mut taken = measure(cost).map_err(failed)?;
    while taken < TARGET && cost.memory_kib < MOST_KIB {
        cost.memory_kib = larger(cost.memory_kib, taken);
        taken = measure(cost).map_err(failed)?;
    }
    print_error(&format!("one hash takes {} ms with {} KiB", taken.as_millis(), cost.memory_kib));
    for line in [
        "[users]",
        &format!("argon2_memory_kib = {}", cost.memory_kib),
        &format!("argon2_passes = {PASSES_FLOOR}"),
    ] {
        print_line(line)?;
    }
    Ok(Exit::Done)
}

/// The memory to try next: the time grows with it, a little faster where caches end.
fn larger(memory_kib: u32, taken: Duration) -> u32 {
    let (wanted, taken) = (TARGET.as_micros(), taken.as_micros().max(1));
    let scaled = u128::from(memory_kib) * wanted / taken;
    let next = u32::try_from(scaled)
        .unwrap_or(MOST_KIB)
        .clamp(memory_kib + STEP_KIB, MOST_KIB.max(memory_kib + STEP_KIB));
    next.next_multiple_of(STEP_KIB).min(MOST_KIB)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{MOST_KIB, larger};

    #[test]
    fn memory_grows_by_what_is_missing_and_has_an_end() {
        assert_eq!(larger(19_456, Duration::from_millis(25)), 58_368);
        assert_eq!(larger(19_456, Duration::from_millis(74)), 20_480);
        assert_eq!(larger(19_456, Duration::ZERO), MOST_KIB);
        assert_eq!(larger(MOST_KIB - 1, Duration::from_millis(1)), MOST_KIB);
    }
}
