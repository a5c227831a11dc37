//! What the server survives: kills, full disks, broken uploads and downloads, clocks that jump (rows R1, R2, R4, R5 and
//! R8 of the reliability figures).
//!
//! Each trial has a short form, which runs always, and where that says less than it could a long one, which runs with
//! `SEALIFT_LONG=1`. Both print a line for each figure, beginning with `endure:`; `RESULTS.md` keeps those of a long run.
//!
//! | variable | meaning |
//! |---|---|
//! | `SEALIFT_ENDURE_SEED=N` | the seed of all that is random, as a failed run has printed it |
//! | `SEALIFT_ENDURE_KILLS=N` | kills in each trial of the kill loop |
//! | `SEALIFT_ENDURE_FLIPS=N` | flipped bits in each artifact |

mod chance;
mod clock;
mod downloads;
mod full;
mod kill;
mod uploads;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut trials = kill::trials();
    trials.extend(full::trials());
    trials.extend(uploads::trials());
    trials.extend(downloads::trials());
    trials.extend(clock::trials());
    harness::suite::run(4, trials)
}
